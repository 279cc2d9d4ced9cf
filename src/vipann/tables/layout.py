"""One table three ways: tidy csv in full precision, and Markdown and LaTeX laid out as printed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vipann.files import replacing

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
class Table:
    """frame: tidy, for the csv; title, cells, notes: what is read.

    cells: text, its index the labels at the left of each row (of which the first is shown where it
    is another than above), its columns names or pairs (group, name).
    """

    title: str
    frame: pd.DataFrame
    cells: pd.DataFrame
    notes: Sequence[str] = ()


def write_table(table: Table, csv: Path | str, md: Path | str, tex: Path | str) -> None:
    """Write the tidy frame as csv, and what is read of it as Markdown and LaTeX."""
    with replacing(csv) as beside:
        table.frame.to_csv(beside, index=False)
    for path, text in ((md, markdown(table)), (tex, latex(table))):
        with replacing(path) as beside:
            beside.write_text(text, encoding="utf-8")


def markdown(table: Table) -> str:
    """The table in GitHub's Markdown."""
    body = "This run has no result for this table."
    if len(table.cells):
        left = table.cells.index.nlevels
        flat = _flat(table.cells).map(lambda text: text.replace("|", "\\|"))
        body = flat.to_markdown(
            index=False,
            headers=[" ".join(filter(None, names)) for names in flat.columns],
            disable_numparse=True,
            colalign=["left"] * left + ["right"] * (flat.shape[1] - left),
        )
    return "\n\n".join([f"**{table.title}**", body, *table.notes]) + "\n"


def latex(table: Table) -> str:
    """The table as a LaTeX `table` (needs the package booktabs)."""
    caption, body = escaped(table.title), "  This run has no result for this table.\n"
    if len(table.cells):
        left = table.cells.index.nlevels
        flat = _flat(table.cells)
        form = "l" * left + "r" * (flat.shape[1] - left)
        if not any(group for group, _ in flat.columns):
            flat.columns = flat.columns.droplevel(0)
        styled = flat.style.format(escaped).format_index(escaped, axis="columns").hide()
        body = styled.to_latex(column_format=form, hrules=True, multicol_align="c")
    notes = "".join(f"\\par\\footnotesize {escaped(note)}\n" for note in table.notes)
    head = "% Needs \\usepackage{booktabs}.\n\\begin{table}\n\\centering\n"
    return f"{head}\\caption{{{caption}}}\n" + body + notes + "\\end{table}\n"


def escaped(text: str) -> str:
    """The text with LaTeX's own characters escaped and others in its words for them."""
    for character in "&%$#_":
        text = text.replace(character, f"\\{character}")
    # LaTeX's first font encoding has other letters in the places of < and >.
    for character in "<>":
        text = text.replace(character, f"${character}$")
    text = text.replace("±", r"$\pm$").replace("≤", r"$\le$").replace("–", "--")
    # A signed number by itself in its cell: a minus sign, not a hyphen.
    sign, digits = text[:1], text[1:]
    return f"${sign}${digits}" if sign in ("+", "-") and digits[:1].isdigit() else text


def number(value: Any, form: str = ".3f") -> str:
    """A number as the paper prints it, with three decimals; `form`: of another."""
    return NOTHING if pd.isna(value) else format(value, form)


def whole_number(value: Any, sign: str = "") -> str:
    """A count, with commas; with `sign` "+" a difference of counts, which has a sign unless 0."""
    return NOTHING if pd.isna(value) else format(int(value), f"{sign if value else ''},")


def with_error(value: float, error: float) -> str:
    """value ± standard error; the error is left out where there is none."""
    return number(value) if pd.isna(error) else f"{number(value)} ± {number(error)}"


def ordered(
    frame: pd.DataFrame, orders: Mapping[str, Iterable[Any]], then: Sequence[str] = ()
) -> pd.DataFrame:
    """Rows whose values are in `orders` (column -> values), by their places there, then by `then`.

    The columns of `orders` become categorical, so that what is grouped by them comes in that order.
    """
    for name, values in orders.items():
        values = list(values)
        frame = frame[frame[name].isin(values)]
        frame = frame.assign(**{name: pd.Categorical(frame[name], values, ordered=True)})
    return frame.sort_values([*orders, *then], kind="stable", ignore_index=True)


def averages(metrics: pd.DataFrame) -> pd.DataFrame:
    """Mean over folds of the mean over replications, for the models' own datasets.

    metrics: tidy frame of `vipann.evaluation.metrics.metrics_of`. Returns the columns dataset,
    strategy, phase, metric, ours, standard_error (standard deviation over folds with n - 1 below,
    divided by sqrt(n); NaN for a single fold), folds, replications. Folds count alike whatever
    their size, as the field reports it; with unequal folds that is not the pooled accuracy.
    """
    own = metrics[metrics["scored_dataset"] == metrics["dataset"]]
    return over_folds(own, ["dataset", "strategy", "phase", "metric"], "replication")


