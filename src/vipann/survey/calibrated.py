"""What a class's probabilities are worth: Platt's map from scores to shares that come true.

Fitted on clips whose labels are known: the clips that were held out in training, or the audit of
the season itself, whose classes are as frequent as in the season.
"""

import numpy as np
from scipy.special import expit, logit

from vipann.survey.held_out import HeldOut

LEAST = 1e-6
_STEPS = 50
_RIDGE = 1e-6


def fit_platt(
    probability: np.ndarray, present: np.ndarray, weight: np.ndarray | None = None
) -> np.ndarray:
    """(2,) slope a and offset b of P(present) = 1 / (1 + exp(-(a logit(p) + b))).

    probability: (N,) in [0, 1]; present: (N,) bool; weight: (N,), how often each clip counts.
    Platt (1999): the targets of n clips are (n1 + 1) / (n1 + 2) and 1 / (n0 + 2), n1 of them
    present, so that classes which scores separate have a finite map too. By Newton's method.
    """
    x = _logit(probability)
    w = np.ones(len(x)) if weight is None else np.asarray(weight, np.float64)
    there = np.asarray(present, bool)
    positives, negatives = w[there].sum(), w[~there].sum()
    target = np.where(there, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.stack([x, np.ones_like(x)], axis=1)
    found = np.array([0.0, np.log((positives + 1) / (negatives + 1))])
    loss = _loss(design, found, target, w)
    for _ in range(_STEPS):
        p = expit(design @ found)
        gradient = design.T @ (w * (p - target)) + _RIDGE * found
        curvature = (design * (w * p * (1 - p))[:, None]).T @ design + _RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        length = 1.0
        while (new := _loss(design, found - length * step, target, w)) > loss and length > LEAST:
            length /= 2
        if loss - new < LEAST * 1e-3:
            break
        found, loss = found - length * step, new
    return found


def maps_of(known: HeldOut) -> np.ndarray:
    """(2, C): of each class the map that its known clips give."""
    pairs = zip(known.probability.T, known.present.T, strict=True)
    return np.stack([fit_platt(score, present) for score, present in pairs], axis=1)


def applied(fitted: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Calibrated probabilities of the scores `probability`, of any shape.

    fitted: (2,), one map for all; (2, C) of the classes in the last dimension, or (2, N), one each.
    """
    return expit(fitted[0] * _logit(probability) + fitted[1])


def _logit(probability: np.ndarray) -> np.ndarray:
    return logit(np.clip(np.asarray(probability, np.float64), LEAST, 1 - LEAST))


def _loss(design: np.ndarray, found: np.ndarray, target: np.ndarray, w: np.ndarray) -> float:
    z = design @ found
    return float((w * (np.logaddexp(0, z) - target * z)).sum() + _RIDGE / 2 * (found**2).sum())
