"""Scores of predictions against labels: one function each."""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from vipann.evaluation.predictions import UNCERTAINTIES, Predictions

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
    return _mean_average_precision(_below_positives(labels, probability), len(labels))


def macro_auc(labels: np.ndarray, probability: np.ndarray) -> float:
    """Macro mean over classes of the area under the ROC curve: P(positive ranks above negative).

    labels: (N, C) multi-hot; probability: (N, C). In [0, 1], higher is better, 0.5 is chance.
    A class without a positive or without a negative clip has no ROC curve and is left out; NaN
    where no class is left. Section 3.3, Table 3.
    """
    return _macro_auc(_below_positives(labels, probability), len(labels))


# Of a class: how many clips lie below each of its positives, and how many below or level with it.
_Places = tuple[np.ndarray, np.ndarray]


def _below_positives(labels: np.ndarray, probability: np.ndarray) -> list[_Places]:
    """The places of the positives of each class that has one, ascending."""
    found = []
    kept = np.flatnonzero(labels.any(axis=0))
    columns = np.ascontiguousarray(probability.T)
    positives = np.ascontiguousarray(labels.T).astype(bool)
    for index in kept:
        ranked, own = np.sort(columns[index]), np.sort(columns[index][positives[index]])
        found.append(tuple(np.searchsorted(ranked, own, side=side) for side in ("left", "right")))
    return found


def _mean_average_precision(places: list[_Places], clips: int) -> float:
    scores = []
    for below, _ in places:
        hits = len(below) - np.searchsorted(below, below)
        scores.append(np.mean(hits / (clips - below)))
    return float(np.mean(scores)) if scores else float("nan")


def _macro_auc(places: list[_Places], clips: int) -> float:
    """By the rank sum of the positives (Mann-Whitney); clips that tie share their mean rank."""
    scores = []
    for below, reached in places:
        count = len(below)
        if count < clips:
            above = (below + reached + 1).sum() / 2 - count * (count + 1) / 2
            scores.append(above / (count * (clips - count)))
    return float(np.mean(scores)) if scores else float("nan")


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
        places = _below_positives(labels, probability)
        scores["mAP"] = _mean_average_precision(places, len(labels))
        scores["AUC"] = _macro_auc(places, len(labels))
        scores["d_prime"] = d_prime(scores["AUC"])
        scores["classes_left_out"] = classes_left_out(labels)
    for name in UNCERTAINTIES:
        values = getattr(predictions, name)[replication]
        scores[f"mean_{name}"] = float(values.mean(dtype=np.float64)) if values.size else np.nan
    return scores
