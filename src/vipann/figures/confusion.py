"""Confusion matrices: which class is taken for which. Not in the paper."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from vipann.figures import style as look
from vipann.ordering import ordered

# The first of these that the run has; columns of panels from left to right.
PHASES = ("finetuned", "fixed", "scratch")
STRATEGIES = ("drop", "flip", "det_flip", "det")
# How wide a letter and how high a line is, and what the label at the left and the colour bar take
# of the width.
LETTER_EMS = 0.53
LINE_EMS = 1.18
BESIDE_INCHES = 0.6
TITLE_INCHES = 0.25
# The smallest names, in points less than the other text.
NAMES_SMALLER = 1.0


def confusion_shares(confusion: pd.DataFrame) -> pd.DataFrame:
    """What the figure draws: dataset, strategy, phase, target, predicted, clips, share.

    confusion: columns of `vipann.evaluation.diagnostics.confusion_table`; folds are added up.
    share: of the clips of class `target`, so that a row of a matrix sums up to 1. Rows in the order
    of classes and of panels.
    """
    present = [phase for phase in PHASES if phase in set(confusion["phase"])]
    drawn = confusion[
        (confusion["phase"] == (present[0] if present else ""))
        & confusion["strategy"].isin(STRATEGIES)
    ]
    keys = ["dataset", "strategy", "phase", "target", "predicted"]
    shares = drawn.groupby(keys, sort=False)["clips"].sum().reset_index()
    shares["share"] = shares["clips"] / shares.groupby(keys[:-1])["clips"].transform("sum")
    classes = _classes(shares)
    return ordered(shares, {"strategy": STRATEGIES, "target": classes, "predicted": classes})


def draw_confusion(
    confusion: Path | str,
    outputs: Mapping[str, Path | str],
    style: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> None:
    """Draw one dataset's confusion parquet: a matrix a strategy, of the fine-tuned networks.

    outputs: paths for "png", "pdf", "svg" and "csv"; style: see `vipann.figures.style.style_from`;
    title: default the dataset's name.
    """
    look.draw(_figure, confusion_shares(pd.read_parquet(confusion)), outputs, style, title)


def _classes(shares: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(shares["target"]))


def _columns(names: list[str], matrices: int, style: look.Style) -> tuple[int, bool]:
    """(matrices side by side, whether the classes are named): as many as leave room for names.

    Where one alone leaves none, there are no names in the figure; the csv has them.
    """
    line = LINE_EMS * (style.font_size - NAMES_SMALLER) / look.POINTS_PER_INCH
    most = min(2, matrices)
    for columns in range(most, 0, -1):
        if _side(names, columns, style)[0] / len(names) >= line:
            return columns, True
    return most, False


def _side(names: list[str], columns: int, style: look.Style) -> tuple[float, float]:
    """(side of a square matrix, length of the longest name), in inches."""
    letters = max(map(len, names))
    size = style.font_size - NAMES_SMALLER
    beside = letters * LETTER_EMS * size / look.POINTS_PER_INCH
    return (style.width_inches - beside - BESIDE_INCHES) / columns, beside


def _figure(shares: pd.DataFrame, style: look.Style, title: str | None) -> Figure:
    if shares.empty:
        return look.without_data(style, "This run has no predicted classes to compare.")
    classes = _classes(shares)
    strategies = list(dict.fromkeys(shares["strategy"]))
    names = [name.replace("_", " ") for name in classes]
    columns, named = _columns(names, len(strategies), style)
    rows = -(-len(strategies) // columns)
    side, beside = _side(names if named else [""], columns, style)
    row_share = (side + TITLE_INCHES + beside / rows) / style.width_inches
    figure, grid = look.panels(style, rows, columns, row_share, sharex=True, sharey=True)
    # Panels that are square leave room at their sides, which this takes away.
    figure.set_layout_engine("compressed", w_pad=0.03, h_pad=0.03)
    for axes in grid.flat[len(strategies) :]:
        axes.set_axis_off()
    for axes, strategy in zip(grid.flat, strategies, strict=False):
        image = _matrix(axes, shares[shares["strategy"] == strategy], classes)
        axes.set_title(style.word(strategy))
        axes.set_xticks(range(len(classes)) if named else [], names if named else [], rotation=90)
        axes.set_yticks(range(len(classes)) if named else [], names if named else [])
        axes.tick_params(length=0, labelsize=style.font_size - NAMES_SMALLER)
    for axes in grid[:, 0]:
        axes.set_ylabel(look.TARGET_LABEL)
    # The lowest of each column, which is not in the last row where that is not full.
    for axes in grid.flat[len(strategies) - columns : len(strategies)]:
        axes.set_xlabel(look.PREDICTED_LABEL)
        axes.tick_params(labelbottom=named)
    bar = figure.colorbar(image, ax=grid.ravel().tolist(), shrink=0.5, pad=0.02, aspect=30)
    bar.outline.set_visible(False)
    dataset, phase = shares["dataset"].iloc[0], shares["phase"].iloc[0]
    figure.suptitle(f"{title or dataset}, {style.word(phase).lower()}")
    return figure


def _matrix(axes: Axes, shares: pd.DataFrame, classes: list[str]) -> AxesImage:
    matrix = np.zeros((len(classes), len(classes)))
    target, predicted = (shares[name].map(classes.index) for name in ("target", "predicted"))
    matrix[target, predicted] = shares["share"]
    axes.grid(visible=False)
    return axes.imshow(matrix, cmap=look.CONFUSION_MAP, vmin=0, vmax=1)
