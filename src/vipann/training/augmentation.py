"""Augmentation of batches, after the encoder's own normalisation of them, as the PANNs do it."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torchaudio.functional import mask_along_axis_iid

from vipann.training.recipe import Recipe

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


def mask(x: Tensor, settings: Mapping[str, float]) -> Tensor:
    """PSLA's masking (section IV-B): one stripe of bands and one of frames in (B, 1, T, M).

    f of fewer than `frequency` bands from f0 on and t of fewer than `time` frames, drawn evenly for
    each clip as torchaudio's FrequencyMasking and TimeMasking draw them, are set to `value` (0).
    PSLA's code masks the features before it normalises them, with 0: then `value` is what 0 becomes
    (1.017 with its mean and deviation).
    """
    value = settings.get("value", 0.0)
    for axis, width in (_MEL_AXIS, settings["frequency"]), (_TIME_AXIS, settings["time"]):
        if width:
            x = mask_along_axis_iid(x, min(int(width), x.shape[axis]), value, axis)
    return x


def augmented(x: Tensor, recipe: Recipe) -> Tensor:
    """All that a recipe does to (B, 1, T, M) clip by clip."""
    x = spec_augment(x, recipe.spec_augment)
    return mask(x, recipe.masking) if recipe.masking else x


def mixing_weights(pairs: int, alpha: float, rate: float = 1.0) -> Tensor:
    """Mixup's lambda for each of `pairs` pairs: (pairs,), drawn from Beta(alpha, alpha); 1, which
    leaves the first of a pair as it is, for those that are not among the mixed share `rate`."""
    weights = torch.distributions.Beta(alpha, alpha).sample((pairs,))
    if rate < 1:
        weights[torch.rand(pairs) >= rate] = 1.0
    return weights


def mix_pairs(x: Tensor, weights: Tensor) -> Tensor:
    """Mixup of neighbours: (2P, ...) and lambda (P,) to (P, ...)."""
    weights = weights.to(x).view(-1, *[1] * (x.dim() - 1))
    return x[0::2] * weights + x[1::2] * (1 - weights)
