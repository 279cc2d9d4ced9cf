"""What this paper's figures share."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from vipann.figures import style as styles
from vipann.figures.style import Style

NOTHING = "This run has no result for this figure."
ROW = 0.6  # height of a panel, as a share of the figure's width
PRINT_INK = "#8C8C8C"
_COLOURS = ("flip", "drop", "mean", "fixed", "median", "det")


def one_panel(style: Style, title: str, xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    figure, grid = styles.panels(style, 1, 1, ROW)
    figure.suptitle(title)
    axes = grid[0, 0]
    axes.set(xlabel=xlabel, ylabel=ylabel)
    return figure, axes


def colours(style: Style, names: Sequence[str]) -> dict[str, str]:
    """A colour for each name, in the order of the palette."""
    return {
        name: style.palette[_COLOURS[place % len(_COLOURS)]] for place, name in enumerate(names)
    }


def keys(forms: dict[str, str], dashed: Sequence[str] = ()) -> list[Line2D]:
    """Handles of a legend of lines; forms: label -> colour."""
    return [
        Line2D([], [], color=colour, label=label, linestyle="--" if label in dashed else "-")
        for label, colour in forms.items()
    ]


def mark(axes: Axes, places: Sequence[tuple[float, float, str]], colour: str) -> None:
    """Name some points (x, y, name) of a falling line; neighbours' names start apart."""
    near, last, shift = 0.03 * (axes.get_xlim()[1] - axes.get_xlim()[0]), float("-inf"), 0
    for x, y, name in sorted(places):
        axes.plot(x, y, "o", color=colour, markersize=styles.MARKER_SIZE)
        shift = 11 - shift if x - last < near else 0
        form: dict[str, Any] = {"rotation": 40, "rotation_mode": "anchor", "fontsize": "x-small"}
        axes.annotate(name, (x, y), (3 + shift, 3), textcoords="offset points", **form)
        last = x
    axes.margins(y=0.15)


def mean_and_deviation(axes: Axes, points: pd.DataFrame, x: str, style: Style) -> str:
    """Draw the column mean over the column `x`, and standard_deviation to both sides (none where it
    is missing); returns the colour."""
    (colour,) = colours(style, [""]).values()
    spread = points["standard_deviation"].fillna(0.0)
    band = points["mean"] - spread, points["mean"] + spread
    axes.fill_between(points[x], *band, color=colour, alpha=styles.BAND_ALPHA, linewidth=0)
    axes.plot(points[x], points["mean"], color=colour, linewidth=styles.LINE_WIDTH)
    return colour
