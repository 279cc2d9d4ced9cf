"""Scores of probabilities against labels, one function each, for training and evaluation alike.

labels are multi-hot (N, C) and probabilities (N, C) of the same N clips, both as numpy arrays.
"""

import numpy as np
from scipy.special import ndtri

from vipann.tasks import Task

# Keeps d-prime finite where a small set is ranked without a mistake: |d-prime| <= 6.72.
AUC_MARGIN = 1e-6
# Predictions are stored as float32: what underflowed there stands for no less than this.
LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)
# Half the distance of the largest float32 below 1 from 1.
LEAST_COMPLEMENT = 2.0**-25
# So that what is computed of them lies in a processor's cache.
_CLIPS_AT_ONCE = 128


def accuracy(targets: np.ndarray, predicted: np.ndarray) -> float:
    """Share of clips whose most probable class is the right one: mean of [predicted = target].

    targets, predicted: (N,) int. In [0, 1], higher is better. Tables 4 and 5.
    """
    return float(np.mean(targets == predicted))


def multilabel_scores(labels: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """`mAP`, `AUC` and `d_prime` (section 3.3, Table 3); higher is better in all three.

    mAP: macro mean over classes of AP = sum over thresholds n of (R_n - R_(n-1)) P_n, in [0, 1];
    chance is the share of positive clips. AUC: macro mean of the area under the ROC curve, P(a
    positive ranks above a negative), ties half, in [0, 1]; 0.5 is chance. A class without a
    positive clip is left out of both (`classes_left_out` counts them), and one without a negative
    of the AUC; NaN where no class is left.
    """
    precisions, areas = class_scores(labels, probability)
    precision, area = map(_mean, (precisions, areas))
    return {"mAP": precision, "AUC": area, "d_prime": d_prime(area)}


def class_scores(labels: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AP and AUC of each class, (C,) each; NaN where `multilabel_scores` leaves the class out."""
    precisions, areas = np.full((2, labels.shape[1]), np.nan)
    columns = np.ascontiguousarray(probability.T)
    positives = np.ascontiguousarray(labels.T).astype(bool)
    clips = len(labels)
    for index in np.flatnonzero(labels.any(axis=0)):
        ranked, own = np.sort(columns[index]), np.sort(columns[index][positives[index]])
        # Of each positive: how many clips lie below it, and how many below or level with it.
        below, reached = (np.searchsorted(ranked, own, side=side) for side in ("left", "right"))
        count = len(below)
        hits = count - np.searchsorted(below, below)
        precisions[index] = np.mean(hits / (clips - below))
        if count < clips:
            # The rank sum of Mann and Whitney; clips that tie share their mean rank.
            above = (below + reached + 1).sum() / 2 - count * (count + 1) / 2
            areas[index] = above / (count * (clips - count))
    return precisions, areas


def _mean(scores: np.ndarray) -> float:
    """Of the classes that have one."""
    there = scores[~np.isnan(scores)]
    return float(there.mean()) if there.size else float("nan")


def d_prime(auc: float) -> float:
    """d' = sqrt(2) * (inverse of the standard normal distribution function)(AUC).

    auc: the macro AUC (not a mean of per-class d'; Table 3's rows agree with that). Higher is
    better, 0 is chance. The AUC is clipped to [1e-6, 1 - 1e-6], so d' stays within +-6.72.
    Section 3.3, Table 3.
    """
    return float(np.sqrt(2.0) * ndtri(np.clip(auc, AUC_MARGIN, 1.0 - AUC_MARGIN)))


def classes_left_out(labels: np.ndarray) -> int:
    """How many classes have no positive clip and so no part in macro means."""
    return int((~labels.any(axis=0)).sum())


def f1_thresholds(labels: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Of each class the threshold with the highest F1 = 2 P R / (P + R) on these clips, (C,).

    A clip is of the class where its probability is at or above the threshold, which is one of the
    probabilities; the highest of several that are best. Infinite for a class without a clip.
    """
    found = np.full(labels.shape[1], np.inf)
    for index in np.flatnonzero(labels.any(axis=0)):
        order = np.argsort(-probability[:, index], kind="stable")
        ranked, positive = probability[order, index], labels[order, index] > 0
        f1 = 2 * np.cumsum(positive) / (np.arange(1, len(order) + 1) + positive.sum())
        # Clips that tie are all taken or none.
        f1[:-1][ranked[:-1] == ranked[1:]] = -1
        found[index] = ranked[f1.argmax()]
    return found


def micro_scores(labels: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """`precision`, `recall` and `F1` of all decisions on clips and classes together, in [0, 1].

    labels, predicted: (N, C), of which what is not 0 counts as yes. NaN where nothing is predicted,
    or nothing there.
    """
    there, said = labels > 0, predicted > 0
    hits = (there & said).sum()
    pairs = ((hits, said.sum()), (hits, there.sum()), (2 * hits, said.sum() + there.sum()))
    values = [float(part / whole) if whole else float("nan") for part, whole in pairs]
    return dict(zip(("precision", "recall", "F1"), values, strict=True))


def negative_log_likelihood(labels: np.ndarray, probability: np.ndarray, task: Task) -> np.ndarray:
    """Each clip's NLL in nats, (N,): -ln p of its class; multi-label: the mean over classes.

    labels: (N, C) multi-hot; probability: (N, C) as stored in float32, whose zeros count as 1.2e-38
    and ones as 1 - 3e-8. Lower is better, not negative.
    """
    if task == "multiclass":
        p = probability[np.arange(len(probability)), labels.argmax(axis=1)].astype(np.float64)
        return -np.log(np.maximum(p, LEAST_PROBABILITY))
    found = np.empty(len(probability))
    for first in range(0, len(found), _CLIPS_AT_ONCE):
        clips = slice(first, first + _CLIPS_AT_ONCE)
        p, there = probability[clips].astype(np.float64), labels[clips] > 0
        chosen = np.where(there, p, 1.0 - p)
        least = np.where(there, LEAST_PROBABILITY, LEAST_COMPLEMENT)
        found[clips] = -np.log(np.maximum(chosen, least)).mean(axis=1)
    return found


def brier(labels: np.ndarray, probability: np.ndarray, task: Task) -> np.ndarray:
    """Each clip's Brier score, (N,): sum over classes of (p - label)^2, in [0, 2].

    Multi-label: the mean over classes instead, each a binary problem, in [0, 1]. Lower is better.
    """
    squares = (probability.astype(np.float64) - labels) ** 2
    return squares.sum(axis=1) if task == "multiclass" else squares.mean(axis=1)
