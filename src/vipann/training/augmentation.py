"""Augmentation on log-mel batches, as the PANNs do it: after the input's batch norm."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torchaudio.functional import mask_along_axis_iid

_TIME_AXIS, _MEL_AXIS = 2, 3


def spec_augment(x: Tensor, settings: Mapping[str, int]) -> Tensor:
    """SpecAugment: zero random stripes of time and mel in (B, 1, T, mel_bands).

    Per clip, `time_stripes` stripes of fewer than `time_width` frames and `mel_stripes` of fewer
    than `mel_width` bands: a stripe's width is drawn evenly from 0 to one less than that, as the
    PANNs (2 of 64 and 2 of 8) draw it. Stripes may overlap.
    """
    for axis, stripes, width in (
        (_TIME_AXIS, settings["time_stripes"], settings["time_width"]),
        (_MEL_AXIS, settings["mel_stripes"], settings["mel_width"]),
    ):
        for _ in range(stripes):
            x = mask_along_axis_iid(x, min(width, x.shape[axis]), 0.0, axis)
    return x


def mixing_weights(pairs: int, alpha: float) -> Tensor:
    """Mixup's lambda for each of `pairs` pairs: (pairs,), drawn from Beta(alpha, alpha)."""
    return torch.distributions.Beta(alpha, alpha).sample((pairs,))


def mix_pairs(x: Tensor, weights: Tensor) -> Tensor:
    """Mixup of neighbours: (2P, ...) and lambda (P,) to (P, ...)."""
    weights = weights.to(x).view(-1, *[1] * (x.dim() - 1))
    return x[0::2] * weights + x[1::2] * (1 - weights)
