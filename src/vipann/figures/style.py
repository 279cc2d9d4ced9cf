"""How every figure looks: colours, fonts, sizes, resolution and words. Nothing of it elsewhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont

from vipann.errors import UserError
from vipann.files import replacing
from vipann.papers.vi_pann.printed import STRATEGY_NAMES

# Okabe and Ito's palette, which colour-blind readers can tell apart, and two light fills.
PALETTE = {
    "drop": "#0072B2",
    "flip": "#D55E00",
    "det_flip": "#009E73",
    "det": "#4D4D4D",
    "fixed": "#CC79A7",
    "finetuned": "#000000",
    "median": "#E69F00",
    "mean": "#007A3D",
    "in_distribution": "#B5D8F0",
    "out_of_distribution": "#E4E4E4",
}
# A second cue beside colour, for print in grey.
MARKERS = {"drop": "o", "flip": "s", "det_flip": "^", "finetuned": "o", "fixed": "s"}

STRATEGY_LABELS = STRATEGY_NAMES
PHASE_LABELS = {
    "finetuned": "Fine-tuned",
    "fixed": "Fixed-feature",
    "scratch": "From scratch",
    "pretrained": "Pre-trained",
}
# In the order of the paper's columns; it calls the total uncertainty "Entropy".
UNCERTAINTY_LABELS = {"total": "Entropy", "epistemic": "Epistemic", "aleatoric": "Aleatoric"}
WORDS = {
    **STRATEGY_LABELS,
    **PHASE_LABELS,
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

INK = "#262626"
AXIS = "#8C8C8C"
GRID = "#E3E3E3"
BAND_ALPHA = 0.2
LINE_WIDTH = 1.1
MARKER_SIZE = 2.8
POINT = {"marker": "o", "markersize": MARKER_SIZE, "linestyle": "none"}
MEDIAN_WIDTH = 1.5
MEAN_DASHES = (0, (2.5, 1.2))
REFERENCE_DASHES = (0, (4, 2))
RANDOM_LINE = {"linewidth": 0.8 * LINE_WIDTH, "linestyle": (0, (1, 1.6)), "zorder": 1.8}
BOX_WIDTH = 0.56
# Height of one row of panels, as a share of the figure's width.
RETENTION_ROW = 0.27
BOXPLOT_ROW = 0.235
RELIABILITY_ROW = 0.3
CASES_SHARE = 0.35
CONFUSION_MAP = "Blues"
CONFIDENCE_LABEL = "Stated probability"
OUTCOME_LABEL = "Came true"
CASES_LABEL = "Cases"
TARGET_LABEL = "Class"
PREDICTED_LABEL = "Taken for"
CURVES_TITLE = "Learning curves"
LOSS_LABEL = "Loss (nats)"
STEP_LABEL = "Steps"
# What titles, legend and axis labels add to the rows, in lines of text.
MARGIN_LINES = 8
# How much smaller than the other text the numbers at the ticks are, in points.
TICKS_SMALLER = 0.5
POINTS_PER_INCH = 72

IMAGE_SUFFIXES = ("png", "pdf", "svg")


@dataclass(frozen=True)
class Style:
    """What the config may change: family, points, dots an inch, inches, colours, words."""

    font: str = "DejaVu Sans"
    font_size: float = 7.5
    dpi: int = 300
    width_inches: float = 3.5
    palette: Mapping[str, str] = field(default_factory=lambda: dict(PALETTE))
    words: Mapping[str, str] = field(default_factory=lambda: dict(WORDS))

    def colour(self, name: str) -> str:
        """Of a strategy or phase, or of another entry of PALETTE."""
        return self.palette[name]

    def word(self, name: str) -> str:
        """What is written for a strategy, a phase, an uncertainty, or another entry of WORDS."""
        return self.words[name]

    def rc(self) -> dict[str, Any]:
        """Settings for `matplotlib.rc_context`."""
        return {
            "font.family": self.font,
            "font.size": self.font_size,
            "axes.titlesize": self.font_size,
            "axes.labelsize": self.font_size,
            "xtick.labelsize": self.font_size - TICKS_SMALLER,
            "ytick.labelsize": self.font_size - TICKS_SMALLER,
            "legend.fontsize": self.font_size,
            "figure.labelsize": self.font_size,
            "figure.titlesize": self.font_size + 1,
            "figure.titleweight": "bold",
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": AXIS,
            "xtick.color": AXIS,
            "ytick.color": AXIS,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "axes.linewidth": 0.6,
            "axes.titlepad": 3.5,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.grid": True,
            "grid.color": GRID,
            "grid.linewidth": 0.5,
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
            "xtick.major.size": 2.2,
            "ytick.major.size": 2.2,
            "xtick.major.pad": 2,
            "ytick.major.pad": 2,
            "lines.solid_capstyle": "round",
            "legend.frameon": False,
            "legend.handlelength": 1.8,
            "legend.columnspacing": 1.4,
            "figure.facecolor": "white",
            # Editable text in the pdf; fixed ids, so that the same data give the same svg.
            "pdf.fonttype": 42,
            "svg.hashsalt": "vipann",
        }


def style_from(mapping: Mapping[str, Any] | None = None) -> Style:
    """Style from the config's `figures`: any of the keys that `Style` has.

    `palette` and `words` may name some entries only. Raises UserError for a key that does not
    exist, a colour that is none, or a font that is not installed.
    """
    given = dict(mapping or {})
    known = set(Style.__dataclass_fields__)
    if unknown := sorted(set(given) - known):
        raise UserError(
            f"figures: unknown key {', '.join(unknown)}; known are {', '.join(sorted(known))}."
        )
    for key, defaults in (("palette", PALETTE), ("words", WORDS)):
        own = dict(given.get(key) or {})
        if unknown := sorted(set(own) - set(defaults)):
            raise UserError(
                f"figures.{key} has no {', '.join(unknown)}; there are {', '.join(defaults)}."
            )
        given[key] = {**defaults, **own}
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
    figure = Figure(figsize=(style.width_inches, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.025, wspace=0.05, hspace=0.03)
    return figure, figure.subplots(rows, columns, squeeze=False, **shared)


def row_label(axes: Axes, text: str) -> None:
    """Name a row of panels, at the right-hand side of its last panel."""
    axes.annotate(
        text,
        xy=(1.0, 0.5),
        xytext=(4, 0),
        xycoords="axes fraction",
        textcoords="offset points",
        rotation=270,
        ha="left",
        va="center",
    )


def without_data(style: Style, message: str) -> Figure:
    """A figure that says that there is nothing to draw."""
    figure = Figure(figsize=(style.width_inches, 1.2))
    figure.text(0.5, 0.5, message, ha="center", va="center", wrap=True)
    return figure


def draw(
    figure_of: Callable[..., Figure],
    drawn: pd.DataFrame,
    outputs: Mapping[str, Path | str],
    style: Mapping[str, Any] | None,
    about: Any,
) -> None:
    """Write what `figure_of(drawn, style, about)` makes in the config's style: see `save`."""
    chosen = style_from(style)
    with matplotlib.rc_context(chosen.rc()):
        save(figure_of(drawn, chosen, about), drawn, outputs, chosen.dpi)


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
