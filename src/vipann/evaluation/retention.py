"""Scores against the retained fraction: does discarding uncertain clips help? (Section 3.3)

Each fold has a network of its own: its clips are ordered by that network's uncertainty, from most
to least certain, and the score over the most certain part is taken in each replication. Readers
average over folds ("we present all results averaged across folds", section 3.3), which count alike
as they do in Table 4; so the point at 100 % is the accuracy of Table 4. Pooling the folds' clips
instead would compare the uncertainties of different networks, which need not share a scale.

A fold of N clips retains ceil(fraction * N) of them, at least one: below a fraction of 1 / N its
curve is flat, and its score rests on a single clip (20 clips a fold in DCASE2013). Averaged over
folds the curve then has steps, as the paper remarks of that dataset (section 4.3).

Macro mAP rises by itself where clips are discarded: classes that have no positive left drop out,
and few negatives are easily ranked. So multi-label predictions also get curves of clips in random
order, as uncertainty "random": an uncertainty knows something where its curve is above these.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from vipann.errors import UserError
from vipann.evaluation.predictions import UNCERTAINTIES, Predictions
from vipann.seeds import derive_seed

RANDOM = "random"
# So many tell a gain from chance down to p = 0.005, in 20 s a network on AudioSet's evaluation set.
RANDOM_ORDERS = 200
RETENTION_COLUMNS = [
    "dataset",
    "strategy",
    "phase",
    "fold",
    "uncertainty",
    "replication",
    "retained_fraction",
    "score",
    "value",
]
UNCERTAINTY_COLUMNS = [
    "dataset",
    "scored_dataset",
    "strategy",
    "phase",
    "fold",
    "clip_id",
    "recording",
    "uncertainty",
    "value",
]


def retained_counts(clips: int, fractions: Sequence[float]) -> np.ndarray:
    """How many of `clips` clips each fraction retains: ceil(fraction * clips), (F,) int."""
    if clips < 1:
        raise UserError("retention: there are no clips to retain a fraction of.")
    if not all(0.0 < fraction <= 1.0 for fraction in fractions):
        raise UserError(
            f"retained fractions must lie in (0, 1], not {list(fractions)}: "
            "see the config's evaluation section."
        )
    # The subtraction keeps 0.05 * 20 = 1.0000000000000002 from retaining a second clip.
    return np.array([math.ceil(fraction * clips - 1e-9) for fraction in fractions], dtype=int)


def retention_curve(
    values: np.ndarray, uncertainty: np.ndarray, fractions: Sequence[float]
) -> np.ndarray:
    """Mean of `values` over the most certain clips, for each retained fraction.

    values: (N,), per-clip score, for accuracy 1 where the prediction is right and else 0;
    uncertainty: (N,), higher is more uncertain; fractions: (F,) in (0, 1]. Returns (F,) in the
    range of `values`. Where the cut falls among clips of the same uncertainty the expected value
    over their possible orders is taken, so that the order of clips in a file has no influence.
    """
    counts = retained_counts(len(values), fractions)
    _, group, size = np.unique(uncertainty, return_inverse=True, return_counts=True)
    mean_of_ties = np.bincount(group, weights=values) / size
    running = np.cumsum(np.repeat(mean_of_ties, size))
    return running[counts - 1] / counts


def map_retention_curves(
    labels: np.ndarray,
    probability: np.ndarray,
    uncertainties: Sequence[np.ndarray],
    fractions: Sequence[float],
) -> np.ndarray:
    """Macro mAP over the most certain clips, for several uncertainties at once.

    labels: (N, C) multi-hot; probability: (N, C); uncertainties: U arrays (N,), higher is more
    uncertain; fractions: (F,), ascending, in (0, 1]. Returns (U, F) in [0, 1]. At each point the
    classes without a positive among the retained clips are left out; NaN where none is left.
    Clips that tie with the last retained one are all retained: the expected mAP over orders has
    no short form, and like this the order of clips in a file has no influence either.

    AP is the mean over a class's positives of (positives at or above it) / (clips at or above
    it). Both counts come, for all fractions at once, from one two-dimensional histogram of
    (place among the positives' probabilities, first fraction that retains the clip). So one
    replication of AudioSet's 20,000 clips and 527 classes takes about a second where sorting
    every class for each of 3 x 20 points would take minutes.
    """
    counts = retained_counts(len(labels), fractions)
    steps = len(counts)
    entries = []
    for uncertainty in uncertainties:
        cut = np.sort(uncertainty)[counts - 1]
        entries.append(np.searchsorted(cut, uncertainty, side="left"))
    summed, classes = np.zeros((2, len(entries), steps))
    columns = np.ascontiguousarray(probability.T)
    for index in np.flatnonzero(labels.any(axis=0)):
        positive = labels[:, index].astype(bool)
        thresholds = np.sort(columns[index][positive])
        place = np.searchsorted(thresholds, columns[index], side="right")
        for row, entry in enumerate(entries):
            precision, retained = _average_precision(place, entry, positive, steps)
            summed[row] += precision
            classes[row] += retained
    with np.errstate(invalid="ignore"):
        return summed / classes


def _average_precision(
    place: np.ndarray, entry: np.ndarray, positive: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """(AP of one class, 0 where it has no positive; whether it has one), each (steps,)."""
    rows = int(positive.sum()) + 1

    def reaching(chosen: np.ndarray | slice) -> np.ndarray:
        cells = place[chosen] * (steps + 1) + entry[chosen]
        table = np.bincount(cells, minlength=rows * (steps + 1)).reshape(rows, steps + 1)
        at_or_above = table[::-1].cumsum(axis=0)[::-1][1:]
        return at_or_above.cumsum(axis=1)[:, :steps]

    clips, positives = reaching(slice(None)), reaching(positive)
    is_retained = entry[positive][:, None] <= np.arange(steps)
    at = place[positive] - 1
    precision = positives[at] / np.maximum(clips[at], 1)
    count = is_retained.sum(axis=0)
    return (precision * is_retained).sum(axis=0) / np.maximum(count, 1), count > 0


def retention_table(predictions: Sequence[Predictions], fractions: Sequence[float]) -> pd.DataFrame:
    """Retention curves of every strategy, phase and fold (module docstring).

    predictions: those of clips with labels, any strategies and phases, one file a fold.
    Columns: dataset, strategy, phase, fold, uncertainty ("total" | "aleatoric" | "epistemic", of
    multi-label predictions also "random"), replication (of "random": which order),
    retained_fraction, score ("accuracy" | "mAP"), value. Raises UserError when the folds of one
    strategy differ in replications or classes, or a fold comes twice.
    """
    steps = sorted({float(fraction) for fraction in fractions})
    labelled = [one for one in predictions if one.labelled]
    _check_folds(labelled)
    frames = [_curves_of(one, steps) for one in labelled]
    return (
        pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=RETENTION_COLUMNS)
    )


def _curves_of(one: Predictions, steps: Sequence[float]) -> pd.DataFrame:
    frame = _long(retention_curves(one, steps), UNCERTAINTIES, steps)
    if one.task != "multiclass":
        orders = random_order_curves(one, steps)[:, None]
        frame = pd.concat([frame, _long(orders, (RANDOM,), steps)], ignore_index=True)
    frame["score"] = "accuracy" if one.task == "multiclass" else "mAP"
    for name in ("dataset", "strategy", "phase", "fold"):
        frame[name] = getattr(one, name)
    return frame[RETENTION_COLUMNS]


def _long(values: np.ndarray, names: Sequence[str], steps: Sequence[float]) -> pd.DataFrame:
    """Curves (replications, uncertainties, fractions), a row a point."""
    index = pd.MultiIndex.from_product(
        [range(len(values)), names, steps],
        names=["replication", "uncertainty", "retained_fraction"],
    )
    return pd.DataFrame({"value": values.ravel()}, index=index).reset_index()


def _check_folds(predictions: Sequence[Predictions]) -> None:
    """UserError where folds of one strategy and phase cannot be averaged."""
    groups: dict[tuple[str, str, str], list[Predictions]] = {}
    for one in predictions:
        groups.setdefault((one.dataset, one.strategy, one.phase), []).append(one)
    for names, folds in groups.items():
        where = "/".join(names)
        if len({one.fold for one in folds}) < len(folds):
            raise UserError(f"{where}: the same fold was passed twice to the retention curves.")
        if len({(one.replications, one.classes, one.task) for one in folds}) > 1:
            raise UserError(
                f"{where}: its folds differ in replications or classes, so they cannot be "
                "averaged. Delete its predictions and run again."
            )


def retention_curves(one: Predictions, fractions: Sequence[float]) -> np.ndarray:
    """One fold's curves (R, 3, F), of accuracy or mAP, by replication and `UNCERTAINTIES`."""
    return (_accuracy_curves if one.task == "multiclass" else _map_curves)(one, fractions)


def _accuracy_curves(one: Predictions, fractions: Sequence[float]) -> np.ndarray:
    """(R, 3, F) accuracies."""
    right = one.predicted == one.targets
    return np.array(
        [
            [
                retention_curve(right[replication], getattr(one, name)[replication], fractions)
                for name in UNCERTAINTIES
            ]
            for replication in range(one.replications)
        ]
    )


def _map_curves(one: Predictions, fractions: Sequence[float]) -> np.ndarray:
    """(R, 3, F) mean average precisions."""
    return np.array(
        [
            map_retention_curves(
                one.labels,
                one.mean_probability[replication],
                [getattr(one, name)[replication] for name in UNCERTAINTIES],
                fractions,
            )
            for replication in range(one.replications)
        ]
    )


def random_order_curves(one: Predictions, fractions: Sequence[float]) -> np.ndarray:
    """(RANDOM_ORDERS, F) mean average precisions of the first replication over the first clips of
    random orders, drawn from the predictions' seed."""
    words = ("random orders", one.dataset, one.strategy, one.phase, one.fold)
    rng = np.random.default_rng(derive_seed(one.seed, *words))
    orders = [rng.permutation(len(one.labels)) for _ in range(RANDOM_ORDERS)]
    return map_retention_curves(one.labels, one.mean_probability[0], orders, fractions)


def uncertainty_table(predictions: Sequence[Predictions]) -> pd.DataFrame:
    """Each clip's uncertainties, the mean over replications, in nats (for the box plots).

    Columns: dataset, scored_dataset, strategy, phase, fold, clip_id, recording, uncertainty,
    value.
    """
    frames = []
    for one in predictions:
        for name in UNCERTAINTIES:
            frame = pd.DataFrame({"clip_id": one.clip_id, "recording": one.recording})
            frame["uncertainty"] = name
            frame["value"] = getattr(one, name).mean(axis=0, dtype=np.float64)
            for word in ("dataset", "scored_dataset", "strategy", "phase", "fold"):
                frame[word] = getattr(one, word)
            frames.append(frame[UNCERTAINTY_COLUMNS])
    if not frames:
        return pd.DataFrame(columns=UNCERTAINTY_COLUMNS)
    return pd.concat(frames, ignore_index=True)
