"""Recalibration: maps of a network's probabilities that are fitted on clips it has not trained on.

A map is of the mean probability (equation 1), of all strategies alike: that is what a decision
rests on, and what a predictions file holds. Of Bayesian networks too, so: the logits of single
samples would need a temperature before the mean, and would change the three uncertainties, which
are left as they are. For Det ln p differs from the logits by a constant that softmax forgets, and
its temperature is that of Guo et al. 2017.

Multi-class clips have one method, `temperature`: softmax(ln p / T). It changes no order of classes,
and so no accuracy. A fold of a good network may hold no mistake, and then the likeliest T is 0: so
T is the likeliest one under a prior, ln T normal around 0 with a deviation of 0.5, which weighs no
more than a few clips. Multi-label clips have three methods, of x = ln(p / (1 - p)): `temperature`,
sigmoid(x / T) with one T; `platt`, sigmoid(a x + b) by class (Platt 1999, with his targets, so that
few clips give no infinite a); `isotonic`, the best increasing step function of p by class (Zadrozny
and Elkan 2002), within [1 / (n + 2), (n + 1) / (n + 2)] of n clips, which cannot tell 0 or 1. A
class that the n clips have never, or always, stays as it is under the latter two.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, logsumexp
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from vipann.evaluation.calibration import TEMPERATURES, tempered
from vipann.scores import LEAST_COMPLEMENT, LEAST_PROBABILITY
from vipann.tasks import Task

UNCHANGED = "uncalibrated"
PRIOR_DEVIATION = 0.5  # of ln T
METHODS: dict[Task, tuple[str, ...]] = {
    "multiclass": ("temperature",),
    "multilabel": ("temperature", "platt", "isotonic"),
}


@dataclass(frozen=True)
class Recalibration:
    """A fitted map: `apply`, of probabilities (N, C) to (N, C) float64. temperature: its T, NaN of
    other methods; left: how many classes it leaves as they are."""

    apply: Callable[[np.ndarray], np.ndarray]
    temperature: float = float("nan")
    left: int = 0


def fit(method: str, labels: np.ndarray, probability: np.ndarray, task: Task) -> Recalibration:
    """The map of a method of `METHODS[task]`, or `UNCHANGED`, on these clips.

    labels: (N, C) multi-hot; probability: (N, C) in [0, 1].
    """
    if method == UNCHANGED:
        return Recalibration(lambda p: p.astype(np.float64))
    if task == "multiclass":
        warm = fit_class_temperature(labels, probability)
        return Recalibration(lambda p: tempered(p, warm), warm)
    if method == "temperature":
        warm = fit_label_temperature(labels, probability)
        return Recalibration(lambda p: expit(log_odds(p) / warm), warm)
    return _by_class(_platt if method == "platt" else _isotonic, labels, probability)


def log_odds(probability: np.ndarray) -> np.ndarray:
    """ln(p / (1 - p)) in float64; 0 and 1 as `vipann.scores` takes them."""
    p = np.clip(probability.astype(np.float64), LEAST_PROBABILITY, 1.0 - LEAST_COMPLEMENT)
    return np.log(p) - np.log1p(-p)


def fit_class_temperature(labels: np.ndarray, probability: np.ndarray) -> float:
    """The likeliest temperature in [0.05, 20] of multi-class clips, under the prior of the module.

    labels: (N, C) multi-hot; probability: (N, C). Above 1 softens.
    """
    logits = np.log(np.maximum(probability.astype(np.float64), LEAST_PROBABILITY))
    own = logits[labels > 0]

    def mean_nll(temperature: float) -> float:
        nll = logsumexp(logits / temperature, axis=1) - own / temperature
        return float(nll.mean()) + (np.log(temperature) / PRIOR_DEVIATION) ** 2 / 2 / len(own)

    return _best(mean_nll)


def fit_label_temperature(labels: np.ndarray, probability: np.ndarray) -> float:
    """The temperature in [0.05, 20] of all classes with the least mean binary NLL on multi-label
    clips: labels (N, C) multi-hot, probability (N, C). Convex in 1 / T. Above 1 softens."""
    signed = np.where(labels > 0, -1.0, 1.0) * log_odds(probability)

    def mean_nll(temperature: float) -> float:
        # -ln sigmoid(-z) = ln(1 + exp z)
        return float(np.logaddexp(0.0, signed / temperature).mean())

    return _best(mean_nll)


def _best(mean_nll: Callable[[float], float]) -> float:
    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(
        lambda log: mean_nll(float(np.exp(log))),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-5},
    )
    return float(np.exp(found.x))


_Map = Callable[[np.ndarray], np.ndarray]


def _by_class(
    fitted: Callable[[np.ndarray, np.ndarray], _Map], labels: np.ndarray, probability: np.ndarray
) -> Recalibration:
    there = labels > 0
    known = np.flatnonzero(there.any(axis=0) & ~there.all(axis=0))
    maps = {index: fitted(there[:, index], probability[:, index]) for index in known}

    def apply(p: np.ndarray) -> np.ndarray:
        out = p.astype(np.float64)
        for index, one in maps.items():
            out[:, index] = one(p[:, index])
        return out

    return Recalibration(apply, left=labels.shape[1] - len(known))


def _platt(there: np.ndarray, probability: np.ndarray) -> _Map:
    x, positives = log_odds(probability)[:, None], int(there.sum())
    # A clip counts as there by its target t and as absent by 1 - t.
    target = np.where(there, (positives + 1) / (positives + 2), 1 / (len(there) - positives + 2))
    model = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(
        np.vstack([x, x]),
        np.repeat([True, False], len(x)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    slope, shift = float(model.coef_[0, 0]), float(model.intercept_[0])
    return lambda p: expit(slope * log_odds(p) + shift)


def _isotonic(there: np.ndarray, probability: np.ndarray) -> _Map:
    n = len(there)
    bounds = {"y_min": 1 / (n + 2), "y_max": (n + 1) / (n + 2)}
    model = IsotonicRegression(**bounds, out_of_bounds="clip")
    return model.fit(probability.astype(np.float64), there).predict
