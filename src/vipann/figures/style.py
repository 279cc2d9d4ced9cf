"""How every figure looks: colours, fonts, sizes, resolution and labels. Nothing of it elsewhere."""

import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# seaborn imports scipy's statistics and clustering, for densities and trees that no figure here
# draws: 0.6 of the 1.6 seconds that a figure takes to import what it needs.
if _stood_in := {"scipy.stats", "scipy.cluster"} - sys.modules.keys():
    sys.modules.update(dict.fromkeys(_stood_in))  # type: ignore[arg-type]
import matplotlib.style
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from vipann.errors import UserError
from vipann.files import replacing
from vipann.strategies import STRATEGIES

for _name in _stood_in:
    del sys.modules[_name]

# Okabe and Ito's palette, which colour-blind readers can tell apart, and two light fills.
PALETTE = {
    **{strategy.name: strategy.colour for strategy in STRATEGIES},
    "fixed": "#CC79A7",
    "finetuned": "#000000",
    "median": "#E69F00",
    "mean": "#007A3D",
    "in_distribution": "#B5D8F0",
    "out_of_distribution": "#E4E4E4",
}
MARKERS = {s.name: s.marker for s in STRATEGIES} | {"finetuned": "o", "fixed": "s"}
# Of lines that others are held against.
DASHES = {"det": (4, 2)}
# In the order of the paper's columns; it calls the total uncertainty "Entropy".
UNCERTAINTY_LABELS = {"total": "Entropy", "epistemic": "Epistemic", "aleatoric": "Aleatoric"}
LABELS = {
    **{strategy.name: strategy.label for strategy in STRATEGIES},
    "finetuned": "Fine-tuned",
    "fixed": "Fixed-feature",
    "scratch": "From scratch",
    "pretrained": "Pre-trained",
    **UNCERTAINTY_LABELS,
    "accuracy": "Accuracy",
    "mAP": "mAP",
    "random": "Random order",
    "retained": "Data retained (%)",
    "uncertainty": "Uncertainty (nats)",
    "median": "Median",
    "mean": "Mean",
    "in_distribution": "ID",
    "out_of_distribution": "OOD",
}
INK, AXIS, GRID = "#262626", "#8C8C8C", "#E3E3E3"
TICKS = {"color": AXIS, "labelcolor": INK, "major.size": 2.2, "major.pad": 2}
LINE_WIDTH = 1.1
MARKER_SIZE = 2.8
BAND_ALPHA = 0.2
# What titles, legend and axis labels add to the rows of panels, in lines of text.
MARGIN_LINES = 8
# Of a figure's width, for its legend: letters come out a little wider in print than on a screen.
LEGEND_SHARE = 0.95
POINTS_PER_INCH = 72
# Font size of seaborn's context "paper", from which all others follow.
CONTEXT_POINTS = 9.6
IMAGE_SUFFIXES = ("png", "pdf", "svg")


@dataclass(frozen=True)
class Style:
    """What the config may change: family, points, dots an inch, inches, colours, labels.

    palette, labels: of strategies, phases, uncertainties, and the other entries of PALETTE and
    LABELS.
    """

    font: str = "DejaVu Sans"
    font_size: float = 7.5
    dpi: int = 300
    width_inches: float = 3.5
    palette: Mapping[str, str] = field(default_factory=lambda: dict(PALETTE))
    labels: Mapping[str, str] = field(default_factory=lambda: dict(LABELS))

    def applied(self) -> AbstractContextManager:
        """A context in which figures look so: seaborn's "paper" and "ticks", with less ink.

        On top of matplotlib's own defaults: what a user's matplotlibrc says is not for a paper.
        """
        sizes = sns.plotting_context("paper", font_scale=self.font_size / CONTEXT_POINTS)
        rc = {
            **sns.axes_style("ticks"),
            **sizes,
            **{key: 0.6 for key in sizes if key.endswith("width")},
            **dict.fromkeys(["legend.fontsize", "figure.labelsize"], self.font_size),
            **{f"{axis}tick.{key}": value for axis in "xy" for key, value in TICKS.items()},
            **dict.fromkeys(["text.color", "axes.labelcolor"], INK),
            **dict.fromkeys(["axes.spines.top", "axes.spines.right", "legend.frameon"], False),
            "font.family": self.font,
            "figure.titlesize": self.font_size + 1,
            "figure.titleweight": "bold",
            "axes.grid": True,
            "grid.color": GRID,
            "grid.linewidth": 0.5,
            "axes.edgecolor": AXIS,
            "axes.titlepad": 3.5,
            "legend.handlelength": 1.8,
            "legend.columnspacing": 1.4,
            # Editable text in the pdf; fixed ids, so that the same data give the same svg.
            "pdf.fonttype": 42,
            "svg.hashsalt": "vipann",
        }
        return matplotlib.style.context(rc, after_reset=True)


def style_from(mapping: Mapping[str, Any] | None = None) -> Style:
    """Style from the config's `figures`; its `palette` and `labels` may name some entries only.

    Raises:
        UserError: a colour is none, or a font is not installed.
    """
    given = dict(mapping or {})
    for key, defaults in (("palette", PALETTE), ("labels", LABELS)):
        given[key] = {**defaults, **given.get(key, {})}
    style = Style(**given)
    for name, colour in style.palette.items():
        if not is_color_like(colour):
            raise UserError(f"figures.palette.{name}: {colour!r} is not a colour.")
    try:
        findfont(FontProperties(family=style.font), fallback_to_default=False)
    except ValueError:
        raise UserError(
            f"figures.font: {style.font!r} is not installed; DejaVu Sans comes with matplotlib."
        ) from None
    return style


