"""How every figure looks: colours, fonts, sizes, resolution and words. Nothing of it elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vipann.errors import UserError
from vipann.files import replacing
from vipann.paper.numbers import STRATEGY_NAMES

# Okabe and Ito's palette, which colour-blind readers can tell apart.
PALETTE = {"drop": "#0072B2", "flip": "#D55E00", "det_flip": "#009E73", "det": "#4D4D4D"}
# A second cue beside colour, for print in grey.
MARKERS = {"drop": "o", "flip": "s", "det_flip": "^"}

STRATEGY_LABELS = STRATEGY_NAMES
PHASE_LABELS = {
    "finetuned": "Fine-tuned",
    "fixed": "Fixed-feature",
    "scratch": "From scratch",
    "pretrained": "Pre-trained",
}
# In the order of the paper's columns; it calls the total uncertainty "Entropy".
UNCERTAINTY_LABELS = {
    "total": "Entropy",
    "epistemic": "Epistemic uncertainty",
    "aleatoric": "Aleatoric uncertainty",
}
SCORE_LABELS = {"accuracy": "Accuracy", "mAP": "mAP"}
RETAINED_LABEL = "Evaluation data retained (%)"
UNCERTAINTY_LABEL = "Uncertainty (nats)"

INK = "#262626"
GRID = "#E3E3E3"
MEDIAN_COLOUR = "#E69F00"
MEAN_COLOUR = "#007A3D"
IN_DISTRIBUTION_FILL = "#C9DDEE"
OOD_FILL = "#DEDEDE"
BAND_ALPHA = 0.18
LINE_WIDTH = 1.3
MARKER_SIZE = 3.4
MEDIAN_WIDTH = 1.7
BOX_WIDTH = 0.52
# Height of one row of panels, as a share of the figure's width.
RETENTION_ROW = 0.29
BOXPLOT_ROW = 0.215
RELIABILITY_ROW = 0.3
CASES_SHARE = 0.35
CONFUSION_MAP = "Blues"
CONFIDENCE_LABEL = "Stated probability"
OUTCOME_LABEL = "Came true"
CASES_LABEL = "Cases (%)"
TARGET_LABEL = "Class"
PREDICTED_LABEL = "Taken for"
# Inches that titles, legend and axis labels add to the rows.
MARGIN_INCHES = 0.85

IMAGE_SUFFIXES = ("png", "pdf", "svg")


@dataclass(frozen=True)
class Style:
    """What the config may change: points, dots an inch, inches, strategy -> colour."""

    font_size: float = 8.0
    dpi: int = 300
    width_inches: float = 7.0
    palette: Mapping[str, str] = field(default_factory=lambda: dict(PALETTE))

    def colour(self, strategy: str) -> str:
        return self.palette.get(strategy, PALETTE.get(strategy, INK))

    def rc(self) -> dict[str, Any]:
        """Settings for `matplotlib.rc_context`."""
        return {
            "font.family": "DejaVu Sans",
            "font.size": self.font_size,
            "axes.titlesize": self.font_size + 0.5,
            "axes.labelsize": self.font_size,
            "xtick.labelsize": self.font_size - 0.5,
            "ytick.labelsize": self.font_size - 0.5,
            "legend.fontsize": self.font_size,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": "#8C8C8C",
            "xtick.color": "#8C8C8C",
            "ytick.color": "#8C8C8C",
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "axes.linewidth": 0.7,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.grid": True,
            "grid.color": GRID,
            "grid.linewidth": 0.6,
            "xtick.major.width": 0.7,
            "ytick.major.width": 0.7,
            "xtick.major.size": 2.5,
            "ytick.major.size": 2.5,
            "lines.solid_capstyle": "round",
            "legend.frameon": False,
            "figure.facecolor": "white",
            # Editable text in the pdf; fixed ids, so that the same data give the same svg.
            "pdf.fonttype": 42,
            "svg.hashsalt": "vipann",
        }


def style_from(mapping: Mapping[str, Any] | None = None) -> Style:
    """Style from the config's mapping with any of the keys font_size, dpi, width_inches, palette.

    A palette may name some strategies only. Raises UserError for a key that does not exist.
    """
    given = dict(mapping or {})
    known = set(Style.__dataclass_fields__)
    if unknown := sorted(set(given) - known):
        raise UserError(
            f"figure style: unknown key {', '.join(unknown)}; known are {', '.join(sorted(known))}."
        )
    palette = dict(given.pop("palette", None) or {})
    if unknown := sorted(set(palette) - set(PALETTE)):
        raise UserError(
            f"figure style: palette has no strategy {', '.join(unknown)}; "
            f"there are {', '.join(PALETTE)}."
        )
    for strategy, colour in palette.items():
        if not matplotlib.colors.is_color_like(colour):
            raise UserError(f"figure style: palette.{strategy}: {colour!r} is not a colour.")
    return Style(palette={**PALETTE, **palette}, **given)


def panels(style: Style, rows: int, columns: int, row_share: float, **shared: Any) -> tuple:
    """(figure, axes of shape (rows, columns)) of the style's width; `row_share`: see above."""
    height = rows * row_share * style.width_inches + MARGIN_INCHES
    figure = Figure(figsize=(style.width_inches, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.05, h_pad=0.05, wspace=0.03, hspace=0.04)
    return figure, figure.subplots(rows, columns, squeeze=False, **shared)


def row_label(axes: Axes, text: str) -> None:
    """Name a row of panels, at the right-hand side of its last panel."""
    axes.annotate(
        text,
        xy=(1.0, 0.5),
        xytext=(7, 0),
        xycoords="axes fraction",
        textcoords="offset points",
        rotation=270,
        ha="left",
        va="center",
        weight="bold",
    )


def without_data(style: Style, message: str) -> Figure:
    """A figure that says that there is nothing to draw."""
    figure = Figure(figsize=(style.width_inches, 1.2))
    figure.text(0.5, 0.5, message, ha="center", va="center")
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
