"""Bootstrap over recordings: how far a score would move with other test clips of the same kind.

Clips of one recording are alike, so recordings are drawn with replacement, each with all its clips:
within each fold as many as it has, and of the out-of-distribution set, which the networks of all
folds hear, one draw for all of them. Resample b takes replication b modulo R, so that an interval
covers the Monte Carlo noise too; folds are averaged, as in Table 4. What it leaves out: the
networks are as trained, so the chance of training is not in it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from scipy import stats
from scipy.special import expit, logit

from vipann.evaluation.detection import DETECTION_RATE
from vipann.evaluation.interval import LEVEL
from vipann.evaluation.predictions import UNCERTAINTIES, Predictions
from vipann.evaluation.retention import retained_counts
from vipann.scores import brier, negative_log_likelihood

# With fewer, a resample hardly differs from the sample, and nothing can be said of others.
LEAST_RECORDINGS = 5
_COUNTS_AT_ONCE = 2**22

# (replication, weights (B, N), weights of the out-of-distribution clips (B, M)) -> (B,)
Statistic = Callable[[int, np.ndarray, np.ndarray], np.ndarray]


class Resamples:
    """How often each clip comes in each of B resamples of as many recordings as there are.

    recording: (N,), the same for clips that are drawn together; N may be 0.
    """

    def __init__(self, recording: np.ndarray, resamples: int, rng: np.random.Generator) -> None:
        names, self._recording = np.unique(recording, return_inverse=True)
        self.resamples, self.recordings, self.clips = resamples, len(names), len(recording)
        self._counts = np.zeros((resamples, self.recordings), np.uint16)
        for chosen in _chunks(np.arange(resamples if len(names) else 0), self.recordings):
            even = np.full(self.recordings, 1 / self.recordings)
            self._counts[chosen] = rng.multinomial(self.recordings, even, len(chosen))

    def weights(self, chosen: np.ndarray) -> np.ndarray:
        """Weights (len(chosen), N) float64 of the clips in these resamples."""
        return self._counts[chosen][:, self._recording].astype(np.float64)


class JoinedResamples(Resamples):
    """Those of several sets side by side, each drawn by itself."""

    def __init__(self, parts: Sequence[Resamples]) -> None:
        self._parts, self.resamples = parts, parts[0].resamples
        self.recordings, self.clips = (
            sum(getattr(one, name) for one in parts) for name in ("recordings", "clips")
        )

    def weights(self, chosen: np.ndarray) -> np.ndarray:
        """Weights (len(chosen), N) of the clips of all sets, in their order."""
        return np.hstack([one.weights(chosen) for one in self._parts])


def interval(
    value: float, resampled: np.ndarray, sides: Sequence[Sequence[int]], *, share: bool = False
) -> tuple[float, float]:
    """Student's interval at 95 % of a value whose resampled values (B,) are given.

    sides: of own and of out-of-distribution clips where both count, how many recordings each of the
    sets has whose resamples are averaged. share: of a value in (0, 1), an accuracy or an area, on
    the scale ln(value / (1 - value)): near 1 these are skewed. (NaN, NaN) where there are too few
    recordings, and where resamples do not differ: how far others would lie is not known then.
    """
    deviations = [_half_width(recordings) for recordings in sides]
    half = max(deviations) * float(resampled.std(ddof=1))
    if np.isnan(deviations).any() or half == 0:
        return float("nan"), float("nan")
    if not share:
        return float(value - half), float(value + half)
    if not 0 < value < 1:
        return float("nan"), float("nan")
    half /= value * (1 - value)
    low, high = expit(logit(value) + np.array([-half, half]))
    return float(low), float(high)


def _half_width(recordings: Sequence[int]) -> float:
    """Of an interval at 95 %, in standard deviations of the resampled values; NaN where there are
    too few recordings.

    Student's with the recordings less the sets as degrees of freedom. Resampled means of n
    recordings vary too little by sqrt((n - 1) / n).
    """
    total, fewest = sum(recordings), min(recordings)
    if total < LEAST_RECORDINGS or fewest < 2:
        return float("nan")
    student = stats.t.ppf((1 + LEVEL) / 2, total - len(recordings))
    return float(np.sqrt(fewest / (fewest - 1)) * student)


def bootstrap(
    statistics: Mapping[str, Statistic], own: Resamples, outside: Resamples, replications: int
) -> dict[str, np.ndarray]:
    """Resampled values (B,) of each statistic of one fold; all of them see the same resamples."""
    found = {name: np.empty(own.resamples) for name in statistics}
    for replication in range(min(replications, own.resamples)):
        mine = np.arange(replication, own.resamples, replications)
        for chosen in _chunks(mine, own.clips + outside.clips):
            weights, others = own.weights(chosen), outside.weights(chosen)
            for name, statistic in statistics.items():
                found[name][chosen] = statistic(replication, weights, others)
    return found


def mean_of(values: np.ndarray) -> Statistic:
    """Mean over clips of values (R, N)."""
    return lambda replication, weights, _: weights @ values[replication] / weights.sum(axis=1)


def retention_gain_of(
    values: np.ndarray, uncertainty: np.ndarray, fractions: Sequence[float]
) -> Statistic:
    """Mean over `fractions` of the retention curve, minus its value at 1; both arrays (R, N)."""

    def statistic(replication: int, weights: np.ndarray, _: np.ndarray) -> np.ndarray:
        order, starts = _groups(uncertainty[replication])
        size = _running(weights[:, order], starts)
        right = _running((weights * values[replication])[:, order], starts)
        counts = [retained_counts(round(clips), fractions) for clips in size[:, -1]]
        # Between two groups of ties the sum grows evenly: the mean over the orders of the ties.
        curves = [np.interp(c, n, r) / c for c, n, r in zip(counts, size, right, strict=True)]
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
        pairs = weights.sum(axis=1) * others.sum(axis=1)
        return (other * (below + own / 2)).sum(axis=1) / pairs

    return statistic


def aupr_of(inside: np.ndarray, outside: np.ndarray) -> Statistic:
    """AUPR of detecting the outside clips, as `vipann.evaluation.detection.detection_scores` has
    it; inside: (R, N), outside: (R, M)."""

    def statistic(replication: int, weights: np.ndarray, others: np.ndarray) -> np.ndarray:
        raised, found = _raised(inside[replication], outside[replication], weights, others)
        # Where a resample has none of the clips at the top, nothing is raised, and nothing found.
        precision = found / np.maximum(raised + found, 1)
        return (np.diff(found, axis=1, prepend=0) * precision).sum(axis=1) / found[:, -1]

    return statistic


def fpr95_of(inside: np.ndarray, outside: np.ndarray) -> Statistic:
    """The share of inside clips raised where 95 % of the outside are found; see `aupr_of`."""

    def statistic(replication: int, weights: np.ndarray, others: np.ndarray) -> np.ndarray:
        raised, found = _raised(inside[replication], outside[replication], weights, others)
        enough = (found / found[:, -1:] >= DETECTION_RATE).argmax(axis=1)
        return raised[np.arange(len(raised)), enough] / raised[:, -1]

    return statistic


def _raised(
    inside: np.ndarray, outside: np.ndarray, weights: np.ndarray, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How many inside and outside clips lie at or above each threshold, from the highest on:
    (B, groups of ties) each. inside: (N,), weights (B, N); outside: (M,), others (B, M)."""
    order, starts = _groups(-np.concatenate([inside, outside]))
    own = np.hstack([weights, np.zeros_like(others)])[:, order]
    other = np.hstack([np.zeros_like(weights), others])[:, order]
    own, other = (np.add.reduceat(side, starts, axis=1).cumsum(axis=1) for side in (own, other))
    return own, other


def statistics_of(
    one: Predictions, outside: Predictions | None, fractions: Sequence[float]
) -> dict[str, Statistic]:
    """What is bootstrapped of one fold; names as in the metrics, see `vipann.evaluation.metrics`.

    mAP and AUC are not: each resample would sort every class anew. Nor are calibration errors: a
    resample's bins are noisier than the sample's, which shifts all of them upwards.
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


def _running(weights: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Running sums over the groups that begin at `starts`, from 0 on: (B, groups + 1)."""
    sums = np.add.reduceat(weights, starts, axis=1).cumsum(axis=1)
    return np.pad(sums, ((0, 0), (1, 0)))


def _groups(uncertainty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order of the clips, most certain first, and where each run of ties starts in it."""
    order = np.argsort(uncertainty, kind="stable")
    return order, np.flatnonzero(np.r_[True, np.diff(uncertainty[order]) > 0])
