"""What tables of the scores of variants share, whichever paper prints them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from vipann.evaluation.variant_results import Results, spread
from vipann.tables.layout import NOTHING, Table, number, side_by_side

COLUMNS = ["table", "row", "name", "metric", "ours", "standard_deviation", "seeds"]
FORMS = {
    "mAP": ".4f",
    "AUC": ".4f",
    "d_prime": ".3f",
    **dict.fromkeys(("precision", "recall", "F1"), ".3f"),
}
# Metric -> group and name of its column, and its form.
OF_UNCERTAINTY = {
    "mAP": ("", "mAP", ".4f"),
    "ece": ("", "ECE", ".4f"),
    "nll": ("", "NLL", ".4f"),
    "brier": ("", "Brier", ".5f"),
    "mean_total": ("Mean", "Entropy", ".3f"),
    "mean_aleatoric": ("Mean", "Aleatoric", ".3f"),
    "mean_epistemic": ("Mean", "Epistemic", ".3f"),
    "retention_area_total": ("Retention", "by entropy", ".4f"),
    "retention_area_aleatoric": ("Retention", "by aleatoric", ".4f"),
    "retention_area_epistemic": ("Retention", "by epistemic", ".4f"),
}


def scored(
    table: int | str,
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


def beside_print(
    frame: pd.DataFrame, paper: Sequence[float | None], is_comparable: bool
) -> pd.DataFrame:
    """With paper and difference (ours - paper), the latter where both are of the same input."""
    printed = pd.Series(list(paper), dtype="float64", index=frame.index)
    difference = frame["ours"].astype("float64") - printed
    return frame.assign(paper=printed, difference=difference if is_comparable else np.nan)


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


def uncertainty_table(
    title: str,
    results: Results,
    heading: Mapping[str, str],
    rows: Mapping[str, Sequence[str] | str],
    without_epistemic: Sequence[str],
    notes: Sequence[str],
) -> Table:
    """Scores, calibration and the parts of uncertainty; no row for what the run has not.

    heading: of the rows, {"row": ...}; without_epistemic: rows of single networks, whose epistemic
    uncertainty is zero and ranks nothing. The frame has the columns `COLUMNS`, with "uncertainty"
    as table.
    """
    frame = scored("uncertainty", results, rows, list(OF_UNCERTAINTY))
    odd = frame["row"].isin(without_epistemic) & (frame["metric"] == "retention_area_epistemic")
    frame = frame[frame["ours"].notna() & ~odd].reset_index(drop=True)
    texts = pd.DataFrame({"row": frame["row"]})
    for place, level in enumerate(("group", "name")):
        found = [OF_UNCERTAINTY[metric][place] for metric in frame["metric"]]
        texts[level] = pd.Categorical(found, list(dict.fromkeys(found)))
    texts["text"] = [
        with_spread(row.ours, row.standard_deviation, OF_UNCERTAINTY[row.metric][2])
        for row in frame.itertuples()
    ]
    cells = side_by_side(texts, heading, ["group", "name"], {})
    columns = [pair[:2] for pair in OF_UNCERTAINTY.values() if pair[:2] in cells.columns]
    return Table(title, frame, cells[columns], notes)
