"""From the predictions files of one dataset to its metrics, retention and uncertainty tables."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vipann.errors import UserError
from vipann.evaluation.beyond import Beyond, beyond_tables, retention_metrics
from vipann.evaluation.metrics import metrics_of
from vipann.evaluation.predictions import read_group, read_predictions
from vipann.evaluation.retention import retention_table, uncertainty_table, with_mean_order
from vipann.files import replacing


def summarise(
    prediction_paths: Sequence[Path | str],
    ood_paths: Sequence[Path | str],
    fractions: Sequence[float],
    metrics_out: Path | str,
    retention_out: Path | str,
    uncertainty_out: Path | str,
    beyond: Beyond,
) -> None:
    """Write the parquet files that tables, figures, claims and the notebook read.

    prediction_paths: predictions of the dataset's own clips, all strategies, phases and folds;
    ood_paths: the same models on out-of-distribution clips, may be empty: they give uncertainties
    only. fractions: retained fractions in (0, 1]. Columns: see `metrics_of`, `retention_table`
    and `uncertainty_table`; of random orders the retention file holds the mean curve
    (`with_mean_order`). beyond: adds the scores of `vipann.evaluation.beyond` to the metrics
    and writes files of its own. The folds of one strategy and phase, with what they say of the
    out-of-distribution clips, are in memory together, nothing else.
    Raises UserError when a predictions file is broken or none is given.
    """
    if not prediction_paths:
        raise UserError(f"{metrics_out}: no predictions files to summarise were given.")
    groups, ood_groups = _grouped(prediction_paths), _grouped(ood_paths)
    metrics, retention, uncertainty = [], [], []
    more: dict[str, list[pd.DataFrame]] = {}
    for key in sorted(groups | ood_groups):
        folds = [read_predictions(path) for path in groups.get(key, ())]
        outside = [read_predictions(path) for path in ood_groups.get(key, ())]
        metrics += [metrics_of(one) for one in (*folds, *outside)]
        curves = retention_table(folds, fractions, beyond.orders)
        metrics.append(retention_metrics(curves))
        retention.append(with_mean_order(curves))
        uncertainty += [uncertainty_table(folds), uncertainty_table(outside)]
        for kind, frames in beyond_tables(folds, outside, fractions, beyond).items():
            more.setdefault(kind, []).extend(frames)
        del folds, outside
    _write(metrics + more["metrics"], metrics_out)
    _write(retention, retention_out)
    _write(uncertainty, uncertainty_out)
    for kind, path in beyond.outputs.items():
        _write(more[kind], path)


def _grouped(paths: Sequence[Path | str]) -> dict[tuple[str, str, str], list[Path | str]]:
    groups: dict[tuple[str, str, str], list[Path | str]] = {}
    for path in paths:
        groups.setdefault(read_group(path), []).append(path)
    return groups


def _write(frames: Sequence[pd.DataFrame], path: Path | str) -> None:
    whole = pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
    with replacing(path) as beside:
        whole.to_parquet(beside, index=False)
