"""Arithmetic on Gaussian posteriors N(mu, softplus(rho)^2) of as many weights as a network has.

All of it goes block by block: what is done to a block of weights is done while it lies in a
processor's cache, and no temporary is as large as the weights.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vipann.models.clip_rng import fill_normal

_BLOCK = 2**17
_UNDERFLOW = -80.0


def stable_softplus(rho: Tensor) -> Tensor:
    """log(1 + exp(rho)) without gradient, to within rounding, for any rho.

    F.softplus on a CPU spends its time in log1p, up to three times as long as this. Here the
    second term makes good what is lost when 1 is added to a small exponential.
    """
    if rho.device.type != "cpu":
        return F.softplus(rho)
    rho = rho.detach()
    power = rho.clamp(max=80.0).exp_()
    total = power + 1
    power.sub_(total - 1).div_(total)
    return torch.maximum(total.log_().add_(power), rho)


def draw_deviation(rho: Tensor, sigma: Tensor | None = None) -> Tensor:
    """A draw of sigma * eps, eps standard normal, in the layout of rho; sigma = softplus(rho)."""
    deviation = torch.empty_like(rho)
    fill_normal(_flat(deviation))
    for drawn, block in _blocks(deviation, rho if sigma is None else sigma):
        drawn.mul_(stable_softplus(block) if sigma is None else block)
    return deviation


class Deviation(torch.autograd.Function):
    """`draw_deviation` with its gradient; the draw is all that this needs, for it holds eps."""

    @staticmethod
    def forward(ctx: Any, rho: Tensor) -> Tensor:
        deviation = draw_deviation(rho)
        ctx.save_for_backward(rho, deviation)
        return deviation

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        rho, deviation = ctx.saved_tensors
        grad_rho = torch.empty_like(rho)
        for out, block, drawn, above in _blocks(grad_rho, rho, deviation, _laid_out(grad, rho)):
            slope = block.sigmoid() / stable_softplus(block)
            slope = torch.where(block > _UNDERFLOW, slope, 1.0)  # its limit, where both are 0
            torch.mul(slope.mul_(drawn), above, out=out)
        return grad_rho


class GaussianKl(torch.autograd.Function):
    """KL(N(mu, sigma^2) || N(prior_mu, prior_sigma^2)), summed or averaged over the weights.

    With gradients in closed form: plain autograd makes 25 passes over all weights. The logarithm
    of sigma stands alone, because the gradient of a quotient would divide by sigma squared, which
    is 0 where MOPED met a weight of 0.
    """

    @staticmethod
    def forward(
        ctx: Any, mu: Tensor, rho: Tensor, prior_mu: Tensor, prior_sigma: Tensor, mean: bool
    ) -> Tensor:
        ctx.save_for_backward(mu, rho, prior_mu, prior_sigma)
        ctx.share = 1 / mu.numel() if mean else 1.0
        kl = mu.numel() * (prior_sigma.log().mean() - 0.5).double()
        for centre, block, prior, width in _blocks(mu, rho, prior_mu, prior_sigma):
            sigma = stable_softplus(block)
            squares = (centre - prior).square_().add_(sigma.square()).div_(2 * width.square())
            kl = kl + squares.sub_(sigma.log_()).sum()
        return (kl * ctx.share).to(mu.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        mu, rho, prior_mu, prior_sigma = ctx.saved_tensors
        grad = grad * ctx.share
        grad_mu, grad_rho = torch.empty_like(mu), torch.empty_like(rho)
        tensors = (grad_mu, grad_rho, mu, rho, prior_mu, prior_sigma)
        for out_mu, out_rho, centre, block, prior, width in _blocks(*tensors):
            precision = grad / width.square()
            torch.sub(centre, prior, out=out_mu).mul_(precision)
            sigma = stable_softplus(block)
            torch.mul(sigma, precision, out=out_rho)
            out_rho.sub_(sigma.reciprocal_().mul_(grad)).mul_(block.sigmoid())
        return grad_mu, grad_rho, None, None, None


def _blocks(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Flat blocks of tensors that lie alike; one number goes with every block."""
    size = max(t.numel() for t in tensors)
    step = _BLOCK if tensors[0].device.type == "cpu" else size
    lying_as = next(t for t in tensors if t.numel() == size)
    flat = [t if t.dim() == 0 else _flat(_laid_out(t, lying_as)) for t in tensors]
    for first in range(0, size, step):
        yield tuple(t if t.dim() == 0 else t[first : first + step] for t in flat)


def _laid_out(t: Tensor, like: Tensor) -> Tensor:
    """`t` in the memory order of `like`; the stride of a single element orders nothing."""
    pairs = zip(t.shape, t.stride(), like.stride(), strict=True)
    alike = all(own == other for size, own, other in pairs if size > 1)
    return t if alike else torch.empty_like(like).copy_(t)


def _flat(dense: Tensor) -> Tensor:
    return dense.detach().as_strided((dense.numel(),), (1,), dense.storage_offset())
