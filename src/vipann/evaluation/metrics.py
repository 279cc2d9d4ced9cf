"""Scores of predictions against labels: one function each."""

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import rankdata

from vipann.evaluation.predictions import UNCERTAINTIES, Predictions
from vipann.evaluation.retention import map_retention_curves

# Keeps d-prime finite where a small set is ranked without a mistake: |d-prime| <= 6.72.
AUC_MARGIN = 1e-6

METRIC_COLUMNS = [
    "dataset",
    "scored_dataset",
    "strategy",
    "phase",
    "fold",
    "replication",
    "metric",
    "value",
]


def accuracy(targets: np.ndarray, predicted: np.ndarray) -> float:
    """Share of clips whose most probable class is the right one: mean of [predicted = target].

    targets, predicted: (N,) int. In [0, 1], higher is better. Tables 4 and 5.
    """
    return float(np.mean(targets == predicted))


def mean_average_precision(labels: np.ndarray, probability: np.ndarray) -> float:
    """Macro mean over classes of AP = sum over thresholds n of (R_n - R_(n-1)) P_n.

    labels: (N, C) multi-hot; probability: (N, C). In [0, 1], higher is better; chance level is
    the share of positive clips. A class without a positive clip has no recall and is left out of
    the mean (`classes_left_out` counts them); NaN where no class is left. Section 3.3, Table 3.
    """
    curve = map_retention_curves(labels, probability, [np.zeros(len(labels))], [1.0])
    return float(curve.item())


def macro_auc(labels: np.ndarray, probability: np.ndarray) -> float:
    """Macro mean over classes of the area under the ROC curve: P(positive ranks above negative).

    labels: (N, C) multi-hot; probability: (N, C). In [0, 1], higher is better, 0.5 is chance.
    A class without a positive or without a negative clip has no ROC curve and is left out; NaN
    where no class is left. Section 3.3, Table 3.
    """
    kept = labels.any(axis=0) & ~labels.all(axis=0)
    if not kept.any():
        return float("nan")
    # By the rank sum of the positives (Mann-Whitney), for all classes at once.
    positive = labels[:, kept].T.astype(bool)
    ranks = rankdata(np.ascontiguousarray(probability[:, kept].T), axis=1)
    positives = positive.sum(axis=1)
    above = np.einsum("cn,cn->c", ranks, positive) - positives * (positives + 1) / 2
    return float(np.mean(above / (positives * (len(labels) - positives))))


def d_prime(auc: float) -> float:
    """d' = sqrt(2) * (inverse of the standard normal distribution function)(AUC).

    auc: the macro AUC (not a mean of per-class d'; Table 3's rows agree with that). Higher is
    better, 0 is chance. The AUC is clipped to [1e-6, 1 - 1e-6], so d' stays within +-6.72.
    Section 3.3, Table 3.
    """
    return float(np.sqrt(2.0) * ndtri(np.clip(auc, AUC_MARGIN, 1.0 - AUC_MARGIN)))


def classes_left_out(labels: np.ndarray) -> int:
    """How many classes have no positive clip in labels (N, C) and so no part in macro means."""
    return int((~labels.any(axis=0)).sum())


def metrics_of(predictions: Predictions) -> pd.DataFrame:
    """Every score of one predictions file, one row per replication and metric.

    Columns: dataset, scored_dataset, strategy, phase, fold, replication, metric, value.
    Metrics: multiclass `accuracy`; multilabel `mAP`, `AUC`, `d_prime`, `classes_left_out`; for
    all, and alone for clips without labels, `mean_total`, `mean_aleatoric`, `mean_epistemic`
    (mean over clips, nats).
    """
    rows = [
        (replication, metric, value)
        for replication in range(predictions.replications)
        for metric, value in _scores(predictions, replication).items()
    ]
    frame = pd.DataFrame(rows, columns=["replication", "metric", "value"])
    for name in ("dataset", "scored_dataset", "strategy", "phase", "fold"):
        frame[name] = getattr(predictions, name)
    return frame[METRIC_COLUMNS].astype({"value": "float64"})


def _scores(predictions: Predictions, replication: int) -> dict[str, float]:
    scores: dict[str, float] = {}
    if predictions.labelled and predictions.task == "multiclass":
        probability = predictions.mean_probability[replication]
        scores["accuracy"] = accuracy(predictions.targets, probability.argmax(axis=1))
    elif predictions.labelled:
        labels, probability = predictions.labels, predictions.mean_probability[replication]
        scores["mAP"] = mean_average_precision(labels, probability)
        scores["AUC"] = macro_auc(labels, probability)
        scores["d_prime"] = d_prime(scores["AUC"])
        scores["classes_left_out"] = classes_left_out(labels)
    for name in UNCERTAINTIES:
        values = getattr(predictions, name)[replication]
        scores[f"mean_{name}"] = float(values.mean(dtype=np.float64)) if values.size else np.nan
    return scores
