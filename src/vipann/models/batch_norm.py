"""Batch norm whose statistics are right however many values a channel has.

With channels last, on a CPU, PyTorch adds up a channel's float32 values one after the other: of
6 million (32 clips of 30 s) it finds a variance that is 0.8 % too small on one thread, and less
wrong the more threads share them, so that a training depends on their number. Up to `RIGHT` values
it is within 2e-5 of float64. More are taken in blocks, which are put together as Chan, Golub and
LeVeque (1979, equation 2.1) do. The gradient is torch's: of its sums, over terms of both signs,
little is lost (2e-6 of the gradient, of 6 million values that do not depend on it).
"""

from typing import Any

import torch
from torch import Tensor, nn

# Values of a channel. What a block's mean was read from is still in the cache for its variance.
RIGHT, BLOCK = 2**16, 2**14

aten = torch.ops.aten


class BatchNorm2d(nn.BatchNorm2d):
    """torch's, but for the statistics of large batches with channels last, in training on a CPU:
    (B, C, H, W) to the same. Smaller ones, and inference, are torch's to the last bit."""

    def forward(self, x: Tensor) -> Tensor:
        if not self._mends(x):
            return super().forward(x)
        rows = x.permute(0, 2, 3, 1).flatten(end_dim=2)
        mean, variance = statistics(rows)
        self._follow(mean, variance * (len(rows) / (len(rows) - 1)))
        return _Normalised.apply(x, self.weight, self.bias, mean, variance, self.eps)

    def _mends(self, x: Tensor) -> bool:
        if not (self.training and self.track_running_stats) or x.device.type != "cpu":
            return False
        if x.numel() <= RIGHT * x.shape[1] or x.is_contiguous():
            return False
        # A compiled network has another way, Welford's, which is right.
        last = x.is_contiguous(memory_format=torch.channels_last)
        return last and not torch.compiler.is_compiling()

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """The running statistics, as `nn.BatchNorm2d` has them."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = self.momentum
        if share is None:  # a plain mean of all batches
            share = 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean.to(self.running_mean), share)
        self.running_var.lerp_(variance.to(self.running_var), share)


def mend_batch_norm(network: nn.Module) -> None:
    """Turn, in place, every `nn.BatchNorm2d` of `network` into the one above: the same objects,
    with their tensors and settings."""
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = BatchNorm2d


@torch.no_grad()
def statistics(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (over N) of the columns of (N, C), both (C,), float32 or as `rows` are."""
    dtype = torch.promote_types(rows.dtype, torch.float32)
    unused = torch.zeros(2, rows.shape[1], dtype=dtype)  # running ones, which set the type
    blocks = rows.split(BLOCK)
    found = [aten.batch_norm_update_stats(block, *unused, 0.0) for block in blocks]
    means, variances = (torch.stack(each).double() for each in zip(*found, strict=True))
    share = torch.tensor([[len(block) / len(rows)] for block in blocks], dtype=torch.float64)
    mean = (share * means).sum(0)
    variance = (share * (variances + (means - mean).square())).sum(0)
    return mean.to(dtype), variance.to(dtype)


class _Normalised(torch.autograd.Function):
    """Channels last, batch norm with statistics that are given, and the gradient of one that
    computes them."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        variance: Tensor,
        eps: float,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, (variance + eps).rsqrt_())
        ctx.eps = eps
        return aten.native_batch_norm(x, weight, bias, mean, variance, False, 0.0, eps)[0]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, scale = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last)
        found = aten.native_batch_norm_backward(
            grad, x, weight, None, None, mean, scale, True, ctx.eps, list(ctx.needs_input_grad[:3])
        )
        return (*found, None, None, None)
