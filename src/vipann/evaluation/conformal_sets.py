"""What the sets of a network's test clips hold: coverage, misses and sizes over many splits.

The test clips of each fold are split in half by recording, many times: one half calibrates, the
sets of the other are counted. Split s takes replication s modulo R, as a resample of
`vipann.evaluation.resampling` does.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vipann.errors import UserError
from vipann.evaluation.conformal import (
    SCORES,
    false_negative_thresholds,
    least_clips,
    nonconformity,
    threshold_rank,
    thresholds,
)
from vipann.evaluation.predictions import Predictions, read_predictions
from vipann.evaluation.resampling import JoinedResamples, Resamples, bootstrap, interval, mean_of
from vipann.evaluation.splits import ALL, passes_of, random_halves, resamples_of, scopes_of
from vipann.files import replacing
from vipann.seeds import derive_seed

RISK_CONTROL = "risk_control"
COLUMNS = [
    *("dataset", "strategy", "phase", "fold", "score", "alpha", "class", "metric"),
    *("value", "low", "high", "split_low", "split_high"),
    *("folds", "recordings", "resamples", "splits", "passes"),
]
KEY = "uncertainty.conformal.alpha"
# Metrics that lie in [0, 1].
SHARES = ("coverage", "false_negative_rate", "single", "empty")


@dataclass(frozen=True)
class SetSettings:
    """alphas: of 1 - coverage, and of the false negative rate; penalty, free: of raps; resamples:
    of the intervals; seed: of splits, of aps's draws and of resamples."""

    alphas: Sequence[float]
    splits: int
    penalty: float
    free: int
    resamples: int
    seed: int


@dataclass(frozen=True)
class Counted:
    """by_clip: metric -> its mean over the splits that test a clip, (N,), NaN where none does;
    by_split: metric -> its mean over the clips of each split, (S,); expected: the coverage that the
    numbers of calibration clips promise, mean over splits."""

    by_clip: Mapping[str, np.ndarray]
    by_split: Mapping[str, np.ndarray]
    expected: float


def refuse_few_recordings(where: str, recordings: int, alphas: Sequence[float]) -> None:
    """Raise UserError where half of the recordings of `where` ("esc10's fold 1") are too few for an
    alpha (`least_clips`)."""
    needed, alpha = max((least_clips(alpha), alpha) for alpha in alphas)
    half = recordings // 2
    if half < needed:
        raise UserError(
            f"{KEY}: {alpha:g} needs {needed} recordings to calibrate on, and half of the "
            f"{recordings} recordings of {where} are {half}. Set {KEY} to "
            f"{math.ceil(100 / (half + 1)) / 100:g} or more, if that is of use, or test on folds "
            f"of at least {2 * needed} recordings."
        )


def write_recordings(
    manifest: Path, dataset: str, folds: Sequence[int], alphas: Sequence[float], out: Path | str
) -> None:
    """Write how many recordings each fold has, as csv; folds: none where there is one evaluation
    list. Before any training: raises UserError as `refuse_few_recordings`."""
    clips = pd.read_parquet(manifest, columns=["fold", "split", "recording"])
    parts = {str(k): (f"{dataset}'s fold {k}", clips["fold"] == k) for k in folds}
    parts = parts or {ALL: (f"{dataset}'s evaluation list", clips["split"] == "eval")}
    rows = []
    for fold, (where, chosen) in parts.items():
        recordings = clips.loc[chosen, "recording"].nunique()
        refuse_few_recordings(where, recordings, alphas)
        rows.append({"dataset": dataset, "fold": fold, "recordings": recordings})
    with replacing(out) as beside:
        pd.DataFrame(rows).to_csv(beside, index=False)


