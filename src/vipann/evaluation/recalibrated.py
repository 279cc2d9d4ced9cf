"""What recalibration brings: scores of a network's test clips before and after, with intervals.

Multi-class networks of a fold are recalibrated on its validation fold, which their training left
out, and scored on its test fold. Multi-label ones, which have one evaluation list, are recalibrated
on one half of its recordings and scored on the other. A map is fitted on the first replication.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from vipann.errors import UserError
from vipann.evaluation.calibration import confidence_and_outcome
from vipann.evaluation.diagnostics import RELIABILITY_COLUMNS, reliability_table
from vipann.evaluation.predictions import Predictions, read_predictions
from vipann.evaluation.recalibration import METHODS, UNCHANGED, Recalibration, fit
from vipann.evaluation.resampling import (
    JoinedResamples,
    Resamples,
    Statistic,
    bootstrap,
    interval,
    mean_of,
)
from vipann.evaluation.splits import (
    chosen_clips,
    passes_of,
    random_halves,
    resamples_of,
    scopes_of,
)
from vipann.files import replacing
from vipann.scores import brier, negative_log_likelihood
from vipann.seeds import derive_seed

COLUMNS = [
    *("dataset", "strategy", "phase", "fold", "method", "metric"),
    *("value", "low", "high", "change", "change_low", "change_high"),
    *("folds", "recordings", "resamples", "calibration_clips", "passes"),
]
METHOD_RELIABILITY_COLUMNS = ["method", *RELIABILITY_COLUMNS]
_NOTHING = float("nan")


@dataclass(frozen=True)
class Fold:
    """calibration: predictions of the clips that maps are fitted on; test: of those scored."""

    calibration: Predictions
    test: Predictions


def fold_of(calibration: Predictions, test: Predictions) -> Fold:
    """Raises UserError where both hold a recording, or are of other networks."""
    shared = np.intersect1d(calibration.recording, test.recording)
    where = f"{test.dataset}/{test.strategy}/{test.phase}, fold {test.fold}"
    if len(shared):
        raise UserError(
            f"{where}: {len(shared)} recordings are among its validation clips and its test clips, "
            f"for example {shared[0]}. Recalibration needs others than it is tested on: give all "
            "clips of a recording the same fold."
        )
    if calibration.classes != test.classes or calibration.fold != test.fold:
        raise UserError(f"{where}: its validation predictions are of another network. Delete them.")
    return Fold(calibration, test)


def halves_of(one: Predictions, seed: int) -> Fold:
    """One evaluation list as its two halves; the same ones for all networks of the dataset."""
    rng = np.random.default_rng(derive_seed(seed, "halves", one.dataset))
    (first,) = random_halves(one.recording, 1, rng)
    return Fold(chosen_clips(one, first), chosen_clips(one, ~first))


def calibration_error_of(pairs: Sequence[tuple[np.ndarray, np.ndarray]], bins: int) -> Statistic:
    """The calibration error of resampled clips: `vipann.evaluation.calibration.calibration_error`
    with weights, bins equal in width.

    pairs: confidence and outcome, (N, K) each, of each replication. What a resample gives is more
    noisy within bins than the sample, and larger: only its spread is of use.
    """
    columns, edges = pairs[0][0].shape[1], np.linspace(0.0, 1.0, bins + 1)[1:-1]

    # One replication after the other is asked for, and all would not fit into memory.
    @lru_cache(maxsize=1)
    def gaps(replication: int) -> sparse.csc_array:
        confidence, outcome = (part.astype(np.float64) for part in pairs[replication])
        gap = confidence - outcome
        place = np.searchsorted(edges, confidence) + bins * np.arange(columns)
        starts = np.arange(0, gap.size + 1, columns)
        shape = (bins * columns, len(gap))
        return sparse.csc_array((gap.ravel(), place.ravel(), starts), shape=shape)

    def statistic(replication: int, weights: np.ndarray, _: np.ndarray) -> np.ndarray:
        sums = np.abs(gaps(replication) @ weights.T).sum(axis=0)
        return sums / weights.sum(axis=1) / columns

    return statistic


def statistics_of_probabilities(
    labels: np.ndarray, probability: np.ndarray, one: Predictions, bins: int
) -> dict[str, Statistic]:
    """`ece`, `nll`, `brier` and, where a clip has one label, `classwise_ece`: the mean over classes
    of the calibration error of each class by itself (Kull et al. 2019), which with several labels a
    clip is what `ece` is. labels: (N, C); probability: (R, N, C); one: for its task."""
    found = {
        name: mean_of(np.array([score(labels, p, one.task) for p in probability]))
        for name, score in {"nll": negative_log_likelihood, "brier": brier}.items()
    }
    pairs = [confidence_and_outcome(labels, p, one.task) for p in probability]
    found["ece"] = calibration_error_of(pairs, bins)
    if one.task == "multiclass":
        found["classwise_ece"] = calibration_error_of([(p, labels) for p in probability], bins)
    return found


@dataclass(frozen=True)
class _Measured:
    """A score and its resampled values, (B,)."""

    value: float
    draws: np.ndarray


def _measured(
    statistics: Mapping[str, Statistic], own: Resamples, replications: int
) -> dict[str, _Measured]:
    nothing = Resamples(np.empty(0), own.resamples, np.random.default_rng(0))
    draws = bootstrap(statistics, own, nothing, replications)
    once = np.ones((1, own.clips)), np.ones((1, 0))
    return {
        name: _Measured(
            float(np.mean([statistic(r, *once)[0] for r in range(replications)])), draws[name]
        )
        for name, statistic in statistics.items()
    }


def recalibrated_tables(
    folds: Sequence[Fold], bins: int, resamples: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of `COLUMNS` and of `METHOD_RELIABILITY_COLUMNS` of one strategy and phase.

    fold: its number as text, or "all": the clips of all folds together, each recalibrated by its
    own fold's map; of one fold "all" only. low, high: 95 % interval over test recordings; change:
    the score less that of the same clips uncalibrated, below 0 where recalibration helps. Besides
    the scores, of each method `temperature` and `classes_left` (`Recalibration`), means over folds.
    The maps are as fitted: what another calibration half would give is not in the intervals.
    """
    first = folds[0].test
    own = resamples_of([one.test for one in folds], resamples, seed)
    rows, bars = [], []
    before: dict[str, dict[str, _Measured]] = {}
    for method in (UNCHANGED, *METHODS[first.task]):
        maps = [_fitted(method, one.calibration) for one in folds]
        tests = [_applied(map_, one.test) for map_, one in zip(maps, folds, strict=True)]
        for scope, chosen in scopes_of([one.test for one in folds]):
            found = _scores([tests[i] for i in chosen], [own[i] for i in chosen], bins)
            start = before.setdefault(scope, found)
            facts = {
                "fold": scope,
                "folds": len(chosen),
                "recordings": sum(own[i].recordings for i in chosen),
                "calibration_clips": sum(len(folds[i].calibration.clip_id) for i in chosen),
            }
            sides = [[own[i].recordings for i in chosen]]
            rows += [
                facts | {"method": method, "metric": name} | _bounds(one, start[name], sides)
                for name, one in found.items()
            ]
            rows += [facts | {"method": method} | fact for fact in _facts(maps, chosen)]
        bars.append(reliability_table(tests, bins).assign(method=method))
    frame = pd.DataFrame(rows).assign(resamples=resamples, passes=passes_of(first))
    return first.described(frame, COLUMNS), pd.concat(bars)[METHOD_RELIABILITY_COLUMNS]


