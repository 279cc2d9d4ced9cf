"""One table three ways: tidy csv in full precision, and Markdown and LaTeX laid out as printed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import pandas as pd

from vipann.files import replacing
from vipann.latex import escaped

TIDY_COLUMNS = [
    "table",
    "dataset",
    "strategy",
    "phase",
    "metric",
    "ours",
    "standard_error",
    "folds",
    "replications",
    "paper",
    "difference",
]
NOTHING = "–"
ABOUT_THE_PAPER = f"difference = ours - paper; {NOTHING}: there is no such number."


@dataclass(frozen=True)
class Column:
    """One column of a laid-out table: its heading (group above, name below) and what it shows."""

    group: str
    name: str
    dataset: str = ""
    phase: str = ""
    metric: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.dataset, self.phase, self.metric


@dataclass(frozen=True)
class Wide:
    """A cell across several columns."""

    text: str
    columns: int


Cell = str | Wide


@dataclass(frozen=True)
class Layout:
    """A table of cells. `rows` start with a label; "" continues the label above.

    stubs: headings of the first cells of a row, before those of `columns`; "" for the rest of them.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = field(default_factory=tuple)
    stubs: Sequence[str] = ("Model",)

    @property
    def headings(self) -> list[str]:
        """Of the cells before those of `columns`."""
        width = sum(width_of(cell) for cell in self.rows[0]) - len(self.columns)
        return [*self.stubs, *[""] * (width - len(self.stubs))]


def averages(metrics: pd.DataFrame) -> pd.DataFrame:
    """Mean over folds of the mean over replications, for the models' own datasets.

    metrics: tidy frame of `vipann.evaluation.metrics.metrics_of`. Returns the columns dataset,
    strategy, phase, metric, ours, standard_error (standard deviation over folds with n - 1 below,
    divided by sqrt(n); NaN for a single fold), folds, replications. Folds count alike whatever
    their size, as the field reports it; with unequal folds that is not the pooled accuracy.
    """
    own = metrics[metrics["scored_dataset"] == metrics["dataset"]]
    keys = ["dataset", "strategy", "phase", "metric"]
    per_fold = own.groupby([*keys, "fold"], sort=False).agg(
        value=("value", "mean"), replications=("replication", "nunique")
    )
    return (
        per_fold.groupby(keys, sort=False)
        .agg(
            ours=("value", "mean"),
            standard_error=("value", "sem"),
            folds=("value", "size"),
            replications=("replications", "max"),
        )
        .reset_index()
    )


def tidy(number: int, chosen: pd.DataFrame, paper: Sequence[float | None]) -> pd.DataFrame:
    """`averages` rows plus what the paper prints for each (None: nothing), as the csv has it."""
    frame = chosen.reset_index(drop=True)
    frame["table"] = number
    frame["paper"] = pd.Series(list(paper), dtype="float64", index=frame.index)
    frame["difference"] = frame["ours"] - frame["paper"]
    return frame[TIDY_COLUMNS]


def number(value: float | None) -> str:
    """A number as the paper prints it, with three decimals."""
    return NOTHING if pd.isna(value) else f"{value:.3f}"


def with_error(value: float, error: float) -> str:
    """value ± standard error; the error is left out where there is none."""
    return number(value) if pd.isna(error) else f"{number(value)} ± {number(error)}"


def signed(value: float | None) -> str:
    """A difference with its sign."""
    return NOTHING if pd.isna(value) else f"{value:+.3f}"


def whole_number(value: float | None) -> str:
    """A count, with commas."""
    return NOTHING if pd.isna(value) else f"{int(value):,}"


def whole_number_signed(value: float | None) -> str:
    """A difference of counts with its sign, if there is one."""
    return whole_number(value) if pd.isna(value) or value == 0 else f"{int(value):+,}"


def width_of(cell: Cell) -> int:
    """How many columns it takes."""
    return cell.columns if isinstance(cell, Wide) else 1


