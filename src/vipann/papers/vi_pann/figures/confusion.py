"""Confusion matrices: which class is taken for which. Not in the paper."""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from vipann.figures.style import POINTS_PER_INCH, Style, panels, without_data
from vipann.papers import Names, Sources
from vipann.tables.layout import ordered

FIGURE = {
    "label": "Confusion of classes",
    "of": "transfer",
    "needs": {"confusion": "metrics/{dataset}.confusion.parquet"},
    "about": ["shown_names"],
    "caption": """
Which class of {{ dataset }} is taken for which: share of a class's clips, over all folds, mean
over replications. Not in the paper.""",
}
# The first of these that the run has.
PHASES = ("finetuned", "fixed", "scratch")
STRATEGIES = ("drop", "flip", "det_flip", "det", "ens")
# How wide a letter and how high a line is, and what the label at the left and the colour bar take
# of the width.
LETTER_EMS = 0.53
LINE_EMS = 1.18
BESIDE_INCHES = 0.6
TITLE_INCHES = 0.25
# The smallest names, in points less than the other text.
NAMES_SMALLER = 1.0


def confusion_shares(confusion: pd.DataFrame) -> pd.DataFrame:
    """dataset, strategy, phase, target, predicted, clips, share: by panel and class.

    confusion: columns of `vipann.evaluation.diagnostics.confusion_table`; folds are added up.
    share: of the clips of class `target`, so that a row of a matrix sums up to 1.
    """
    phase = [name for name in PHASES if name in set(confusion["phase"])][:1]
    drawn = confusion[confusion["phase"].isin(phase)]
    keys = ["dataset", "strategy", "phase", "target", "predicted"]
    shares = drawn.groupby(keys, sort=False)["clips"].sum().reset_index()
    shares["share"] = shares["clips"] / shares.groupby(keys[:-1])["clips"].transform("sum")
    classes = shares["target"].unique()
    return ordered(shares, {"strategy": STRATEGIES, "target": classes, "predicted": classes})


def figure(sources: Sources, style: Style, shown_names: Names) -> tuple[Figure, pd.DataFrame]:
    """A matrix a strategy, of the fine-tuned networks. What is drawn: `confusion_shares`."""
    shares = confusion_shares(pd.read_parquet(sources["confusion"][0]))
    if shares.empty:
        return without_data(style, "This run has no predicted classes to compare."), shares
    strategies = list(shares["strategy"].unique())
    classes = [name.replace("_", " ") for name in shares["target"].unique()]
    columns, is_named = _columns(classes, len(strategies), style)
    side, beside = _side(classes if is_named else [""], columns, style)
    rows = -(-len(strategies) // columns)
    row_share = (side + TITLE_INCHES + beside / rows) / style.width_inches
    figure, grid = panels(style, rows, columns, row_share, sharex=True, sharey=True)
    # Panels that are square leave room at their sides, which this takes away.
    figure.set_layout_engine("compressed", w_pad=0.03, h_pad=0.03)
    for axes in grid.flat[len(strategies) :]:
        axes.set_axis_off()
    shown = classes if is_named else False
    for axes, strategy in zip(grid.flat, strategies, strict=False):
        panel = shares[shares["strategy"] == strategy]
        matrix = panel.pivot(index="target", columns="predicted", values="share").fillna(0.0)
        form = {"cmap": "Blues", "vmin": 0, "vmax": 1, "square": True, "cbar": False}
        sns.heatmap(matrix, ax=axes, xticklabels=shown, yticklabels=shown, **form)
        axes.set(title=style.labels[strategy], xlabel="", ylabel="")
        axes.tick_params(length=0, labelsize=style.font_size - NAMES_SMALLER)
        axes.tick_params(axis="x", rotation=90)
        axes.tick_params(axis="y", rotation=0)
    for axes in grid[:, 0]:
        axes.set_ylabel("Class")
    # The lowest of each column, which is not in the last row where that is not full.
    for axes in grid.flat[len(strategies) - columns : len(strategies)]:
        axes.set_xlabel("Taken for")
        axes.tick_params(labelbottom=is_named)
    mesh = grid[0, 0].collections[0]
    bar = figure.colorbar(mesh, ax=grid.ravel().tolist(), shrink=0.5, pad=0.02, aspect=30)
    bar.outline.set_visible(False)
    dataset, phase = shares["dataset"].iloc[0], shares["phase"].iloc[0]
    figure.suptitle(f"{shown_names.get(dataset) or dataset}, {style.labels[phase].lower()}")
    return figure, shares


def _columns(names: list[str], matrices: int, style: Style) -> tuple[int, bool]:
    """(matrices side by side, whether the classes are named): as many as leave room for names.

    Where one by itself leaves none, there are no names in the figure; the csv has them.
    """
    line = LINE_EMS * (style.font_size - NAMES_SMALLER) / POINTS_PER_INCH
    most = min(2, matrices)
    for columns in range(most, 0, -1):
        if _side(names, columns, style)[0] / len(names) >= line:
            return columns, True
    return most, False


def _side(names: list[str], columns: int, style: Style) -> tuple[float, float]:
    """(side of a square matrix, length of the longest name), in inches."""
    letter = LETTER_EMS * (style.font_size - NAMES_SMALLER) / POINTS_PER_INCH
    beside = max(map(len, names)) * letter
    return (style.width_inches - beside - BESIDE_INCHES) / columns, beside
