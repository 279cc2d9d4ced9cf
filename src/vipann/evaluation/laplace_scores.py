"""Scores of predictions by a Laplace approximation of the last layer."""

from collections.abc import Sequence
from pathlib import Path

import h5py
import pandas as pd

from vipann.evaluation.metrics import METRIC_COLUMNS, MetricSettings, metric_rows, metrics_of
from vipann.evaluation.predictions import Predictions, read_predictions
from vipann.evaluation.supplementary import supplementary_tables
from vipann.files import replacing

# What such files and metrics have besides.
PRECISION = "prior_precision"


def laplace_scores(
    own: Sequence[Path],
    outside: Sequence[Path],
    settings: MetricSettings,
    metrics: Path,
    intervals: Path,
) -> None:
    """Write the tidy metrics of these predictions and their intervals, as for other strategies.

    own, outside: files of all folds and phases of one dataset, in the same order. Metrics:
    `vipann.evaluation.metrics.metrics_of`, `vipann.evaluation.supplementary` and
    `prior_precision`.
    """
    phases: dict[str, list[tuple[Predictions, Predictions]]] = {}
    rows: list[pd.DataFrame] = []
    for paths in zip(own, outside, strict=True):
        one, other = map(read_predictions, paths)
        phases.setdefault(one.phase, []).append((one, other))
        with h5py.File(paths[0]) as file:
            rows.append(metric_rows(one, [(0, PRECISION, float(file.attrs[PRECISION]))]))
    bounds: list[pd.DataFrame] = []
    for pairs in phases.values():
        folds, others = [one for one, _ in pairs], [two for _, two in pairs if len(two.clip_id)]
        rows += [metrics_of(one) for one in (*folds, *others)]
        tables = supplementary_tables(folds, others, settings)
        rows += tables["metrics"]
        bounds += tables["intervals"]
    frames = {metrics: [row[METRIC_COLUMNS] for row in rows if len(row)], intervals: bounds}
    for path, parts in frames.items():
        with replacing(path) as beside:
            pd.concat(parts, ignore_index=True).to_parquet(beside, index=False)
