"""Scores of variants that are trained on folds and of their ensembles, and what training cost."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vipann.evaluation.metrics import METRIC_COLUMNS, metrics_of
from vipann.evaluation.predictions import Predictions, read_predictions
from vipann.evaluation.retention import retention_table
from vipann.evaluation.supplementary import retention_metrics, supplementary_metrics
from vipann.evaluation.variant_metrics import Scored
from vipann.files import replacing
from vipann.models.bayesian import point_parameters
from vipann.models.network import trainable_parameters
from vipann.models.strategies import build_transferred

COLUMNS = ["kind", "name", "variant", "seed", *METRIC_COLUMNS]
_Files = Sequence[tuple[Scored, Path]]


def fold_metrics(
    predictions: _Files,
    outside: _Files,
    trained: _Files,
    dataset: str,
    fractions: Sequence[float],
    bins: int,
    out: Path,
) -> None:
    """Write one parquet file of the columns `COLUMNS`, a row for each number.

    dataset: on whose folds they were trained; predictions: of the test clips of each network's
    fold; outside: of out-of-distribution clips, of some or all of these networks; trained: the
    sidecars of their checkpoints. The metrics are those of `vipann.evaluation.metrics` and
    `vipann.evaluation.supplementary`, with retention areas, of each fold and replication (what is
    pooled over folds as fold 0); of each training `parameters`, trainable ones, of flip's also
    `point_parameters`, those without a posterior (`vipann.models.bayesian`), and
    `training_seconds`, by the clock, over all its starts. Not more than the folds of one network
    and phase are in memory.

    Raises:
        UserError: a file is broken, or own and other clips were heard at other lengths.
    """
    rows = []
    for who, own, others in _together(predictions, outside):
        folds, beside = ([read_predictions(path) for path in paths] for paths in (own, others))
        rows.append(_described(_scores(folds, beside, fractions, bins), who))
    rows += [_described(frame, who) for who, frame in _costs(trained, dataset)]
    with replacing(out) as path:
        pd.concat(rows, ignore_index=True).to_parquet(path, index=False)


def _together(predictions: _Files, outside: _Files) -> list[tuple[Scored, list[Path], list[Path]]]:
    """The files of all folds of one network and phase, of which the file names are the same."""
    groups: dict[tuple[Scored, str], tuple[list[Path], list[Path]]] = {}
    for place, files in enumerate((predictions, outside)):
        for who, path in files:
            phase = "" if who.kind == "ensemble" else path.stem
            groups.setdefault((who, phase), ([], []))[place].append(path)
    return [(who, own, others) for (who, _), (own, others) in groups.items()]


def _scores(
    folds: Sequence[Predictions],
    outside: Sequence[Predictions],
    fractions: Sequence[float],
    bins: int,
) -> pd.DataFrame:
    frames = [metrics_of(one) for one in (*folds, *outside)]
    frames.append(retention_metrics(retention_table(folds, fractions, orders=0)))
    frames += supplementary_metrics(folds, outside, bins)
    return pd.concat([frame for frame in frames if len(frame)])


def _costs(trained: _Files, dataset: str) -> list[tuple[Scored, pd.DataFrame]]:
    """Parameters and seconds of each training; a network is built once for all folds and seeds."""
    counts: dict[str, dict[str, int]] = {}
    found = []
    for who, sidecar in trained:
        facts = json.loads(sidecar.read_text(encoding="utf-8"))
        form = {key: facts["settings"].get(key) for key in ("model", "bands", "bayesian")}
        key = json.dumps([facts["strategy"], len(facts["classes"]), form], sort_keys=True)
        if key not in counts:
            counts[key] = _parameters(facts)
        cost = counts[key] | {"training_seconds": facts["training_seconds"]}
        found.append((who, _cost_rows(dataset, facts, cost)))
    return found


def _cost_rows(dataset: str, facts: dict[str, Any], cost: dict[str, float]) -> pd.DataFrame:
    about = {name: facts[name] for name in ("strategy", "phase", "fold")}
    about |= {"dataset": dataset, "scored_dataset": dataset, "replication": 0}
    rows = [about | {"metric": name, "value": float(value)} for name, value in cost.items()]
    return pd.DataFrame(rows)


def _parameters(facts: dict[str, Any]) -> dict[str, int]:
    network = build_transferred(facts["strategy"], len(facts["classes"]), facts["settings"])
    found = {"parameters": trainable_parameters(network)}
    if facts["strategy"] == "flip":
        found["point_parameters"] = point_parameters(network)
    return found


def _described(frame: pd.DataFrame, who: Scored) -> pd.DataFrame:
    facts = {"kind": who.kind, "name": who.name, "variant": who.variant}
    facts["seed"] = pd.array([who.seed] * len(frame), dtype="Int64")
    return frame.assign(**facts)[COLUMNS]
