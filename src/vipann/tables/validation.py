"""The validation accuracy of each strategy and phase: what settings are chosen by."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vipann.errors import UserError
from vipann.files import replacing
from vipann.papers.vi_pann.printed import PHASE_NAMES, STRATEGY_NAMES
from vipann.tables.layout import Column, Layout, markdown, with_error

COLUMNS = ["dataset", "strategy", "phase", "fold", "validation_fold", "epoch", "accuracy", "loss"]
HOW = (
    "Mean over the runs' validation folds ± standard error. No clip of a run's test fold was read; "
    "choose settings by this table and look at Tables 4 and 5 afterwards."
)


def validation_frame(sidecars: Sequence[tuple[str, Path | str]]) -> pd.DataFrame:
    """One row per training job: the validation of the epoch whose weights were kept.

    sidecars: dataset and sidecar of each checkpoint. Columns: COLUMNS; accuracy in [0, 1], loss in
    nats.

    Raises:
        UserError: a job validated nothing.
    """
    rows = []
    for dataset, path in sidecars:
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
        found = facts.get("validation")
        if not found:
            raise UserError(
                f"{path}: nothing was validated. Set validation.split: next_fold in the config "
                "(config/validated.yaml does) and train again."
            )
        job = {key: facts[key] for key in ("strategy", "phase", "fold")}
        chosen = {key: found["chosen"][key] for key in ("epoch", "accuracy", "loss")}
        rows.append({"dataset": dataset, **job, "validation_fold": found["fold"], **chosen})
    return pd.DataFrame(rows, columns=COLUMNS)


def write_validation_table(
    sidecars: Sequence[tuple[str, Path | str]], csv: Path | str, md: Path | str
) -> None:
    """Write `validation_frame` as csv, and its means by strategy, dataset and phase as Markdown."""
    frame = validation_frame(sidecars)
    means = frame.groupby(["strategy", "dataset", "phase"])["accuracy"].agg(["mean", "sem"])
    phases = [phase for phase in PHASE_NAMES if phase in set(frame["phase"])]
    columns = [
        Column(dataset, PHASE_NAMES[phase], dataset, phase)
        for dataset in dict.fromkeys(frame["dataset"])
        for phase in phases
    ]
    rows = [
        [name, *(_cell(means, (strategy, c.dataset, c.phase)) for c in columns)]
        for strategy, name in STRATEGY_NAMES.items()
        if strategy in set(frame["strategy"])
    ]
    layout = Layout("Validation accuracy", columns, rows, [HOW])
    with replacing(csv) as beside:
        frame.to_csv(beside, index=False)
    with replacing(md) as beside:
        beside.write_text(markdown(layout), encoding="utf-8")


def _cell(means: pd.DataFrame, key: tuple[str, str, str]) -> str:
    return (
        with_error(*means.loc[key])
        if key in means.index
        else with_error(float("nan"), float("nan"))
    )