def over_folds(scores: pd.DataFrame, keys: Sequence[str], repeated: str) -> pd.DataFrame:
    """Mean over folds of the mean over what is `repeated` in a fold: a column, of which the result
    counts the values in `<repeated>s`; see `averages`."""
    per_fold = scores.groupby([*keys, "fold"], sort=False).agg(
        value=("value", "mean"), repeats=(repeated, "nunique")
    )
    found = per_fold.groupby(list(keys), sort=False).agg(
        ours=("value", "mean"),
        standard_error=("value", "sem"),
        folds=("value", "size"),
        repeats=("repeats", "max"),
    )
    return found.rename(columns={"repeats": f"{repeated}s"}).reset_index()


def compared(
    frame: pd.DataFrame, paper: Sequence[float | None], dtype: str = "float64"
) -> pd.DataFrame:
    """With the columns paper (what is printed; None: nothing) and difference (ours - paper)."""
    printed = pd.Series(list(paper), dtype=dtype, index=frame.index)
    return frame.assign(paper=printed, difference=frame["ours"] - printed)


def tidy(number: int, frame: pd.DataFrame, paper: Sequence[float | None]) -> pd.DataFrame:
    """`averages` as the csv has it: columns `TIDY_COLUMNS`."""
    return compared(frame, paper).assign(table=number)[TIDY_COLUMNS]


def comparison(
    frame: pd.DataFrame, columns: Sequence[str], labels: Mapping[str, Mapping[Any, str | None]]
) -> pd.DataFrame:
    """Cells of `tidy`, by strategy: ours, and below it the paper's and the difference.

    columns, labels: as for `side_by_side`. Without any number of the paper there is one row a
    strategy and no word of the paper.
    """
    texts = frame[["strategy", *columns]].copy()
    texts["ours"] = list(map(with_error, frame["ours"], frame["standard_error"]))
    if not frame["paper"].notna().any():
        return side_by_side(texts, {"strategy": "Model"}, columns, labels)
    texts["paper"] = frame["paper"].map(number)
    texts["difference"] = frame["difference"].map(lambda value: number(value, "+.3f"))
    return side_by_side(texts, {"strategy": "Model", "": ""}, columns, labels)


def side_by_side(
    texts: pd.DataFrame,
    rows: Mapping[str, str],
    columns: Sequence[str],
    labels: Mapping[str, Mapping[Any, str | None]],
) -> pd.DataFrame:
    """Cells for a `Table` from texts: a row for each number, with its keys and a column a text.

    rows: the keys that rows are labelled by, with their headings; columns: those of the columns
    (group, name). "" stands for which of several texts it is (ours, paper, difference). labels: of
    a key's values, where they are others than these. The order is that of categories, or of first
    occurrence; what is missing is NOTHING.
    """
    if list(columns) == [""]:
        cells = texts.set_index(list(rows))
        cells.index = _labelled(cells.index, labels).set_names(list(rows.values()))
        return cells
    keys = [name for name in (*rows, *columns) if name]
    indexed = texts.assign(**{name: _categories(texts[name]) for name in keys}).set_index(keys)
    indexed.columns = pd.CategoricalIndex(indexed.columns, indexed.columns, name="")
    several = "" in (*rows, *columns)
    long = indexed.stack(future_stack=True) if several else indexed.squeeze(axis="columns")
    cells = long.unstack(list(columns)).sort_index(axis="columns")
    cells.index = _labelled(cells.index, labels).set_names(list(rows.values()))
    cells.columns = _labelled(cells.columns, labels)
    return cells.fillna(NOTHING)


def _categories(values: pd.Series) -> pd.Series:
    has_order = isinstance(values.dtype, pd.CategoricalDtype)
    return values if has_order else pd.Series(pd.Categorical(values, values.unique()), values.index)


def _labelled(index: pd.Index, labels: Mapping[str, Mapping[Any, str | None]]) -> pd.Index:
    levels = [
        [labels.get(name, {}).get(value) or value for value in index.get_level_values(name)]
        for name in index.names
    ]
    return pd.MultiIndex.from_arrays(levels) if len(levels) > 1 else pd.Index(levels[0])


def _flat(cells: pd.DataFrame) -> pd.DataFrame:
    """The labels of rows as the first columns, and above each column its group, which may be ""."""
    labels = pd.DataFrame(cells.index.tolist(), dtype=str)
    labels.columns = [("", name or "") for name in cells.index.names]
    labels.iloc[:, 0] = labels.iloc[:, 0].mask(labels.iloc[:, 0] == labels.iloc[:, 0].shift(), "")
    pairs = [name if isinstance(name, tuple) else ("", name) for name in cells.columns]
    flat = pd.concat([labels, cells.reset_index(drop=True)], axis=1)
    flat.columns = pd.MultiIndex.from_tuples([*labels.columns, *pairs])
    return flat