def panels(
    style: Style, rows: int, columns: int, row_share: float, **shared: Any
) -> tuple[Figure, np.ndarray]:
    """(figure, axes of shape (rows, columns)) of the style's width.

    row_share: height of a row of panels, as a share of that width.
    """
    margin = MARGIN_LINES * style.font_size / POINTS_PER_INCH
    height = rows * row_share * style.width_inches + margin
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.025, wspace=0.05, hspace=0.03)
    figure = Figure(figsize=(style.width_inches, height), layout=layout)
    return figure, figure.subplots(rows, columns, squeeze=False, **shared)


def facets(
    style: Style, rows: Sequence[str], columns: Sequence[str], row_share: float, **shared: Any
) -> tuple[Figure, np.ndarray]:
    """`panels`, named by the labels of what rows and columns of panels show."""
    figure, grid = panels(style, len(rows), len(columns), row_share, **shared)
    for axes, name in zip(grid[0], columns, strict=True):
        axes.set_title(style.labels[name])
    for axes, name in zip(grid[:, -1], rows, strict=True):
        row_label(axes, style.labels[name])
    return figure, grid


def row_label(axes: Axes, text: str) -> None:
    """Name a row of panels, at the right-hand side of its last panel."""
    where: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
    form: dict[str, Any] = {"rotation": 270, "ha": "left", "va": "center"}
    axes.annotate(text, (1.0, 0.5), (4, 0), **where, **form)


def few_ticks(axes: Axes, most: int = 4) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]))


def line_form(name: str, style: Style) -> dict[str, Any]:
    """How the line of a strategy or phase is drawn."""
    return {
        "color": style.palette[name],
        "linewidth": LINE_WIDTH,
        "linestyle": (0, DASHES[name]) if name in DASHES else "-",
        "marker": MARKERS[name],
        "markersize": MARKER_SIZE,
        "markeredgecolor": "white",
        "markeredgewidth": 0.3,
    }


def draw_lines(
    axes: Axes,
    rows: pd.DataFrame,
    xy: tuple[str, str],
    name: str,
    style: Style,
    several: str | None = None,
    marked: bool = True,
) -> None:
    """A line for each value of the column `name`, with markers and dashes if `marked`.

    xy: columns; several: that which counts what a point is the mean of: where it is more than one,
    there is a band between the columns low and high.
    """
    x, y = xy
    # Those that others are held against lie below.
    names = sorted(dict.fromkeys(rows[name]), key=lambda each: each not in DASHES)
    dashes = {each: DASHES.get(each, "") for each in names}
    forms = {"style": name, "style_order": names, "markers": MARKERS, "dashes": dashes}
    sns.lineplot(
        rows.astype({name: str}),
        x=x,
        y=y,
        hue=name,
        hue_order=names,
        palette=dict(style.palette),
        estimator=None,
        errorbar=None,
        legend=False,
        ax=axes,
        linewidth=LINE_WIDTH,
        markersize=MARKER_SIZE,
        markeredgewidth=0.3,
        **(forms if marked else {}),
    )
    axes.set(xlabel="", ylabel="")
    for each, line in rows.groupby(name, sort=False, observed=True) if several else []:
        if (line[several] > 1).any():
            colour = style.palette[each]
            axes.fill_between(
                line[x], line["low"], line["high"], color=colour, alpha=BAND_ALPHA, linewidth=0
            )


def legend(figure: Figure, handles: Sequence[Any], columns: int | None = None) -> None:
    """One for the whole figure, below it; in fewer columns if it would be wider than the figure."""
    columns = columns or len(handles)
    drawn = figure.legend(handles=list(handles), loc="outside lower center", ncols=columns)
    if columns > 1 and drawn.get_window_extent().width > LEGEND_SHARE * figure.bbox.width:
        drawn.remove()
        rows = math.ceil(len(handles) / columns)
        legend(figure, handles, min(columns - 1, math.ceil(len(handles) / (rows + 1))))


def line_keys(names: Sequence[str], style: Style) -> list[Line2D]:
    """Handles of a legend of strategies or phases."""
    return [Line2D([], [], label=style.labels[name], **line_form(name, style)) for name in names]


def without_data(style: Style, message: str) -> Figure:
    """A figure that says that there is nothing to draw."""
    figure = Figure(figsize=(style.width_inches, 1.2))
    figure.text(0.5, 0.5, message, ha="center", va="center", wrap=True)
    return figure


def save(figure: Figure, drawn: pd.DataFrame, outputs: Mapping[str, Path | str], dpi: int) -> None:
    """Write the figure to outputs["png" | "pdf" | "svg"] and what it draws to outputs["csv"].

    The same data give the same bytes: no date goes into the files.
    """
    dates = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    for suffix in IMAGE_SUFFIXES:
        with replacing(outputs[suffix]) as beside:
            figure.savefig(beside, format=suffix, dpi=dpi, metadata=dates.get(suffix))
    with replacing(outputs["csv"]) as beside:
        drawn.to_csv(beside, index=False)
