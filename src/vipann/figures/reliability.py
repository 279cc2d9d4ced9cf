"""Reliability diagrams: how often a stated probability comes true. Not in the paper."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from vipann.figures import style as look
from vipann.ordering import ordered

# Columns of panels from left to right, as far as a run has them.
PHASES = ("pretrained", "fixed", "finetuned", "scratch")
STRATEGIES = ("drop", "flip", "det_flip", "det")
# Of fewer cases the share that came true is known to no better than 0.16 (one standard error).
FEW_CASES = 10


def reliability_lines(reliability: pd.DataFrame) -> pd.DataFrame:
    """What the figure draws: the bins that hold a case, in the order of drawing.

    reliability: columns of `vipann.evaluation.diagnostics.reliability_table`. Adds `percent`, the
    bin's share of the cases of its strategy and phase.
    """
    drawn = reliability[
        reliability["phase"].isin(PHASES)
        & reliability["strategy"].isin(STRATEGIES)
        & (reliability["cases"] > 0)
    ]
    groups = drawn.groupby(["dataset", "strategy", "phase"])["cases"]
    drawn = drawn.assign(percent=100 * drawn["cases"] / groups.transform("sum"))
    return ordered(drawn, {"phase": PHASES, "strategy": STRATEGIES}, then=["low"])


def draw_reliability(
    reliability: Path | str,
    outputs: Mapping[str, Path | str],
    style: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> None:
    """Draw one dataset's reliability parquet: a column a phase, the share of cases below.

    Hollow: bins of fewer than FEW_CASES cases.
    outputs: paths for "png", "pdf", "svg" and "csv"; style: see `vipann.figures.style.style_from`;
    title: default the dataset's name.
    """
    look.draw(_figure, reliability_lines(pd.read_parquet(reliability)), outputs, style, title)


def _figure(lines: pd.DataFrame, style: look.Style, title: str | None) -> Figure:
    if lines.empty:
        return look.without_data(style, "This run has no probabilities to compare with outcomes.")
    phases = list(dict.fromkeys(lines["phase"]))
    figure, grid = look.panels(
        style,
        2,
        len(phases),
        look.RELIABILITY_ROW * (1 + look.CASES_SHARE) / 2,
        sharex=True,
        sharey="row",
        height_ratios=[1, look.CASES_SHARE],
    )
    for (above, below), phase in zip(grid.T, phases, strict=True):
        above.plot([0, 1], [0, 1], color=look.INK, linewidth=0.7, linestyle=(0, (4, 2)))
        for strategy, line in lines[lines["phase"] == phase].groupby("strategy", sort=False):
            form = _form(strategy, style)
            above.plot(line["confidence"], line["outcome"], **form)
            few = line[line["cases"] < FEW_CASES]
            # Of an empty line that isn't clipped the layout takes the figure's corner to be a part.
            if len(few):
                hollow = form | {"linestyle": "none", "markerfacecolor": "white"}
                hollow |= {"markeredgecolor": form["color"], "markeredgewidth": 0.6}
                above.plot(few["confidence"], few["outcome"], **hollow)
            below.plot(line["confidence"], line["percent"], **form)
        above.set_title(style.word(phase))
        above.set(xlim=(0, 1), ylim=(0, 1))
        below.set_xlabel(look.CONFIDENCE_LABEL)
    # All panels of the row share the axis.
    most = lines["percent"].max()
    grid[1, 0].set_ylim(0, 1.05 * most)
    tick = max((share for share in (5, 10, 20, 50, 100) if share <= 1.05 * most), default=most)
    grid[1, 0].set_yticks([tick], [f"{tick:.0f} %"])
    grid[0, 0].set_ylabel(look.OUTCOME_LABEL)
    grid[1, 0].set_ylabel(look.CASES_LABEL)
    figure.suptitle(title or lines["dataset"].iloc[0])
    shown = [name for name in STRATEGIES if name in set(lines["strategy"])]
    keys = [Line2D([], [], label=style.word(n), **_form(n, style)) for n in shown]
    figure.legend(handles=keys, loc="outside lower center", ncols=len(shown))
    return figure


def _form(strategy: str, style: look.Style) -> dict[str, Any]:
    return {
        "color": style.colour(strategy),
        "linewidth": look.LINE_WIDTH,
        "marker": look.MARKERS.get(strategy, "D"),
        "markersize": look.MARKER_SIZE,
        "markeredgecolor": "white",
        "markeredgewidth": 0.4,
        "clip_on": False,
    }
