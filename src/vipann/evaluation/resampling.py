"""Bootstrap over clips: how far a score would move with other test clips of the same kind.

Within each fold as many clips as it has are drawn with replacement; resample b takes replication b
modulo R, so that an interval covers the Monte Carlo noise too; folds are averaged, as in Table 4.
What it leaves out: the networks are as trained, so the chance of training is not in it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from vipann.evaluation.calibration import brier, negative_log_likelihood
from vipann.evaluation.predictions import UNCERTAINTIES, Predictions
from vipann.evaluation.retention import retained_counts

LEVEL = 0.95
_COUNTS_AT_ONCE = 2**22

# (replication, weights (B, N), weights of the out-of-distribution clips (B, M)) -> (B,)
Statistic = Callable[[int, np.ndarray, np.ndarray], np.ndarray]


def interval(resampled: np.ndarray) -> tuple[float, float]:
    """Percentile interval at 95 % of resampled values (B,)."""
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.quantile(resampled, [tail, 1.0 - tail])
    return float(low), float(high)


def bootstrap(
    statistics: Mapping[str, Statistic],
    clips: int,
    outside: int,
    replications: int,
    resamples: int,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Resampled values (resamples,) of each statistic of one fold with `clips` test clips.

    All statistics see the same resamples; `outside`: how many out-of-distribution clips (or 0).
    """
    found = {name: np.empty(resamples) for name in statistics}
    for replication in range(min(replications, resamples)):
        mine = np.arange(replication, resamples, replications)
        for chosen in _chunks(mine, clips + outside):
            weights = _weights(rng, len(chosen), clips)
            others = _weights(rng, len(chosen), outside)
            for name, statistic in statistics.items():
                found[name][chosen] = statistic(replication, weights, others)
    return found


def mean_of(values: np.ndarray) -> Statistic:
    """Mean over clips of values (R, N)."""
    return lambda replication, weights, _: weights @ values[replication] / weights.shape[1]


def retention_gain_of(
    values: np.ndarray, uncertainty: np.ndarray, fractions: Sequence[float]
) -> Statistic:
    """Mean over `fractions` of the retention curve, minus its value at 1; both arrays (R, N)."""
    counts = retained_counts(values.shape[1], fractions)

    def statistic(replication: int, weights: np.ndarray, _: np.ndarray) -> np.ndarray:
        order, starts = _groups(uncertainty[replication])
        size = _running(weights[:, order], starts)
        right = _running((weights * values[replication])[:, order], starts)
        # Between two groups of ties the sum grows evenly: the mean over the orders of the ties.
        curves = [np.interp(counts, n, r) / counts for n, r in zip(size, right, strict=True)]
        return np.mean(curves, axis=1) - right[:, -1] / size[:, -1]

    return statistic


def auroc_of(inside: np.ndarray, outside: np.ndarray) -> Statistic:
    """AUROC of detecting the outside clips; inside: (R, N), outside: (R, M)."""

    def statistic(replication: int, weights: np.ndarray, others: np.ndarray) -> np.ndarray:
        joined = np.concatenate([inside[replication], outside[replication]])
        order, starts = _groups(joined)
        none_in, none_out = np.zeros_like(others), np.zeros_like(weights)
        own = np.add.reduceat(np.hstack([weights, none_in])[:, order], starts, axis=1)
        other = np.add.reduceat(np.hstack([none_out, others])[:, order], starts, axis=1)
        below = own.cumsum(axis=1) - own
        return (other * (below + own / 2)).sum(axis=1) / (weights.shape[1] * others.shape[1])

    return statistic


def statistics_of(
    one: Predictions, outside: Predictions | None, fractions: Sequence[float]
) -> dict[str, Statistic]:
    """What is bootstrapped of one fold; names as in the metrics, see `vipann.evaluation.metrics`.

    mAP and AUC are not: each resample would sort every class anew. Nor are calibration errors: a
    resample's bins are noisier than the sample's, which moves all of them upwards.
    """
    scores = {"nll": negative_log_likelihood, "brier": brier}
    found: dict[str, Statistic] = {
        name: mean_of(np.array([score(one.labels, p, one.task) for p in one.mean_probability]))
        for name, score in scores.items()
    }
    if one.task == "multiclass":
        right = (one.predicted == one.targets).astype(np.float64)
        found["accuracy"] = mean_of(right)
        for name in UNCERTAINTIES:
            found[f"retention_gain_{name}"] = retention_gain_of(
                right, getattr(one, name), fractions
            )
    if outside is not None and outside.clip_id.size:
        for name in UNCERTAINTIES:
            found[f"auroc_{name}"] = auroc_of(getattr(one, name), getattr(outside, name))
    return found


def _chunks(numbers: np.ndarray, clips: int) -> Iterator[np.ndarray]:
    step = max(1, _COUNTS_AT_ONCE // max(clips, 1))
    for start in range(0, len(numbers), step):
        yield numbers[start : start + step]


def _weights(rng: np.random.Generator, resamples: int, clips: int) -> np.ndarray:
    """How often each clip was drawn, (resamples, clips) float64."""
    if not clips:
        return np.zeros((resamples, 0))
    drawn = rng.integers(0, clips, (resamples, clips)) + clips * np.arange(resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=resamples * clips)
    return counts.reshape(resamples, clips).astype(np.float64)


def _running(weights: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Running sums over the groups that begin at `starts`, from 0 on: (B, groups + 1)."""
    sums = np.add.reduceat(weights, starts, axis=1).cumsum(axis=1)
    return np.pad(sums, ((0, 0), (1, 0)))


def _groups(uncertainty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order of the clips, most certain first, and where each run of ties starts in it."""
    order = np.argsort(uncertainty, kind="stable")
    return order, np.flatnonzero(np.r_[True, np.diff(uncertainty[order]) > 0])
