"""Table 3: mAP, AUC and d-prime of the upstream models, ours beside the paper's."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from vipann.ordering import ordered
from vipann.papers.vi_pann.printed import PRETRAINING_DATASET, STRATEGY_NAMES, paper_value
from vipann.tables.layout import (
    ABOUT_THE_PAPER,
    Column,
    Layout,
    averages,
    comparison_rows,
    number,
    tidy,
    write_table,
)

STRATEGIES = ("det", "drop", "flip")
METRICS = {"mAP": "mAP", "AUC": "AUC", "d_prime": "d-prime"}
REFERENCE = "ResNet-54 PANN [1]"


def pretraining_table(metrics: Path | str, paper_names: Mapping[str, str | None]) -> pd.DataFrame:
    """Tidy Table 3 (columns: `vipann.tables.layout.TIDY_COLUMNS`), rows in the paper's order.

    metrics: the upstream dataset's metrics parquet; paper_names: dataset -> its name in the
    paper or None. The paper's numbers are given for AudioSet itself and for nothing else.
    """
    frame = averages(pd.read_parquet(metrics))
    frame = frame[
        (frame["phase"] == "pretrained")
        & frame["strategy"].isin(STRATEGIES)
        & frame["metric"].isin(list(METRICS))
    ]
    orders = {"strategy": STRATEGIES, "metric": list(METRICS)}
    frame = ordered(frame, orders)
    paper = [
        paper_value(3, STRATEGY_NAMES[row.strategy], METRICS[row.metric])
        if paper_names.get(row.dataset) == PRETRAINING_DATASET
        else None
        for row in frame.itertuples()
    ]
    return tidy(3, frame, paper)


def write_pretraining_table(
    metrics: Path | str,
    paper_names: Mapping[str, str | None],
    csv: Path | str,
    md: Path | str,
    tex: Path | str,
) -> None:
    """Write Table 3 as csv, Markdown and LaTeX; arguments as for `pretraining_table`."""
    frame = pretraining_table(metrics, paper_names)
    datasets = list(dict.fromkeys(frame["dataset"]))
    columns = [
        Column("", label, dataset, "pretrained", metric)
        for dataset in datasets
        for metric, label in METRICS.items()
    ]
    strategies = {strategy: STRATEGY_NAMES[strategy] for strategy in STRATEGIES}
    shown = ", ".join(paper_names.get(dataset) or dataset for dataset in datasets)
    notes = ["Mean over replications of the Monte Carlo prediction."]
    rows = comparison_rows(frame, strategies, columns)
    if frame["paper"].notna().any():
        quoted = [number(paper_value(3, REFERENCE, label)) for label in METRICS.values()]
        rows.append([REFERENCE, "paper", *quoted])
        notes += [ABOUT_THE_PAPER, f"{REFERENCE}: Kong et al. 2020, as the paper quotes it."]
    title = f"Table 3: pre-training{f' on {shown}' if shown else ''}"
    layout = Layout(title, columns, rows, notes)
    write_table(frame, layout, Path(csv), Path(md), Path(tex))
