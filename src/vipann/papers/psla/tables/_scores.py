"""What the tables of scores beside the paper's share."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from vipann.papers import Names
from vipann.papers.psla.printed import ON_EMBEDDINGS, SETS, paper_value
from vipann.papers.psla.results import Results, spread
from vipann.tables.layout import ABOUT_THE_PAPER, NOTHING, Table, number

OURS = (
    "Ours: the networks that training ended with, mean over seeds ± standard deviation over seeds; "
    "the paper takes the mean of the last 5 epochs on AudioSet."
)
EMBEDDINGS = (
    "Ours were trained on the VGGish embeddings that Google released, the paper's on audio: the "
    "print is for orientation, without a difference. Kong 2019 in Table XV (mAP 0.274) used these "
    "very embeddings."
)
OTHER = "The paper has no numbers for this dataset."
COLUMNS = ["table", "row", "name", "metric", "ours", "standard_deviation", "seeds"]
FORMS = {"mAP": ".4f", "AUC": ".4f", "d_prime": ".3f"}


def printed_column(names: Names, upstream: str | None) -> str | None:
    """The column of the paper's tables that the run's training set has."""
    return SETS.get(names.get(upstream or "") or "")


def notes_on(names: Names, upstream: str | None) -> list[str]:
    """Sentences on what the print is to ours."""
    paper_name = names.get(upstream or "")
    if paper_name not in SETS:
        return [OURS, OTHER]
    return [OURS, EMBEDDINGS if paper_name == ON_EMBEDDINGS else ABOUT_THE_PAPER]


def scored(
    table: int,
    results: Results,
    rows: Mapping[str, Sequence[str] | str],
    metrics: Sequence[str] = ("mAP",),
) -> pd.DataFrame:
    """Columns `COLUMNS`: of each row and metric ours over seeds, NaN where the run has none.

    rows: the paper's -> the names that it may have in a run.
    """
    lines = []
    for row, candidates in rows.items():
        name = results.first_of(candidates)
        for metric in metrics:
            values = results.by_seed(name, metric) if name else pd.Series(dtype="float64")
            ours = [values.mean(), spread(values), len(values)]
            lines.append([table, row, name or "", metric, *ours])
    return pd.DataFrame(lines, columns=COLUMNS)


def with_print(
    frame: pd.DataFrame, paper: Sequence[float | None], names: Names, upstream: str | None
) -> pd.DataFrame:
    """With paper and difference (ours - paper), the latter where both are of the same input."""
    printed = pd.Series(list(paper), dtype="float64", index=frame.index)
    on_audio = names.get(upstream or "") != ON_EMBEDDINGS
    difference = frame["ours"].astype("float64") - printed
    return frame.assign(paper=printed, difference=difference if on_audio else np.nan)


def of_map(
    table: int,
    title: str,
    results: Results,
    rows: Mapping[str, Sequence[str] | str],
    names: Names,
    upstream: str | None,
) -> Table:
    """A table of one mAP a row, ours beside what the paper prints under the same row."""
    column = printed_column(names, upstream)
    frame = scored(table, results, rows)
    paper = [paper_value(table, row, column) if column else None for row in frame["row"]]
    frame = with_print(frame, paper, names, upstream)
    return Table(title, frame, cells_of(frame), notes_on(names, upstream))


def cells_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows as the paper's; ours, paper, difference of each metric."""
    cells: dict[tuple[str, str], pd.Series] = {}
    for metric in sorted(frame["metric"].unique(), key=[*FORMS, "correlation"].index):
        part = frame[frame["metric"] == metric].set_index("row")
        form = FORMS.get(metric, ".4f")
        pairs = part[["ours", "standard_deviation"]].to_numpy(float)
        ours = [with_spread(value, deviation, form) for value, deviation in pairs]
        cells[metric, "ours"] = pd.Series(ours, part.index)
        for kind, sign in (("paper", ""), ("difference", "+")):
            values = [number(value, f"{sign}{form}") for value in part[kind]]
            cells[metric, kind] = pd.Series(values, part.index)
    shown = pd.DataFrame(cells).reindex(frame["row"].unique()).fillna(NOTHING)
    nothing = [pair for pair in shown if (shown[pair] == NOTHING).all() and pair[1] != "ours"]
    return shown.drop(columns=nothing).rename_axis("Row")


def with_spread(value: float | None, deviation: float | None, form: str = ".4f") -> str:
    """value ± standard deviation; the latter is left out where there is none."""
    text = number(value, form)
    return text if pd.isna(deviation) else f"{text} ± {number(deviation, form)}"
