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
How many orders are drawn is the caller's to say: the claims need so many that the least p which
they can give stays small among all tests (`vipann.claims.counting`).
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from vipann.errors import UserError
from vipann.evaluation.predictions import FILE_COLUMNS, UNCERTAINTIES, Predictions
from vipann.evaluation.ranking import macro_average_precision
from vipann.seeds import derive_seed

RANDOM = "random"
# Enough for the mean curve of det, whose order no claim tests.
MEAN_ORDERS = 200
RETENTION_COLUMNS = [
    *("dataset", "strategy", "phase", "fold"),
    *("uncertainty", "replication", "retained_fraction", "score", "value"),
]
UNCERTAINTY_COLUMNS = [*FILE_COLUMNS, "clip_id", "recording", "uncertainty", "value"]


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
    """
    counts = retained_counts(len(labels), fractions)
    entries = np.empty((len(uncertainties), len(labels)), dtype=np.int64)
    for entry, uncertainty in zip(entries, uncertainties, strict=True):
        cut = np.sort(uncertainty)[counts - 1]
        entry[:] = np.searchsorted(cut, uncertainty, side="left")
    return macro_average_precision(labels, probability, entries, len(counts))


def retention_table(
    predictions: Sequence[Predictions], fractions: Sequence[float], orders: int
) -> pd.DataFrame:
    """Retention curves of every strategy, phase and fold (module docstring).

    predictions: those of clips with labels, any strategies and phases, one file a fold; orders: how
    many random orders of multi-label clips. Columns: dataset, strategy, phase, fold, uncertainty
    ("total" | "aleatoric" | "epistemic", of multi-label predictions also "random"), replication (of
    "random": which order), retained_fraction, score ("accuracy" | "mAP"), value. Raises UserError
    when the folds of one strategy differ in replications or classes, or a fold comes twice.
    """
    steps = sorted({float(fraction) for fraction in fractions})
    labelled = [one for one in predictions if one.labelled]
    _check_folds(labelled)
    nothing = pd.DataFrame(columns=RETENTION_COLUMNS)
    frames = [_curves_of(one, steps, orders) for one in labelled] or [nothing]
    return pd.concat(frames, ignore_index=True)


def with_mean_order(retention: pd.DataFrame) -> pd.DataFrame:
    """The table with one curve for each fold's random orders, their mean, as replication 0.

    Thousands of curves would be most of the file; of a single order only its gain is read, which
    the metrics keep.
    """
    random = retention["uncertainty"] == RANDOM
    keys = [name for name in RETENTION_COLUMNS if name not in ("replication", "value")]
    mean = retention[random].groupby(keys, sort=False)["value"].mean().reset_index()
    whole = pd.concat([retention[~random], mean.assign(replication=0)], ignore_index=True)
    return whole[RETENTION_COLUMNS]


def _curves_of(one: Predictions, steps: Sequence[float], orders: int) -> pd.DataFrame:
    frame = _long(retention_curves(one, steps), UNCERTAINTIES, steps)
    if one.task != "multiclass":
        count = min(orders, MEAN_ORDERS) if one.strategy == "det" else orders
        by_chance = random_order_curves(one, steps, count)[:, None]
        frame = pd.concat([frame, _long(by_chance, (RANDOM,), steps)], ignore_index=True)
    frame["score"] = "accuracy" if one.task == "multiclass" else "mAP"
    return one.described(frame, RETENTION_COLUMNS)


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
    curves: list[np.ndarray | list[np.ndarray]] = []
    for replication, probability in enumerate(one.mean_probability):
        orders = [getattr(one, name)[replication] for name in UNCERTAINTIES]
        if one.task == "multiclass":
            right = probability.argmax(axis=1) == one.targets
            curves.append([retention_curve(right, order, fractions) for order in orders])
        else:
            curves.append(map_retention_curves(one.labels, probability, orders, fractions))
    return np.array(curves)


def random_order_curves(one: Predictions, fractions: Sequence[float], orders: int) -> np.ndarray:
    """(orders, F) mean average precisions of the first replication over the first clips of random
    orders, drawn from the predictions' seed."""
    names = ("random orders", one.dataset, one.strategy, one.phase, one.fold)
    rng = np.random.default_rng(derive_seed(one.seed, *names))
    counts = retained_counts(len(one.labels), fractions)
    first_step = np.searchsorted(counts, np.arange(len(one.labels)), side="right")
    entries = np.tile(first_step.astype(np.uint16), (orders, 1))
    rng.permuted(entries, axis=1, out=entries)
    return macro_average_precision(one.labels, one.mean_probability[0], entries, len(counts))


def uncertainty_table(predictions: Sequence[Predictions]) -> pd.DataFrame:
    """Each clip's uncertainties, the mean over replications, in nats (for the box plots).

    Columns: dataset, scored_dataset, strategy, phase, fold, clip_id, recording, uncertainty,
    value.
    """
    frames = [pd.DataFrame(columns=UNCERTAINTY_COLUMNS)] if not predictions else []
    for one in predictions:
        for name in UNCERTAINTIES:
            value = getattr(one, name).mean(axis=0, dtype=np.float64)
            clips = {"clip_id": one.clip_id, "recording": one.recording}
            frame = pd.DataFrame({**clips, "uncertainty": name, "value": value})
            frames.append(one.described(frame, UNCERTAINTY_COLUMNS))
    return pd.concat(frames, ignore_index=True)
