"""What this paper's figures share."""

from collections.abc import Sequence

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
