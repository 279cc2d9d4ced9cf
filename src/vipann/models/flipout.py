"""Flipout layers (Wen et al. 2018) that cost little more than their two convolutions.

They are bayesian-torch's layers, with its parameters, priors and distribution of outputs, and
another forward pass: signs come from random bits, 1 bit each, and only these bits are kept for the
backward pass; no noise buffers stay between passes; softplus does not overflow.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from bayesian_torch.layers import Conv2dFlipout as TorchConv2dFlipout
from bayesian_torch.layers import LinearFlipout as TorchLinearFlipout
from bayesian_torch.layers.base_variational_layer import BaseVariationalLayer_
from torch import Tensor, nn

from vipann.models.clip_rng import clips_in, laid_out_as, normal, random_words
from vipann.models.gaussian import Deviation, draw_deviation, stable_softplus

Signs = Literal["element", "channel"]

_FLOATS_IN_CACHE = 2**20
_PACKINGS = 4


class Posterior(NamedTuple):
    """One weight tensor's posterior (mu, rho) and prior (mean, sigma)."""

    mu: Tensor
    rho: Tensor
    prior_mu: Tensor
    prior_sigma: Tensor


def posteriors(layer: BaseVariationalLayer_) -> list[Posterior]:
    """The posterior of a Flipout layer's weight and, where it has one, of its bias."""
    part = "kernel" if hasattr(layer, "mu_kernel") else "weight"
    mu, rho = (getattr(layer, f"{name}_{part}") for name in ("mu", "rho"))
    found = [Posterior(mu, rho, layer.prior_weight_mu, layer.prior_weight_sigma)]
    if layer.mu_bias is not None:
        found.append(
            Posterior(layer.mu_bias, layer.rho_bias, layer.prior_bias_mu, layer.prior_bias_sigma)
        )
    return found


class _Lean:
    """What the two layers share; mixed into bayesian-torch's classes.

    A forward pass gives the output for one draw of the weights, which the batch shares.
    """

    signs: Signs
    _buffers: dict[str, Tensor | None]
    _non_persistent_buffers_set: set[str]

    def become_lean(self, signs: Signs) -> None:
        """Drop bayesian-torch's noise buffers, each as large as the weights, and set the signs."""
        if signs not in get_args(Signs):
            raise ValueError(f"signs must be element or channel, not {signs!r}")
        self.signs = signs
        self._sigmas: dict[Tensor, Tensor] = {}
        for name in [name for name in self._buffers if name.startswith("eps_")]:
            del self._buffers[name]
            self._non_persistent_buffers_set.discard(name)

    def _draw(self) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """Means and drawn deviations: (weight, deviation, bias, its deviation)."""
        learning = torch.is_grad_enabled()
        deviation = Deviation.apply if learning else self._deviation_from_kept_sigma
        (weight, noise), *bias = [(mu, deviation(rho)) for mu, rho, *_ in posteriors(self)]
        return (weight, noise, *bias[0]) if bias else (weight, noise, None, None)

    def _deviation_from_kept_sigma(self, rho: Tensor) -> Tensor:
        return draw_deviation(rho, self._sigmas.get(rho))

    def _sigma(self, rho: Tensor) -> Tensor:
        sigma = self._sigmas.get(rho)
        return stable_softplus(rho) if sigma is None else sigma