def comparison_rows(
    frame: pd.DataFrame, strategies: Mapping[str, str], columns: Sequence[Column]
) -> list[list[str]]:
    """Text rows, per strategy that the run has: ours, and below it the paper's and the difference.

    frame: as `tidy` returns it; strategies: strategy -> label, in the order of rows. Without any
    number of the paper there is one row a strategy and no word of the paper.
    """
    compared = bool(frame["paper"].notna().any())
    cells = frame.set_index(["strategy", "dataset", "phase", "metric"])
    kinds = {
        "ours": lambda cell: with_error(cell["ours"], cell["standard_error"]),
        "paper": lambda cell: number(cell["paper"]),
        "difference": lambda cell: signed(cell["difference"]),
    }
    rows = []
    for strategy, label in strategies.items():
        if strategy not in set(frame["strategy"]):
            continue
        for kind, text in kinds.items() if compared else [("ours", kinds["ours"])]:
            here = [(strategy, *column.key) for column in columns]
            texts = [text(cells.loc[key]) if key in cells.index else NOTHING for key in here]
            first = [label if kind == "ours" else ""]
            rows.append([*first, *([kind] if compared else []), *texts])
    return rows


def markdown(layout: Layout) -> str:
    """The table in GitHub's Markdown."""
    lines = [f"**{layout.title}**", ""]
    if layout.rows:
        names = [f"{column.group} {column.name}".strip() for column in layout.columns]
        headings = layout.headings
        lines += [
            "| " + " | ".join([*headings, *names]) + " |",
            "|" + "|".join([":--"] * len(headings) + ["--:"] * len(names)) + "|",
            *("| " + " | ".join(_separate(row)) + " |" for row in layout.rows),
        ]
    else:
        lines.append("This run has no result for this table.")
    for note in layout.notes:
        lines += ["", note]
    return "\n".join(lines) + "\n"


def latex(layout: Layout) -> str:
    """The table as a LaTeX `table` (needs the package booktabs)."""
    caption = f"  \\caption{{{escaped(layout.title)}}}"
    lines = ["% Needs \\usepackage{booktabs}.", "\\begin{table}", "  \\centering", caption]
    if layout.rows:
        stubs = len(layout.headings)
        lines += [
            f"  \\begin{{tabular}}{{{'l' * stubs}{'r' * len(layout.columns)}}}",
            "    \\toprule",
        ]
        lines += _latex_heading(layout)
        lines.append("    \\midrule")
        for index, row in enumerate(layout.rows):
            if index and stubs > 1 and row[0]:
                lines.append("    \\addlinespace")
            lines.append("    " + " & ".join(map(_latex_cell, row)) + r" \\")
        lines += ["    \\bottomrule", "  \\end{tabular}"]
    else:
        lines.append("  This run has no result for this table.")
    for note in layout.notes:
        lines.append(f"  \\par\\footnotesize {escaped(note)}")
    return "\n".join([*lines, "\\end{table}"]) + "\n"


def write_table(frame: pd.DataFrame, layout: Layout, csv: Path, md: Path, tex: Path) -> None:
    """Write the tidy frame as csv, and the layout as Markdown and LaTeX."""
    with replacing(csv) as beside:
        frame.to_csv(beside, index=False)
    for path, text in ((md, markdown(layout)), (tex, latex(layout))):
        with replacing(path) as beside:
            beside.write_text(text, encoding="utf-8")


def _separate(row: Sequence[Cell]) -> list[str]:
    """A wide cell's text in its last column, for a format without cells across columns."""
    cells = []
    for cell in row:
        cells += [""] * (width_of(cell) - 1)
        cells.append(cell.text if isinstance(cell, Wide) else cell)
    return cells


def _latex_cell(cell: Cell) -> str:
    if isinstance(cell, Wide):
        return f"\\multicolumn{{{cell.columns}}}{{c}}{{{escaped(cell.text)}}}"
    return escaped(cell)


def _latex_heading(layout: Layout) -> list[str]:
    headings = [escaped(heading) for heading in layout.headings]
    names = [escaped(column.name) for column in layout.columns]
    if not any(column.group for column in layout.columns):
        return ["    " + " & ".join([*headings, *names]) + r" \\"]
    spans, rules, start = [], [], len(headings) + 1
    for group, members in groupby(layout.columns, key=lambda column: column.group):
        width = len(list(members))
        spans.append(f"\\multicolumn{{{width}}}{{c}}{{{escaped(group)}}}")
        rules.append(f"\\cmidrule(lr){{{start}-{start + width - 1}}}")
        start += width
    return [
        "    " + " & ".join([*headings, *spans]) + r" \\",
        "    " + " ".join(rules),
        "    " + " & ".join([*[""] * len(headings), *names]) + r" \\",
    ]
