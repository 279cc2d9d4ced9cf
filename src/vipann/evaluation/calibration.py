"""How far probabilities can be taken at their word: calibration errors, temperature.

Multi-class clips: a clip's confidence is its largest mean probability, and it is right or wrong.
Multi-label clips: each class is a binary problem of its own with the confidence p_c, "right" where
the label is there; the score is taken per class and averaged over all classes (macro).
"""

import numpy as np
from scipy.optimize import minimize_scalar

from vipann.scores import LEAST_PROBABILITY, negative_log_likelihood
from vipann.tasks import Task

TEMPERATURES = (0.05, 20.0)
CALIBRATED_DRAWS = 200


def confidence_and_outcome(
    labels: np.ndarray, probability: np.ndarray, task: Task
) -> tuple[np.ndarray, np.ndarray]:
    """Confidences in [0, 1] and outcomes in {0, 1}, each (N, 1) multi-class or (N, C) multi-label.

    labels: (N, C) multi-hot; probability: (N, C).
    """
    if task == "multilabel":
        return probability, labels
    right = probability.argmax(axis=1) == labels.argmax(axis=1)
    return probability.max(axis=1, keepdims=True), right[:, None].astype(float)


def bin_edges(confidence: np.ndarray, bins: int, adaptive: bool) -> np.ndarray:
    """The bins - 1 inner edges of confidences (N,): equal in width over [0, 1], or in clips.

    With `adaptive` they are the quantiles of the confidences; clips of the same confidence share a
    bin, so that the order of clips has no influence.
    """
    return _edges(np.sort(confidence) if adaptive else confidence, bins, adaptive)


def _edges(ascending: np.ndarray, bins: int, adaptive: bool) -> np.ndarray:
    inner = np.linspace(0.0, 1.0, bins + 1)[1:-1]
    if not adaptive:
        return inner
    place = inner * (len(ascending) - 1)
    below = np.floor(place).astype(int)
    low, high = ascending[below], ascending[np.minimum(below + 1, len(ascending) - 1)]
    return low + (place - below) * (high - low)


def calibration_error(
    confidence: np.ndarray, outcome: np.ndarray, bins: int, adaptive: bool = False
) -> float:
    """ECE = sum over bins of (clips in it / N) |mean confidence - share of outcomes|, macro.

    confidence, outcome: (N, K), see `confidence_and_outcome`; K columns are scored one by one and
    averaged. In [0, 1], lower is better. Guo et al. 2017; `adaptive` (bins of equally many clips):
    Nguyen and O'Connor 2015. A bin's term is |sum of (confidence - outcome)| / N.
    """
    total = 0.0
    for mine, came_true in zip(np.ascontiguousarray(confidence.T), outcome.T, strict=True):
        _, confidences, outcomes = bin_sums(mine, came_true, bins, adaptive)
        total += np.abs(confidences - outcomes).sum() / len(mine)
    return total / confidence.shape[1]


def bin_sums(
    confidence: np.ndarray, outcome: np.ndarray, bins: int, adaptive: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cases, sum of confidences and sum of outcomes in each bin, (bins,) each; both arrays (N,)."""
    # Sorted as they are: float32 is sorted several times as fast as float64.
    ranked = np.sort(confidence).astype(np.float64)
    edges = _edges(ranked, bins, adaptive)
    ends = np.array([0, *np.searchsorted(ranked, edges, side="right"), len(ranked)])
    there = np.flatnonzero(outcome)
    place = np.searchsorted(edges, confidence[there].astype(np.float64))
    outcomes = np.bincount(place, weights=outcome[there], minlength=bins)
    return np.diff(ends), np.diff(np.append(0.0, ranked.cumsum())[ends]), outcomes


def calibration_excess(
    confidence: np.ndarray, outcome: np.ndarray, bins: int, rng: np.random.Generator
) -> float:
    """The ECE beyond what chance gives a calibrated network with these confidences.

    confidence, outcome: (N, 1). ECE is biased upwards, and the more the less sharp a network is:
    that of two networks differs though both are calibrated. So the mean ECE of outcomes drawn from
    the confidences themselves is taken off. About 0 for a calibrated network, may be below.
    """
    mine, n = confidence[:, 0].astype(np.float64), len(confidence)
    place = np.searchsorted(np.linspace(0.0, 1.0, bins + 1)[1:-1], mine)
    drawn = (rng.random((CALIBRATED_DRAWS, n)) < mine) - mine
    gaps = np.zeros((CALIBRATED_DRAWS, bins))
    for number in np.unique(place):
        gaps[:, number] = drawn[:, place == number].sum(axis=1)
    by_chance = float(np.abs(gaps).sum(axis=1).mean() / n)
    return calibration_error(confidence, outcome, bins) - by_chance


def tempered(probability: np.ndarray, temperature: float) -> np.ndarray:
    """Multi-class probabilities (N, C) at another temperature: softmax(ln p / T), float64.

    Softmax forgets the constant by which ln p differs from the logits, so none are needed.
    """
    logits = np.log(np.maximum(probability.astype(np.float64), LEAST_PROBABILITY)) / temperature
    scaled = np.exp(logits - logits.max(axis=1, keepdims=True))
    return scaled / scaled.sum(axis=1, keepdims=True)


def fit_temperature(labels: np.ndarray, probability: np.ndarray) -> float:
    """The temperature in [0.05, 20] with the least mean NLL on multi-class clips (Guo et al. 2017).

    labels: (N, C) multi-hot; probability: (N, C). The NLL is convex in 1 / T. Above 1 softens.
    """

    def mean_nll(log_temperature: float) -> float:
        scaled = tempered(probability, float(np.exp(log_temperature)))
        return float(negative_log_likelihood(labels, scaled, "multiclass").mean())

    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(mean_nll, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))