class LinearFlipout(_Lean, TorchLinearFlipout):
    """bayesian-torch's LinearFlipout, lean: (..., in_features) to (..., out_features).

    With one vector a clip `signs` changes nothing: every element is a channel. Of frames, "channel"
    gives all of a clip's the same signs. Without gradients, and with one vector a clip, the outputs
    are drawn instead of the weights, each from its own normal distribution (Kingma et al. 2015):
    for one clip that is Flipout's distribution exactly, and costs no draw of the weights. Samples
    that are an expanded first dimension of `x` share the work.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled() and clips_in(x) == math.prod(x.shape[:-1]):
            return self._sample_outputs(x)
        weight, weight_noise, bias, bias_noise = self._draw()
        out = F.linear(x, weight, bias)
        per_channel = self.signs == "channel"
        noise = F.linear(x * _signs_like(x, per_channel), weight_noise, bias_noise)
        return torch.addcmul(out, noise, _signs_like(out, per_channel))

    def _sample_outputs(self, x: Tensor) -> Tensor:
        shared = x[:1] if x.dim() > 2 and x.stride(0) == 0 else x
        means, variances = zip(
            *((p.mu, self._sigma(p.rho).square()) for p in posteriors(self)), strict=True
        )
        mean = F.linear(shared, *means)
        spread = F.linear(shared.square(), *variances).sqrt_()
        clips = math.prod(x.shape[:-1])
        noise = normal(clips, mean.expand(*x.shape[:-1], -1))
        return noise.mul_(spread).add_(mean)


class Conv2dFlipout(_Lean, TorchConv2dFlipout):
    """bayesian-torch's Conv2dFlipout, lean: (B, C, H, W) in either memory format, which is kept.

    `signs="element"` draws a sign per pixel and channel, as bayesian-torch does; `"channel"` one
    per example and channel, as published. Both give each output the same mean and variance, but
    only in the second does the noise of one channel's pixels move as one: they are two models.
    """

    def forward(self, x: Tensor) -> Tensor:
        operands = _autocast(x, *self._draw())
        geometry = _Geometry(
            _pair(self.stride), _pair(self.padding), _pair(self.dilation), self.groups
        )
        return _FlipoutConv2d.apply(*operands, geometry, self.signs == "channel")


LEAN: dict[type, type] = {
    TorchLinearFlipout: LinearFlipout,
    TorchConv2dFlipout: Conv2dFlipout,
}


def adopt(network: nn.Module, signs: Signs = "element") -> None:
    """Turn, in place, every bayesian-torch Flipout layer of `network` into the lean one.

    The modules stay the same objects, with their parameters, priors and hooks. Layers that are
    lean already get `signs` too. Kernels are laid out channels last, as the network's are.
    """
    for module in network.modules():
        if type(module) in LEAN:
            module.__class__ = LEAN[type(module)]
        if isinstance(module, _Lean):
            module.become_lean(signs)
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@contextmanager
def fixed_posteriors(network: nn.Module) -> Iterator[None]:
    """Compute each sigma once for all passes without gradients inside the `with` block.

    The posteriors must not change in it; outside of it nothing is kept.
    """
    layers = [m for m in network.modules() if isinstance(m, _Lean)]
    try:
        for layer in layers:
            layer._sigmas = {rho: stable_softplus(rho) for _, rho, *_ in posteriors(layer)}
        yield
    finally:
        for layer in layers:
            layer._sigmas = {}


class _Geometry(NamedTuple):
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int


class _FlipoutConv2d(torch.autograd.Function):
    """conv(x, w) + s_out * conv(s_in * x, d), which keeps one bit a sign for the backward pass.

    Plain autograd would keep both sign tensors and s_in * x in full.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        weight_noise: Tensor,
        bias: Tensor | None,
        bias_noise: Tensor | None,
        geometry: _Geometry,
        per_channel: bool,
    ) -> Tensor:
        x = _dense(x)
        bits_in = _random_bits(x, per_channel)
        # In float32 some convolutions round by how many clips they take; in bfloat16 none was seen.
        packings = _PACKINGS if x.dtype == torch.bfloat16 else 0
        for clips in _portions(x, weight, geometry, packings):
            part = x[clips]
            mean = _dense(F.conv2d(part, weight, bias, *geometry))
            if clips.start == 0:
                out = mean if len(part) == len(x) else _room_for(len(x), mean)
                bits_out = _random_bits(out, per_channel)
            flipped = _flipped(part, _sign_mask(bits_in[clips], part, per_channel))
            noise = F.conv2d(flipped, weight_noise, bias_noise, *geometry)
            noise = _flipped(noise, _sign_mask(bits_out[clips], mean, per_channel))
            torch.add(mean, noise, out=out[clips])
        ctx.save_for_backward(x, weight, weight_noise, bits_in, bits_out)
        ctx.geometry, ctx.per_channel = geometry, per_channel
        last = out.is_contiguous(memory_format=torch.channels_last)
        ctx.out_format = torch.channels_last if last else torch.contiguous_format
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, weight_noise, bits_in, bits_out = ctx.saved_tensors
        needs_x, needs_weight, needs_noise, needs_bias, needs_bias_noise = ctx.needs_input_grad[:5]
        grad = grad.contiguous(memory_format=ctx.out_format)  # in the order of bits_out
        grad_x: Tensor | None = None
        sums: list[Tensor | None] = [None] * 4
        for clips in _portions(x, weight, ctx.geometry):
            part, above = x[clips], grad[clips]
            mask_in = _sign_mask(bits_in[clips], part, ctx.per_channel)
            below, *of_mean = _conv2d_backward(
                above, part, weight, ctx.geometry, (needs_x, needs_weight, needs_bias)
            )
            below_noise, *of_noise = _conv2d_backward(
                _flipped(above, _sign_mask(bits_out[clips], above, ctx.per_channel)),
                _flipped(part, mask_in),
                weight_noise,
                ctx.geometry,
                (needs_x, needs_noise, needs_bias_noise),
            )
            sums = [_sum(*pair) for pair in zip(sums, of_mean + of_noise, strict=True)]
            if below is not None and below_noise is not None:
                below_noise = _flipped(below_noise, mask_in)
                if grad_x is None:
                    grad_x = below if len(part) == len(x) else _room_for(len(x), below)
                torch.add(below, below_noise, out=grad_x[clips])
        grad_weight, grad_bias, grad_noise, grad_bias_noise = sums
        return grad_x, grad_weight, grad_noise, grad_bias, grad_bias_noise, None, None