def count_sets(one: Predictions, score: str, alpha: float, settings: SetSettings) -> Counted:
    """Sets of one fold by a score of `SCORES`: metrics coverage, size (classes), single and empty
    (shares of sets with one class, and with none)."""
    halves, uniform = _draws(one, settings)
    targets, clips = one.targets, np.arange(len(one.clip_id))
    sums = _Sums(~halves)
    for replication, splits in _by_replication(one, settings.splits):
        p = one.mean_probability[replication]
        found = nonconformity(p, score, uniform, settings.penalty, settings.free)
        true = found[clips, targets]
        for split, threshold in zip(splits, thresholds(true, halves[splits], alpha), strict=True):
            size = (found <= threshold).sum(axis=1)
            covered = true <= threshold
            sums.add(split, coverage=covered, size=size, single=size == 1, empty=size == 0)
    numbers = halves.sum(axis=1)
    promised = [min(1.0, threshold_rank(n, alpha) / (n + 1)) for n in numbers]
    return sums.counted(float(np.mean(promised)))


def count_label_sets(one: Predictions, alpha: float, settings: SetSettings) -> Counted:
    """Sets of several labels a clip at a controlled rate: metrics false_negative_rate, size."""
    halves, _ = _draws(one, settings)
    clip, column = np.nonzero(one.labels)
    labels = np.maximum(one.labels.sum(axis=1, dtype=np.int64), 1)
    sums = _Sums(~halves)
    for replication, splits in _by_replication(one, settings.splits):
        p = one.mean_probability[replication]
        found = false_negative_thresholds(one.labels, p, halves[splits], alpha)
        for split, threshold in zip(splits, found, strict=True):
            missed = np.bincount(clip[p[clip, column] < threshold], minlength=len(labels))
            size = np.count_nonzero(p >= threshold, axis=1)
            sums.add(split, false_negative_rate=missed / labels, size=size)
    return sums.counted(1 - alpha)


class _Sums:
    """Running sums of metrics over the splits that test a clip."""

    def __init__(self, tested: np.ndarray) -> None:
        self._tested, self._clips, self._splits = tested, {}, {}  # type: ignore[var-annotated]

    def add(self, split: int, **values: np.ndarray) -> None:
        """Values (N,) of all clips at one split's threshold."""
        tested = self._tested[split]
        for name, value in values.items():
            sums = self._clips.setdefault(name, np.zeros(len(tested)))
            sums[tested] += value[tested]
            means = self._splits.setdefault(name, np.zeros(len(self._tested)))
            means[split] = value[tested].mean()

    def counted(self, expected: float) -> Counted:
        times = self._tested.sum(axis=0)
        with np.errstate(invalid="ignore"):
            by_clip = {name: sums / times for name, sums in self._clips.items()}
        return Counted(by_clip, self._splits, expected)


def _draws(one: Predictions, settings: SetSettings) -> tuple[np.ndarray, np.ndarray]:
    """The splits of a fold, the same for all its networks, and aps's draw of each clip."""
    seed = derive_seed(settings.seed, "conformal", one.dataset, one.fold)
    rng = np.random.default_rng(seed)
    halves = random_halves(one.recording, settings.splits, rng)
    return halves, rng.random(len(one.clip_id))


def _by_replication(one: Predictions, splits: int) -> Iterator[tuple[int, np.ndarray]]:
    for replication in range(min(one.replications, splits)):
        yield replication, np.arange(replication, splits, one.replications)


def conformal_table(folds: Sequence[Predictions], settings: SetSettings) -> pd.DataFrame:
    """Rows of `COLUMNS` of one strategy and phase.

    fold: its number as text, or "all", the clips of all folds together; class: "all", or with fold
    "all" the clips of one class. value: the mean over clips of each clip's mean over the splits
    that test it; low, high: its 95 % interval over recordings, with the splits as drawn;
    split_low, split_high: between which 95 % of the splits' means lie (means over folds).
    `expected_coverage` is what the numbers of calibration clips promise.
    """
    first = folds[0]
    for one in folds:
        where = f"{one.dataset}'s fold {one.fold}"
        refuse_few_recordings(where, len(np.unique(one.recording)), settings.alphas)
    own = resamples_of(folds, settings.resamples, settings.seed)
    rows: list[dict[str, object]] = []
    for score in SCORES if first.task == "multiclass" else (RISK_CONTROL,):
        for alpha in settings.alphas:
            counted = [_counted(one, score, alpha, settings) for one in folds]
            found = list(_rows(folds, counted, own))
            if score != RISK_CONTROL:
                found += _class_rows(folds, counted)
            rows += [{"score": score, "alpha": alpha} | row for row in found]
    frame = pd.DataFrame(rows).assign(
        resamples=settings.resamples, splits=settings.splits, passes=passes_of(first)
    )
    return first.described(frame, COLUMNS)


