"""Reliability diagrams: how often a stated probability comes true. Not in the paper."""

import pandas as pd
from matplotlib.figure import Figure

from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Names, Sources
from vipann.tables.layout import ordered

FIGURE = {
    "label": "Reliability of the probabilities",
    "headline": 3,
    "of": "tested",
    "needs": {"reliability": "metrics/{dataset}.reliability.parquet"},
    "about": ["shown_names"],
    "caption": """
How often a stated probability came true on {{ dataset }}: clips by the probability of their
most probable class (with several labels a clip: labels by their probability), in
{{ config.evaluation.calibration_bins }} bins; on the diagonal probabilities mean what they say,
below it they promise too much. Hollow: bins of fewer than 10 cases. Below: the share of the cases
in each bin. Not in the paper.""",
}
# Columns of panels from left to right, as far as a run has them.
PHASES = ("pretrained", "fixed", "finetuned", "scratch")
STRATEGIES = ("drop", "flip", "det_flip", "det", "ens")
# Of fewer cases the share that came true is known to no better than 0.16 (one standard error).
FEW_CASES = 10
ROW = 0.3
CASES_SHARE = 0.35


def reliability_lines(reliability: pd.DataFrame) -> pd.DataFrame:
    """The bins that hold a case, in the order of drawing.

    reliability: columns of `vipann.evaluation.diagnostics.reliability_table`. Adds `percent`, the
    bin's share of the cases of its strategy and phase.
    """
    drawn = reliability[reliability["cases"] > 0]
    groups = drawn.groupby(["dataset", "strategy", "phase"])["cases"]
    drawn = drawn.assign(percent=100 * drawn["cases"] / groups.transform("sum"))
    return ordered(drawn, {"phase": PHASES, "strategy": STRATEGIES}, then=["low"])


def figure(sources: Sources, style: Style, shown_names: Names) -> tuple[Figure, pd.DataFrame]:
    """A column a phase, the share of cases below. What is drawn: `reliability_lines`."""
    lines = reliability_lines(pd.read_parquet(sources["reliability"][0]))
    if lines.empty:
        message = "This run has no probabilities to compare with outcomes."
        return styles.without_data(style, message), lines
    phases, shown = (list(lines[name].unique()) for name in ("phase", "strategy"))
    heights = {"height_ratios": [1, CASES_SHARE], "sharex": True, "sharey": "row"}
    figure, grid = styles.panels(style, 2, len(phases), ROW * (1 + CASES_SHARE) / 2, **heights)
    for (above, below), phase in zip(grid.T, phases, strict=True):
        rows = lines[lines["phase"] == phase]
        above.plot([0, 1], [0, 1], color=styles.INK, linewidth=0.7, linestyle=(0, (4, 2)))
        for axes, column in ((above, "outcome"), (below, "percent")):
            styles.draw_lines(axes, rows, ("confidence", column), "strategy", style)
        for name, few in rows[rows["cases"] < FEW_CASES].groupby("strategy", observed=True):
            edge = {"markeredgecolor": style.palette[name], "markeredgewidth": 0.6}
            hollow = {"markerfacecolor": "white", "linestyle": "none", **edge}
            form = styles.line_form(name, style) | hollow
            above.plot(few["confidence"], few["outcome"], **form)
        for line in (*above.lines, *below.lines):
            line.set_clip_on(False)
        above.set_title(style.labels[phase])
        above.set(xlim=(0, 1), ylim=(0, 1))
        below.set_xlabel("Stated probability")
    # All panels of the row share the axis.
    most = lines["percent"].max()
    tick = max((share for share in (5, 10, 20, 50, 100) if share <= 1.05 * most), default=most)
    grid[1, 0].set(ylim=(0, 1.05 * most), ylabel="Cases")
    grid[1, 0].set_yticks([tick], [f"{tick:.0f} %"])
    grid[0, 0].set_ylabel("Came true")
    dataset = lines["dataset"].iloc[0]
    figure.suptitle(shown_names.get(dataset) or dataset)
    styles.legend(figure, styles.line_keys([name for name in STRATEGIES if name in shown], style))
    return figure, lines
