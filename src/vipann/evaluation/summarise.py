"""From the predictions files of one dataset to its metrics, retention and uncertainty tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from vipann.errors import UserError
from vipann.evaluation.metrics import MetricSettings, metrics_of
from vipann.evaluation.predictions import read_group, read_predictions
from vipann.evaluation.retention import retention_table, uncertainty_table, with_mean_order
from vipann.evaluation.supplementary import retention_metrics, supplementary_tables
from vipann.files import replacing


def summarise(
    prediction_paths: Sequence[Path | str],
    ood_paths: Sequence[Path | str],
    settings: MetricSettings,
    outputs: Mapping[str, Path | str],
) -> None:
    """Write the parquet files that tables, figures, claims and notebooks read.

    prediction_paths: predictions of the dataset's own clips, all strategies, phases and folds;
    ood_paths: the same models on out-of-distribution clips, may be empty: they give uncertainties
    only. outputs: paths of those to write of "metrics" (`metrics_of` and
    `vipann.evaluation.supplementary`), "retention" (`retention_table`; of random orders the mean
    curve, `with_mean_order`), "uncertainty" (`uncertainty_table`), "confusion", "reliability" and
    "intervals". The folds of one strategy and phase, with what they say of the out-of-distribution
    clips, are in memory together, nothing else.
    Raises UserError when a predictions file is broken or none is given.
    """
    if not prediction_paths:
        raise UserError(f"{outputs['metrics']}: no predictions files to summarise were given.")
    groups, ood_groups = _grouped(prediction_paths), _grouped(ood_paths)
    supplementary: dict[str, list[pd.DataFrame]] = {}
    frames: dict[str, list[pd.DataFrame]] = {"metrics": [], "retention": [], "uncertainty": []}
    for key in sorted(groups | ood_groups):
        folds = [read_predictions(path) for path in groups.get(key, ())]
        outside = [read_predictions(path) for path in ood_groups.get(key, ())]
        curves = retention_table(folds, settings.fractions, settings.orders)
        frames["metrics"] += [metrics_of(one) for one in (*folds, *outside)]
        frames["metrics"].append(retention_metrics(curves))
        frames["retention"].append(with_mean_order(curves))
        frames["uncertainty"] += [uncertainty_table(folds), uncertainty_table(outside)]
        for name, more in supplementary_tables(folds, outside, settings).items():
            supplementary.setdefault(name, []).extend(more)
        del folds, outside
    frames["metrics"] += supplementary.pop("metrics")
    frames |= supplementary
    for name, path in outputs.items():
        parts = [frame for frame in frames[name] if len(frame)] or frames[name][:1]
        with replacing(path) as beside:
            pd.concat(parts, ignore_index=True).to_parquet(beside, index=False)


def _grouped(paths: Sequence[Path | str]) -> dict[tuple[str, str, str], list[Path | str]]:
    groups: dict[tuple[str, str, str], list[Path | str]] = {}
    for path in paths:
        groups.setdefault(read_group(path), []).append(path)
    return groups