def _fitted(method: str, one: Predictions) -> Recalibration:
    return fit(method, one.labels, one.mean_probability[0], one.task)


def _applied(map_: Recalibration, one: Predictions) -> Predictions:
    found = np.stack([map_.apply(p).astype(np.float32) for p in one.mean_probability])
    return replace(one, mean_probability=found)


def _scores(
    tests: Sequence[Predictions], own: Sequence[Resamples], bins: int
) -> dict[str, _Measured]:
    labels = np.concatenate([one.labels for one in tests])
    probability = np.concatenate([one.mean_probability for one in tests], axis=1)
    statistics = statistics_of_probabilities(labels, probability, tests[0], bins)
    return _measured(statistics, JoinedResamples(own), tests[0].replications)


def _bounds(one: _Measured, start: _Measured, sides: Sequence[Sequence[int]]) -> dict[str, float]:
    low, high = interval(one.value, one.draws, sides)
    change = one.value - start.value
    bounds = interval(change, one.draws - start.draws, sides)
    # None of the scores is negative.
    level = {"value": one.value, "low": low if np.isnan(low) else max(low, 0.0), "high": high}
    differs = {"change": change, "change_low": bounds[0], "change_high": bounds[1]}
    return level | differs


def _facts(maps: Sequence[Recalibration], chosen: Sequence[int]) -> list[dict[str, object]]:
    read: dict[str, Callable[[Recalibration], float]] = {
        "temperature": lambda one: one.temperature,
        "classes_left": lambda one: one.left,
    }
    values = {name: np.mean([get(maps[i]) for i in chosen]) for name, get in read.items()}
    empty = dict.fromkeys(("low", "high", "change", "change_low", "change_high"), _NOTHING)
    return [
        {"metric": name, "value": float(value)} | empty
        for name, value in values.items()
        if not np.isnan(value)
    ]


def write_recalibrated(
    networks: Sequence[Sequence[tuple[Path, Path | None]]],
    bins: int,
    resamples: int,
    seed: int,
    outputs: Mapping[str, Path | str],
) -> None:
    """Write the parquet files of a dataset; outputs: paths of "scores" and "reliability".

    networks: of each strategy and phase the folds' files: predictions of test clips, and of
    validation clips or None, where one evaluation list is halved. Not more than one strategy and
    phase is in memory.

    Raises:
        UserError: a file is broken, or both files of a fold hold a recording (`fold_of`).
    """
    found: dict[str, list[pd.DataFrame]] = {"scores": [], "reliability": []}
    for files in networks:
        folds = [_read(tested, validated, seed) for tested, validated in files]
        scores, reliability = recalibrated_tables(folds, bins, resamples, seed)
        found["scores"].append(scores)
        found["reliability"].append(reliability)
    for name, path in outputs.items():
        with replacing(path) as beside:
            pd.concat(found[name], ignore_index=True).to_parquet(beside, index=False)


def _read(tested: Path, validated: Path | None, seed: int) -> Fold:
    test = read_predictions(tested)
    return fold_of(read_predictions(validated), test) if validated else halves_of(test, seed)
