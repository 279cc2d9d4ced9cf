"""Every score of a predictions file, as tidy rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from vipann.evaluation.predictions import FILE_COLUMNS, UNCERTAINTIES, Predictions
from vipann.scores import accuracy, classes_left_out, multilabel_scores

METRIC_COLUMNS = [*FILE_COLUMNS, "replication", "metric", "value"]


@dataclass(frozen=True)
class MetricSettings:
    """fractions: retained, ascending in (0, 1]; bins: of a calibration error; resamples: of the
    bootstrap; seed: of its draws; orders: how many random orders of multi-label clips each
    network's retention is held against."""

    fractions: Sequence[float]
    bins: int
    resamples: int
    seed: int
    orders: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Those of a job: `retained_fractions` (how many, evenly apart), `calibration_bins`,
        `bootstrap_resamples`, `seed` and, where curves are held against them, `orders`."""
        points = settings["retained_fractions"]
        return cls(
            fractions=[point / points for point in range(1, points + 1)],
            bins=settings["calibration_bins"],
            resamples=settings["bootstrap_resamples"],
            seed=settings["seed"],
            orders=settings.get("orders", 0),
        )


def metric_rows(one: Predictions, scores: Iterable[tuple[int, str, float]]) -> pd.DataFrame:
    """(replication, metric, value) of a predictions file as rows of `METRIC_COLUMNS`."""
    frame = pd.DataFrame(list(scores), columns=["replication", "metric", "value"])
    return one.described(frame, METRIC_COLUMNS).astype({"value": "float64"})


def metrics_of(one: Predictions) -> pd.DataFrame:
    """Every score of one predictions file, one row per replication and metric.

    Columns: `METRIC_COLUMNS`. Metrics: multiclass `accuracy`; multilabel `mAP`, `AUC`, `d_prime`,
    `classes_left_out`; for all, and only these for clips without labels, `mean_total`,
    `mean_aleatoric`, `mean_epistemic` (mean over clips, nats).
    """
    return metric_rows(
        one,
        (
            (replication, metric, value)
            for replication in range(one.replications)
            for metric, value in _scores(one, replication).items()
        ),
    )


def _scores(one: Predictions, replication: int) -> dict[str, float]:
    scores: dict[str, float] = {}
    if one.labelled and one.task == "multiclass":
        scores["accuracy"] = accuracy(one.targets, one.predicted[replication])
    elif one.labelled:
        scores = multilabel_scores(one.labels, one.mean_probability[replication])
        scores["classes_left_out"] = classes_left_out(one.labels)
    for name in UNCERTAINTIES:
        values = getattr(one, name)[replication]
        scores[f"mean_{name}"] = float(values.mean(dtype=np.float64)) if values.size else np.nan
    return scores
