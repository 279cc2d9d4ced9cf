"""Clips shared out by recording: no recording is on both sides of a split."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vipann.evaluation.predictions import UNCERTAINTIES, Predictions
from vipann.evaluation.resampling import Resamples
from vipann.seeds import derive_seed

# Of rows on the clips of all folds together, in the place of a fold.
ALL = "all"


def random_halves(recording: np.ndarray, splits: int, rng: np.random.Generator) -> np.ndarray:
    """Which of N clips are on the first side of each split, (splits, N) bool: those of half of the
    recordings (the smaller half of an odd number), drawn anew for each split.

    recording: (N,), the same for clips that are not independent.
    """
    names, place = np.unique(recording, return_inverse=True)
    ranks = rng.permuted(np.tile(np.arange(len(names)), (splits, 1)), axis=1)
    return (ranks < len(names) // 2)[:, place]


def chosen_clips(one: Predictions, chosen: np.ndarray) -> Predictions:
    """The predictions of some of the clips; chosen: (N,) bool."""
    by_clip = {name: getattr(one, name)[chosen] for name in ("labels", "clip_id", "recording")}
    repeated = ("mean_probability", *UNCERTAINTIES)
    return replace(one, **by_clip, **{name: getattr(one, name)[:, chosen] for name in repeated})


def passes_of(one: Predictions) -> int:
    """How often the network is run for one answer: once without anything random in it."""
    return 1 if one.strategy == "det" else one.mc_samples


def resamples_of(folds: Sequence[Predictions], resamples: int, seed: int) -> list[Resamples]:
    """Those of the recordings of each fold, the same for all networks of a dataset."""
    return [resampled(one, resamples, seed, str(one.fold)) for one in folds]


def resampled(one: Predictions, resamples: int, seed: int, of: str) -> Resamples:
    """Resamples of the recordings of `one`: the same draws for all networks that hear these clips,
    which `of` names."""
    rng = np.random.default_rng(derive_seed(seed, "bootstrap", one.dataset, of))
    return Resamples(one.recording, resamples, rng)


def scopes_of(folds: Sequence[Predictions]) -> list[tuple[str, list[int]]]:
    """What rows are on, with the places of its folds: each fold, where there are several, by its
    number as text, and `ALL`."""
    single = [(str(one.fold), [place]) for place, one in enumerate(folds)]
    return [*(single if len(folds) > 1 else []), (ALL, list(range(len(folds))))]
