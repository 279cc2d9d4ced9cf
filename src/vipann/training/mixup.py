"""Mixup of each clip with any other (PSLA, Algorithm 1), before a network sees either.

PSLA mixes waveforms, less their means, and makes features of the mixture. Here features are mixed
as the features file holds them: where those are decibels, a mixture of decibels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vipann.features.batches import Batch
from vipann.seeds import derive_seed

Mixture = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Partners:
    """Whom each clip of a step is mixed with: a pure function of the seed and the step.

    With probability `rate` one of all `clips` clips, drawn evenly, with lambda from Beta(alpha,
    alpha) (Algorithm 1, lines 9 to 11).
    """

    clips: int
    rate: float
    alpha: float
    seed: int

    def of(self, step: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Of a step's `size` clips: positions of their partners (size,), -1 where there is none,
        and lambda (size,), 1 there."""
        rng = np.random.default_rng(derive_seed(self.seed, "mixup", step))
        is_mixed = rng.random(size) < self.rate
        partners = np.where(is_mixed, rng.integers(self.clips, size=size), -1)
        return partners, np.where(is_mixed, rng.beta(self.alpha, self.alpha, size), 1.0)


class MixedClips(Dataset[Batch]):
    """Clips of which an item is asked for as (positions, partners, lambdas), each (B,).

    Item: lambda x_i + (1 - lambda) x_j of features (B, ...) and of labels (B, C), and clip i itself
    where the partner is -1 (lines 12 to 15).
    """

    def __init__(self, clips: Any) -> None:
        self.clips = clips
        self.clip_ids: np.ndarray = clips.clip_ids

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, mixture: Mixture) -> Batch:
        positions, partners, weights = mixture
        mixed = np.flatnonzero(partners >= 0)
        read: Sequence[Tensor] = self.clips[np.concatenate([positions, partners[mixed]])]
        x, y = (_mixed(part, len(positions), mixed, weights[mixed]) for part in read)
        return x, y


def _mixed(values: Tensor, size: int, mixed: np.ndarray, weights: np.ndarray) -> Tensor:
    """(size + K, ...) to (size, ...): of the first `size`, those at `mixed` with the other K."""
    own, places = values[:size], torch.from_numpy(mixed)
    share = torch.from_numpy(weights).to(values).view(-1, *[1] * (values.dim() - 1))
    own[places] = own[places] * share + values[size:] * (1 - share)
    return own