def _counted(one: Predictions, score: str, alpha: float, settings: SetSettings) -> Counted:
    if score == RISK_CONTROL:
        return count_label_sets(one, alpha, settings)
    return count_sets(one, score, alpha, settings)


def _rows(
    folds: Sequence[Predictions], counted: Sequence[Counted], own: Sequence[Resamples]
) -> Iterator[dict[str, object]]:
    """Of each fold, where there are several, and of all."""
    for scope, chosen in scopes_of(folds):
        resamples = JoinedResamples([own[i] for i in chosen])
        sides = [[own[i].recordings for i in chosen]]
        facts = {"fold": scope, "class": ALL, "folds": len(chosen), "recordings": sum(sides[0])}
        for name in counted[0].by_clip:
            values = np.concatenate([counted[i].by_clip[name] for i in chosen])
            splits = np.mean([counted[i].by_split[name] for i in chosen], axis=0)
            low, high = np.quantile(splits, [0.025, 0.975])
            yield facts | {
                "metric": name,
                **_with_interval(name, values, resamples, sides),
                "split_low": float(low),
                "split_high": float(high),
            }
        if "coverage" in counted[0].by_clip:
            promised = float(np.mean([counted[i].expected for i in chosen]))
            yield facts | {"metric": "expected_coverage", "value": promised}


def _with_interval(
    name: str, values: np.ndarray, own: Resamples, sides: Sequence[Sequence[int]]
) -> dict[str, float]:
    """A clip that no split tests has no part in it."""
    there = ~np.isnan(values)
    value = float(values[there].mean())

    def statistic(replication: int, weights: np.ndarray, _: np.ndarray) -> np.ndarray:
        return mean_of(values[None, there])(replication, weights[:, there], _)

    nothing = Resamples(np.empty(0), own.resamples, np.random.default_rng(0))
    draws = bootstrap({name: statistic}, own, nothing, 1)[name]
    low, high = interval(value, draws, sides, share=name in SHARES)
    return {"value": value, "low": low, "high": high}


def _class_rows(
    folds: Sequence[Predictions], counted: Sequence[Counted]
) -> Iterator[dict[str, object]]:
    targets = np.concatenate([one.targets for one in folds])
    recordings = np.concatenate([[f"{one.fold}/{name}" for name in one.recording] for one in folds])
    for index, label in enumerate(folds[0].classes):
        mine = targets == index
        for name in ("coverage", "size"):
            values = np.concatenate([one.by_clip[name] for one in counted])[mine]
            if not np.isnan(values).all():
                facts = {"fold": ALL, "class": label, "folds": len(folds), "metric": name}
                count = len(np.unique(recordings[mine]))
                yield facts | {"value": float(np.nanmean(values)), "recordings": count}


def write_conformal(
    networks: Sequence[Sequence[Path]], settings: SetSettings, out: Path | str
) -> None:
    """Write the parquet file of a dataset; networks: of each strategy and phase the files of its
    folds. Raises UserError where a file is broken or a fold has too few recordings."""
    frames = []
    for files in networks:
        frames.append(conformal_table([read_predictions(path) for path in files], settings))
    with replacing(out) as beside:
        pd.concat(frames, ignore_index=True).to_parquet(beside, index=False)
