"""Figure 8: from which epoch on weights or predictions are averaged."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from vipann.evaluation.variant_results import Results, members_of, read_results
from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Sources
from vipann.papers.psla.figures._drawing import NOTHING, colours, keys, one_panel
from vipann.papers.psla.names import SINGLE

FIGURE = {
    "number": "8",
    "label": "where averaging starts",
    "headline": 4,
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["psla"],
    "only_with": ["ensembles"],
    "about": ["averages", "ensembles"],
    "caption": """
mAP on the evaluation list of single checkpoints by epoch, and of averages of all checkpoints from
an epoch to the last: of their weights, and of their predictions. The earlier an average starts, the
more it is of. One training, whose seed is the first.""",
}
SINGLE_LINE, WEIGHTS, PREDICTIONS = "Single checkpoint", "Averaged weights", "Averaged predictions"
COLUMNS = ["what", "epoch", "mAP"]


def figure(
    sources: Sources, style: Style, averages: Mapping[str, Any], ensembles: Mapping[str, Any]
) -> tuple[Figure, pd.DataFrame]:
    """Columns of what is drawn: COLUMNS; epoch: of a checkpoint, or where an average starts."""
    points = starts(read_results(sources), averages, ensembles)
    if points.empty:
        return styles.without_data(style, NOTHING), points
    drawn, axes = one_panel(style, "Averaging", "Epoch, or first epoch averaged", "mAP")
    forms = colours(style, [SINGLE_LINE, WEIGHTS, PREDICTIONS])
    for what, line in points.groupby("what", sort=False):
        axes.plot(
            line["epoch"],
            line["mAP"],
            color=forms[what],
            marker="o",
            markersize=styles.MARKER_SIZE,
            linewidth=styles.LINE_WIDTH,
        )
    styles.legend(drawn, keys(forms), columns=2)
    return drawn, points


def starts(
    results: Results, averages: Mapping[str, Any], ensembles: Mapping[str, Any]
) -> pd.DataFrame:
    """Single checkpoints of the first seed of `SINGLE`, and averages of it to its last epoch."""
    epochs = results.epochs(SINGLE)
    if epochs.empty:
        return pd.DataFrame(columns=COLUMNS)
    seed, last = epochs.columns[0], int(epochs.index.max())
    rows = [[SINGLE_LINE, epoch, value] for epoch, value in epochs[seed].dropna().items()]
    for name, block in averages.items():
        first, end = bounds(block["epochs"], int(epochs.index.min()), last)
        values = results.by_seed(name)
        if block["of"].startswith(f"{SINGLE}/") and end == last and seed in values:
            rows.append([WEIGHTS, first, values[seed]])
    for name, block in ensembles.items():
        if block["members"] != [f"{SINGLE}/{seed}"] or "epochs" not in block:
            continue
        members, whole = members_of(results, block), results.by_seed(name)
        if len(members) and len(whole) and members.index.get_level_values("epoch").max() == last:
            first = int(members.index.get_level_values("epoch").min())
            rows.append([PREDICTIONS, first, whole.iloc[0]])
    frame = pd.DataFrame(rows, columns=COLUMNS).drop_duplicates(["what", "epoch"])
    order = {SINGLE_LINE: 0, WEIGHTS: 1, PREDICTIONS: 2}
    by = frame["what"].map(order)
    return frame.assign(by=by).sort_values(["by", "epoch"], ignore_index=True)[COLUMNS]


def bounds(epochs: str | Mapping[str, int], least: int, last: int) -> tuple[int, int]:
    """First and last of the epochs that the config's `averages` name."""
    if isinstance(epochs, str):
        return least, last
    if "first" in epochs:
        return epochs["first"], epochs.get("last", last)
    return last - epochs["last"] + 1, last
