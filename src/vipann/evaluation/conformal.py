"""Sets of classes with a guarantee, by split-conformal prediction (Vovk et al. 2005).

A calibration set of n clips gives a threshold; a set has the classes of a clip whose nonconformity
is at most that. Of clips that are exchangeable it holds the right class with a probability of
k / (n + 1), k = ceil((n + 1)(1 - alpha)), which is at least 1 - alpha and at most 1 - alpha
+ 1 / (n + 1): over calibration sets and clips together, for no class or clip by itself. Clips of
one recording are alike: between recordings the statement is exact only where each has one clip.

Nonconformity of class c of a clip, from its probabilities p:

- lac: 1 - p_c (Sadinle, Lei and Wasserman 2019): the smallest sets on average;
- aps: the sum of p over the classes above c, and u p_c, u uniform (Romano, Sesia and Candes 2020):
  larger sets, whose coverage depends less on how hard a clip is;
- raps: aps + penalty * max(0, rank of c - free), without their long tail (Angelopoulos et al.
  2021).

With several labels a clip the share of a clip's labels that a set misses, its false negative rate,
is controlled: `false_negative_thresholds`.
"""

import math

import numpy as np

SCORES = ("lac", "aps", "raps")
# A product of decimals, (n + 1)(1 - alpha), is exact to far more than this.
_TIE = 1e-9


def least_clips(alpha: float) -> int:
    """With fewer calibration clips no threshold but the infinite one covers 1 - alpha."""
    return math.ceil(1 / alpha - 1 - _TIE)


def threshold_rank(clips: int, alpha: float) -> int:
    """k: the threshold is the k-th smallest of `clips` nonconformities."""
    return math.ceil((clips + 1) * (1 - alpha) - _TIE)


def nonconformity(
    probability: np.ndarray, score: str, uniform: np.ndarray, penalty: float = 0.0, free: int = 0
) -> np.ndarray:
    """Nonconformity (N, C) of each class of each clip by a score of `SCORES`.

    probability: (N, C); uniform: (N,) in [0, 1), a draw each clip; penalty, free: of raps.
    """
    p = probability.astype(np.float64)
    if score == "lac":
        return 1.0 - p
    order = np.argsort(-p, axis=1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=1)
    found = np.cumsum(ranked, axis=1) - ranked + uniform[:, None] * ranked
    if score == "raps":
        found += penalty * np.maximum(np.arange(1, p.shape[1] + 1) - free, 0)
    out = np.empty_like(p)
    np.put_along_axis(out, order, found, axis=1)
    return out


def thresholds(true: np.ndarray, calibration: np.ndarray, alpha: float) -> np.ndarray:
    """The threshold of each split, (S,); infinite where it has too few clips (`least_clips`).

    true: nonconformity of each clip's own class, (N,); calibration: (S, N) bool.
    """
    order = np.argsort(true, kind="stable")
    counts = np.cumsum(calibration[:, order], axis=1)
    ranks = np.array([threshold_rank(n, alpha) for n in counts[:, -1]])
    found = true[order][(counts >= ranks[:, None]).argmax(axis=1)]
    return np.where(ranks > counts[:, -1], np.inf, found)


def false_negative_thresholds(
    labels: np.ndarray, probability: np.ndarray, calibration: np.ndarray, alpha: float
) -> np.ndarray:
    """Conformal risk control of the false negative rate: of each split the largest threshold t,
    (S,), with (n / (n + 1)) R(t) + 1 / (n + 1) <= alpha (Angelopoulos et al. 2022, equation 4).

    A set has the classes with p >= t. R: the mean over the n calibration clips of the share of a
    clip's labels with p < t, 0 for a clip without labels; the mean over new clips is then at most
    alpha. labels, probability: (N, C); calibration: (S, N) bool. 0, where all classes are in every
    set, where fewer than 1 / alpha - 1 clips leave nothing else.
    """
    clip, column = np.nonzero(labels)
    p = probability[clip, column].astype(np.float64)
    order = np.argsort(p, kind="stable")
    clip, p = clip[order], p[order]
    share = 1.0 / labels.sum(axis=1, dtype=np.float64)[clip]
    # Missed at a threshold just above each label's probability, that label with it.
    missed = np.cumsum(calibration[:, clip] * share, axis=1)
    allowed = alpha * (calibration.sum(axis=1) + 1) - 1
    # Of labels that tie, all are missed once the threshold is above them.
    last = np.searchsorted(p, p, side="right") - 1
    within = missed[:, last] <= allowed[:, None] + _TIE
    # The first label that may not be missed is the threshold: it is still in its set.
    first = np.where(within.all(axis=1), len(p), within.argmin(axis=1))
    ends = np.append(p, np.inf)
    return np.where(allowed < -_TIE, 0.0, ends[first])
