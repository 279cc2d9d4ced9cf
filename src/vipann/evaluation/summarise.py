"""From the predictions files of one dataset to its metrics, retention and uncertainty tables."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vipann.errors import UserError
from vipann.evaluation.metrics import metrics_of
from vipann.evaluation.predictions import read_group, read_predictions
from vipann.evaluation.retention import retention_table, uncertainty_table
from vipann.files import replacing


def summarise(
    prediction_paths: Sequence[Path | str],
    ood_paths: Sequence[Path | str],
    fractions: Sequence[float],
    metrics_out: Path | str,
    retention_out: Path | str,
    uncertainty_out: Path | str,
) -> None:
    """Write the three parquet files that tables, figures and the notebook read.

    prediction_paths: predictions of the dataset's own clips, all strategies, phases and folds;
    ood_paths: the same models on out-of-distribution clips, may be empty: they give uncertainties
    only. fractions: retained fractions in (0, 1]. Columns: see `metrics_of`, `retention_table`
    and `uncertainty_table`. The folds of one strategy and phase are in memory together, nothing
    else. Raises UserError when a predictions file is broken or none is given.
    """
    if not prediction_paths:
        raise UserError(f"{metrics_out}: no predictions files to summarise were given.")
    groups: dict[tuple[str, str, str], list[Path | str]] = {}
    for path in prediction_paths:
        groups.setdefault(read_group(path), []).append(path)
    metrics, retention, uncertainty = [], [], []
    for key in sorted(groups):
        folds = [read_predictions(path) for path in groups[key]]
        metrics += [metrics_of(one) for one in folds]
        retention.append(retention_table(folds, fractions))
        uncertainty.append(uncertainty_table(folds))
        del folds
    for path in ood_paths:
        one = read_predictions(path)
        metrics.append(metrics_of(one))
        uncertainty.append(uncertainty_table([one]))
        del one
    _write(metrics, metrics_out)
    _write(retention, retention_out)
    _write(uncertainty, uncertainty_out)


def _write(frames: Sequence[pd.DataFrame], path: Path | str) -> None:
    whole = pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
    with replacing(path) as beside:
        whole.to_parquet(beside, index=False)
