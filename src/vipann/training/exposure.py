"""What a training sees of its clips by how it draws them: PSLA's Figures 5 and 6.

Simulated by the very functions that a training draws with, and expected in closed form. Nothing is
trained, and of the clips only their labels are needed.
"""

from collections.abc import Iterator

import numpy as np

from vipann.seeds import derive_seed
from vipann.training.mixup import Partners
from vipann.training.sampling import Draw


def class_frequency(labels: np.ndarray, draw: Draw, epochs: int, seed: int) -> np.ndarray:
    """How often each class is drawn in so many epochs, (C,): Figure 5, there sorted.

    labels: (N, C) multi-hot. Partners of mixup are not counted, as there.
    """
    times = sum(np.bincount(o, minlength=len(labels)) for o in _orders(labels, draw, epochs, seed))
    clips, classes = np.nonzero(labels)
    return np.bincount(classes, np.asarray(times)[clips], minlength=labels.shape[1]).astype(int)


def expected_class_frequency(labels: np.ndarray, chances: np.ndarray, epochs: int) -> np.ndarray:
    """Its expectation (C,): epochs * N * sum_i p_i y_ik, for the chances (N,) of `balancing`."""
    clips, classes = np.nonzero(labels)
    each = np.bincount(classes, chances[clips], minlength=labels.shape[1])
    return epochs * len(labels) * each


def unseen_share(
    labels: np.ndarray, draw: Draw, epochs: int, seed: int, mixup_rate: float = 0.0
) -> np.ndarray:
    """Share of the N clips that have not been seen after 1, 2, ... epochs, (epochs,): Figure 6.

    mixup_rate: of mixup with partners drawn evenly, which count as seen (section IV-C).
    """
    clips = len(labels)
    partners, seen = Partners(clips, mixup_rate, 1.0, seed), np.zeros(clips, dtype=bool)
    unseen = np.empty(epochs)
    for epoch, order in enumerate(_orders(labels, draw, epochs, seed)):
        drawn, *_ = partners.of(epoch, clips)
        seen[order] = seen[drawn[drawn >= 0]] = True
        unseen[epoch] = 1 - seen.mean()
    return unseen


def expected_unseen_share(chances: np.ndarray, epochs: int, mixup_rate: float = 0.0) -> np.ndarray:
    """Its expectation (epochs,), for the chances (N,) of drawing with replacement.

    The mean over clips of ((1 - p_i) (1 - rate / N)) ** (N e) after e epochs.
    """
    clips = len(chances)
    missed = clips * (np.log1p(-chances) + np.log1p(-mixup_rate / clips))
    return np.array([np.exp(epoch * missed).mean() for epoch in range(1, epochs + 1)])


def _orders(labels: np.ndarray, draw: Draw, epochs: int, seed: int) -> Iterator[np.ndarray]:
    """The clips of each epoch, as `vipann.training.sampling.BatchOrder` draws them."""
    for epoch in range(epochs):
        yield draw(len(labels), np.random.default_rng(derive_seed(seed, "order", epoch)))
