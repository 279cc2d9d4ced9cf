"""Every score of a predictions file, as tidy rows."""

import numpy as np
import pandas as pd

from vipann.evaluation.predictions import UNCERTAINTIES, Predictions
from vipann.scores import accuracy, classes_left_out, multilabel_scores

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
        scores = multilabel_scores(predictions.labels, predictions.mean_probability[replication])
        scores["classes_left_out"] = classes_left_out(predictions.labels)
    for name in UNCERTAINTIES:
        values = getattr(predictions, name)[replication]
        scores[f"mean_{name}"] = float(values.mean(dtype=np.float64)) if values.size else np.nan
    return scores
