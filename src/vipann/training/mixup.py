"""Mixup and CutMix of each clip with any other (PSLA, Algorithm 1), before a network sees either.

PSLA mixes waveforms and makes features of the mixture, as `vipann.training.waveforms` does. Without
that, features are mixed as the features file holds them: where those are decibels, decibels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vipann.features.batches import Batch
from vipann.seeds import derive_seed

Mixture = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Partners:
    """Whom each clip of a step is mixed with: a pure function of the seed and the step.

    With probability `rate` one of all `clips` clips, drawn evenly, with lambda from Beta(alpha,
    alpha) (Algorithm 1, lines 9 to 11). CutMix draws the centre of its box evenly besides.
    """

    clips: int
    rate: float
    alpha: float
    seed: int

    def of(self, step: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of a step's `size` clips: positions of their partners (size,), -1 where there is none,
        lambda (size,), 1 there, and centres (size, 2) as shares of frames and of bands."""
        rng = np.random.default_rng(derive_seed(self.seed, "mixup", step))
        is_mixed = rng.random(size) < self.rate
        partners = np.where(is_mixed, rng.integers(self.clips, size=size), -1)
        weights = np.where(is_mixed, rng.beta(self.alpha, self.alpha, size), 1.0)
        return partners, weights, rng.random((size, 2))


class MixedClips(Dataset[Batch]):
    """Clips of which an item is asked for as (positions, partners, lambdas, centres), of length B.

    Item: lambda x_i + (1 - lambda) x_j of features (B, ...) and of labels (B, C), and clip i itself
    where the partner is -1 (lines 12 to 15). With `cuts` features are those of clip i but for a box
    of clip j, of the area 1 - lambda where it lies wholly inside, and labels are mixed by the area
    that it has (CutMix: Yun et al. 2019, equation 1 and Algorithm A1).
    """

    def __init__(self, clips: Any, cuts: bool = False) -> None:
        self.clips, self.cuts = clips, cuts
        self.clip_ids: np.ndarray = clips.clip_ids

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, mixture: Mixture) -> Batch:
        positions, partners, weights, centres = mixture
        mixed = np.flatnonzero(partners >= 0)
        read: Sequence[Tensor] = self.clips[np.concatenate([positions, partners[mixed]])]
        (x, y), size, shares = read, len(positions), weights[mixed]
        if not self.cuts:
            return _mixed(x, size, mixed, shares), _mixed(y, size, mixed, shares)
        boxes = [box(x.shape[1:], *pair) for pair in zip(shares, centres[mixed], strict=True)]
        for number, (place, cut) in enumerate(zip(mixed, boxes, strict=True)):
            x[place][cut] = x[size + number][cut]
        kept = np.array([1 - share_of(cut, x.shape[1:]) for cut in boxes])
        return x[:size], _mixed(y, size, mixed, kept)


def box(shape: Sequence[int], kept: float, centre: np.ndarray) -> tuple[slice, ...]:
    """CutMix's box in features of a `shape`, (T, M) or (S,), as slices.

    Each side is (1 - kept)^(1 / axes) of its axis, rounded; `centre`: where its middle lies, as
    shares of the axes in [0, 1). What would lie outside is left out.
    """
    side = (1 - kept) ** (1 / len(shape))
    found = []
    for length, middle in zip(shape, centre[: len(shape)], strict=True):
        width = round(length * side)
        start = int(middle * length) - width // 2
        found.append(slice(max(0, start), max(0, min(length, start + width))))
    return tuple(found)


def share_of(cut: Sequence[slice], shape: Sequence[int]) -> float:
    """The share of all values of a `shape` that lie in the box."""
    return prod(part.stop - part.start for part in cut) / prod(shape)


def _mixed(values: Tensor, size: int, mixed: np.ndarray, weights: np.ndarray) -> Tensor:
    """(size + K, ...) to (size, ...): of the first `size`, those at `mixed` with the other K."""
    own, places = values[:size], torch.from_numpy(mixed)
    share = torch.from_numpy(weights).to(values).view(-1, *[1] * (values.dim() - 1))
    own[places] = own[places] * share + values[size:] * (1 - share)
    return own
