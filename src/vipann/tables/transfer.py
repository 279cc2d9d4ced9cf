"""Tables 4 and 5: accuracies after transfer learning and from scratch, ours beside the paper's."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from vipann.ordering import ordered
from vipann.papers.vi_pann.printed import PHASE_NAMES, STRATEGY_NAMES, paper_value
from vipann.tables.layout import (
    ABOUT_THE_PAPER,
    Column,
    Layout,
    Wide,
    averages,
    comparison_rows,
    number,
    tidy,
    write_table,
)

PHASES = {4: ("fixed", "finetuned"), 5: ("scratch",)}
# A multilabel dataset has mAP in the place of accuracy.
SCORES = ("accuracy", "mAP")
TITLES = {
    4: "Table 4: accuracy after transfer learning",
    5: "Table 5: accuracy from scratch, without transfer learning",
}
HOW = (
    "Mean over folds of the mean over replications ± standard error over folds (none with one "
    "fold). Folds count alike whatever their size."
)


def transfer_table(
    metrics: Sequence[Path | str], paper_names: Mapping[str, str | None]
) -> pd.DataFrame:
    """Tidy Table 4 (columns: `vipann.tables.layout.TIDY_COLUMNS`), rows in the paper's order.

    metrics: the metrics parquet of each transfer dataset, in the order of columns; paper_names:
    dataset -> its name in the paper, or None where the dataset is not the paper's, and then
    `paper` and `difference` stay empty.
    """
    return _table(4, metrics, paper_names)


def scratch_table(
    metrics: Sequence[Path | str], paper_names: Mapping[str, str | None]
) -> pd.DataFrame:
    """Tidy Table 5; as `transfer_table`."""
    return _table(5, metrics, paper_names)


def write_transfer_table(
    metrics: Sequence[Path | str],
    paper_names: Mapping[str, str | None],
    csv: Path | str,
    md: Path | str,
    tex: Path | str,
    notes: Sequence[str] = (),
) -> None:
    """Write Table 4 as csv, Markdown and LaTeX; arguments as for `transfer_table`.

    notes: sentences to stand below it, about this run's networks.
    """
    _write(4, transfer_table(metrics, paper_names), paper_names, (csv, md, tex), notes)


def write_scratch_table(
    metrics: Sequence[Path | str],
    paper_names: Mapping[str, str | None],
    csv: Path | str,
    md: Path | str,
    tex: Path | str,
) -> None:
    """Write Table 5 as csv, Markdown and LaTeX; arguments as for `transfer_table`."""
    _write(5, scratch_table(metrics, paper_names), paper_names, (csv, md, tex))


def _table(
    number: int, metrics: Sequence[Path | str], paper_names: Mapping[str, str | None]
) -> pd.DataFrame:
    frame = pd.concat([averages(pd.read_parquet(path)) for path in metrics], ignore_index=True)
    frame = frame[
        frame["phase"].isin(PHASES[number])
        & frame["strategy"].isin(list(STRATEGY_NAMES))
        & frame["metric"].isin(SCORES)
    ]
    orders = {
        "strategy": list(STRATEGY_NAMES),
        "dataset": list(dict.fromkeys(frame["dataset"])),
        "phase": list(PHASES[number]),
    }
    frame = ordered(frame, orders)
    paper = [
        _printed(number, row.strategy, row.phase, row.metric, paper_names.get(row.dataset))
        for row in frame.itertuples()
    ]
    return tidy(number, frame, paper)


def _printed(
    number: int, strategy: str, phase: str, metric: str, paper_name: str | None
) -> float | None:
    if paper_name is None or metric != "accuracy":
        return None
    column = f"{paper_name}/{phase}" if number == 4 else paper_name
    return paper_value(number, STRATEGY_NAMES[strategy], column)


def _write(
    table: int,
    frame: pd.DataFrame,
    paper_names: Mapping[str, str | None],
    paths: tuple[Path | str, Path | str, Path | str],
    more_notes: Sequence[str] = (),
) -> None:
    columns = []
    seen = frame[["dataset", "phase", "metric"]].drop_duplicates()
    for dataset in dict.fromkeys(frame["dataset"]):
        for phase in PHASES[table]:
            for metric in seen[(seen["dataset"] == dataset) & (seen["phase"] == phase)]["metric"]:
                shown = paper_names.get(dataset) or dataset
                what = "" if metric == "accuracy" else f" ({metric})"
                heading = (shown, PHASE_NAMES[phase] + what) if table == 4 else ("", shown + what)
                columns.append(Column(*heading, dataset, phase, metric))
    notes, rows = [HOW], comparison_rows(frame, STRATEGY_NAMES, columns)
    if frame["paper"].notna().any():
        notes.append(ABOUT_THE_PAPER)
        if table == 4:
            rows.append(["SOTA", "paper", *_state_of_the_art(columns, paper_names)])
            notes.append("SOTA: the state of the art that the paper quotes, of neither phase.")
    layout = Layout(TITLES[table], columns, rows, [*notes, *more_notes])
    write_table(frame, layout, *map(Path, paths))


def _state_of_the_art(
    columns: Sequence[Column], paper_names: Mapping[str, str | None]
) -> list[Wide]:
    """A cell for each dataset."""
    widths = Counter(column.dataset for column in columns)
    return [
        Wide(number(paper_value(4, "SOTA", paper_names.get(dataset) or "")), width)
        for dataset, width in widths.items()
    ]