def _portions(x: Tensor, weight: Tensor, geometry: _Geometry, packings: int = 0) -> list[slice]:
    """Clips at a time. A CPU does all that belongs to a few clips while they are in its cache; but
    each call of a convolution packs its weights, and `packings` says how many times as large as
    these what it works on should be at least."""
    clips, _, height, width = x.shape
    if x.device.type != "cpu":
        return [slice(0, clips)]
    pixels = height * width // (geometry.stride[0] * geometry.stride[1])
    largest = max(x[0].numel(), len(weight) * pixels)
    size = max(1, max(_FLOATS_IN_CACHE, packings * weight.numel()) // largest)
    return [slice(first, first + size) for first in range(0, clips, size)]


def _room_for(clips: int, part: Tensor) -> Tensor:
    """An empty tensor of `clips` clips like those in `part`, in the same memory format."""
    size = (clips, *part.shape[1:])
    return torch.empty_strided(size, part.stride(), dtype=part.dtype, device=part.device)


def _sum(total: Tensor | None, part: Tensor | None) -> Tensor | None:
    return part if total is None or part is None else total.add_(part)


def _conv2d_backward(
    grad: Tensor, x: Tensor, weight: Tensor, geometry: _Geometry, needs: tuple[bool, bool, bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    stride, padding, dilation, groups = geometry
    return torch.ops.aten.convolution_backward(
        grad, x, weight, [len(weight)], stride, padding, dilation, False, [0, 0], groups, needs
    )


@cache
def _sign_pattern(dtype: torch.dtype, device: torch.device) -> tuple[torch.dtype, Tensor, Tensor]:
    """Integer type as wide as `dtype`, shifts by 0 to its width - 1, its sign bit."""
    integer = {2: torch.int16, 4: torch.int32, 8: torch.int64}[dtype.itemsize]
    width = 8 * dtype.itemsize
    shifts = torch.arange(width, dtype=integer, device=device).unsqueeze(1)
    return integer, shifts, torch.tensor(-(2 ** (width - 1)), dtype=integer, device=device)


def _random_bits(like: Tensor, per_channel: bool) -> Tensor:
    """Random bits for the signs of `like`, (B, ...): int64 words, a row per clip."""
    count = like.shape[1] if per_channel else like.numel() // len(like)
    return random_words(len(like), (count + 63) // 64, like.device)


def _sign_mask(bits: Tensor, like: Tensor, per_channel: bool) -> Tensor:
    """Integers that hold the sign bit or nothing, as `bits` say, in the layout of dense `like`.

    Each bit is moved to the place of a float's sign in turn; so 64 signs cost one random number
    and no comparison or conversion.
    """
    integer, shifts, sign_bit = _sign_pattern(like.dtype, like.device)
    mask = torch.bitwise_left_shift(bits.view(integer).unsqueeze(1), shifts)
    mask = mask.bitwise_and_(sign_bit).view(len(bits), -1)
    if per_channel:
        return mask[:, : like.shape[1], None, None]
    return laid_out_as(like, mask)


def _flipped(x: Tensor, mask: Tensor) -> Tensor:
    """`x` with the signs changed where `mask` says."""
    return torch.bitwise_xor(x.view(mask.dtype), mask).view(x.dtype)


def _signs_like(x: Tensor, per_channel: bool) -> Tensor:
    """Signs for (B, ..., C), or one for each of (B, C) in a shape that goes with it."""
    shape = (len(x), *[1] * (x.dim() - 2), x.shape[-1]) if per_channel else x.shape
    ones = torch.ones(shape, dtype=x.dtype, device=x.device)
    return _flipped(ones, _sign_mask(_random_bits(ones, False), ones, False))


def _dense(x: Tensor) -> Tensor:
    """`x` without gaps, with the strides of channels last if it lies so.

    One channel lies so in either format, but torch takes it for contiguous unless the strides say
    otherwise, and with it everything that follows.
    """
    if not x.is_contiguous(memory_format=torch.channels_last):
        return x.contiguous()
    channels, height, width = x.shape[1:]
    return x.as_strided(x.shape, (channels * height * width, 1, channels * width, channels))


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _autocast(x: Tensor, *others: Tensor | None) -> list[Tensor | None]:
    """The operands in autocast's type where it is on: it does not reach into our own Function."""
    kind, operands = x.device.type, [x, *others]
    if not torch.is_autocast_enabled(kind):
        return operands
    dtype = torch.get_autocast_dtype(kind)
    return [None if t is None else t.to(dtype) for t in operands]
