"""Reliability diagrams before and after recalibration."""

import pandas as pd
from matplotlib.figure import Figure

from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Names, Sources
from vipann.papers.uncertainty.tables.recalibration import METHODS
from vipann.tables.layout import ordered

FIGURE = {
    "label": "Reliability before and after recalibration",
    "of": "recalibration",
    "needs": {"reliability": "metrics/{dataset}.recalibration_reliability.parquet"},
    "about": ["shown_names"],
    "caption": """
How often a stated probability came true on test clips of {{ dataset }}, as the networks state
it and recalibrated on other clips: clips by the probability of their most probable class (with
several labels a clip: labels by their probability), in {{ config.evaluation.calibration_bins }}
bins; on the diagonal probabilities mean what they say, below it they promise too much. Bins of
fewer than 10 cases are left out.""",
}
PHASES = ("pretrained", "fixed", "finetuned", "scratch")
# As in `vipann.papers.vi_pann.figures.reliability`.
FEW_CASES = 10
# Height of a row of panels times the panels in it, as a share of the figure's width.
WIDTH = 0.8
TICKS = (0, 0.5, 1)


def reliability_lines(reliability: pd.DataFrame) -> pd.DataFrame:
    """The bins with `FEW_CASES` cases or more, in the order of drawing; columns:
    `vipann.evaluation.recalibrated.METHOD_RELIABILITY_COLUMNS`."""
    drawn = reliability[reliability["cases"] >= FEW_CASES]
    orders = {"method": METHODS, "phase": PHASES, "strategy": drawn["strategy"].unique()}
    return ordered(drawn, orders, then=["low"])


def figure(sources: Sources, style: Style, shown_names: Names) -> tuple[Figure, pd.DataFrame]:
    """A row a phase, a column a method. What is drawn: `reliability_lines`."""
    lines = reliability_lines(pd.read_parquet(sources["reliability"][0]))
    if lines.empty:
        message = f"No bin of this run has {FEW_CASES} cases."
        return styles.without_data(style, message), lines
    methods, phases, shown = (list(lines[n].unique()) for n in ("method", "phase", "strategy"))
    shared = {"sharex": True, "sharey": True}
    row_share = WIDTH / len(methods)
    figure, grid = styles.panels(style, len(phases), len(methods), row_share, **shared)
    for row, phase in zip(grid, phases, strict=True):
        styles.row_label(row[-1], style.labels[phase])
        for axes, method in zip(row, methods, strict=True):
            rows = lines[(lines["method"] == method) & (lines["phase"] == phase)]
            axes.plot([0, 1], [0, 1], color=styles.INK, linewidth=0.7, linestyle=(0, (4, 2)))
            styles.draw_lines(axes, rows, ("confidence", "outcome"), "strategy", style)
            axes.set(xlim=(0, 1), ylim=(0, 1), xticks=TICKS, yticks=TICKS)
        row[0].set_ylabel("Came true")
    for axes, method in zip(grid[0], methods, strict=True):
        axes.set_title(METHODS[method])
    for axes in grid[-1]:
        axes.set_xlabel("Stated", loc="center")
    dataset = lines["dataset"].iloc[0]
    figure.suptitle(shown_names.get(dataset) or dataset)
    styles.legend(figure, styles.line_keys(shown, style))
    return figure, lines
