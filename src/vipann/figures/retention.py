"""Score against percentage of evaluation data retained: the paper's Figures 1, 4, 7 and 10."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from vipann.figures import style as look

# Rows of panels from top to bottom, as far as a run has them.
PHASES = ("pretrained", "finetuned", "fixed")
STRATEGIES = ("drop", "flip", "det_flip", "det")
BAND_PERCENT = (2.5, 97.5)


def retention_lines(retention: pd.DataFrame) -> pd.DataFrame:
    """What the figure draws: mean and band over replications of each line's points.

    retention: columns of `vipann.evaluation.retention.retention_table`. Returns dataset, phase,
    strategy, uncertainty, retained_fraction, score, mean, low, high (2.5th and 97.5th percentile
    over replications), replications; rows in the order of drawing. Det has no line in the
    epistemic panel: one network's epistemic uncertainty is zero.
    """
    drawn = retention[
        retention["phase"].isin(PHASES)
        & retention["strategy"].isin(STRATEGIES)
        & ~((retention["strategy"] == "det") & (retention["uncertainty"] == "epistemic"))
    ]
    keys = ["dataset", "phase", "strategy", "uncertainty", "retained_fraction", "score"]
    low, high = (percent / 100 for percent in BAND_PERCENT)
    lines = drawn.groupby(keys, sort=False)["value"].agg(
        mean="mean",
        low=lambda values: values.quantile(low),
        high=lambda values: values.quantile(high),
        replications="size",
    )
    orders = {
        "phase": PHASES,
        "strategy": STRATEGIES,
        "uncertainty": tuple(look.UNCERTAINTY_LABELS),
    }
    return lines.reset_index().sort_values(
        [*orders, "retained_fraction"],
        key=lambda column: (
            column.map(orders[column.name].index) if column.name in orders else column
        ),
        ignore_index=True,
    )


def draw_retention(
    retention: Path | str,
    outputs: Mapping[str, Path | str],
    style: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> None:
    """Draw one dataset's retention parquet.

    Columns of panels: total ("Entropy"), epistemic, aleatoric; rows: fine-tuned above fixed, or
    pre-trained alone for the upstream dataset. outputs: paths for "png", "pdf", "svg" and "csv";
    style: see `vipann.figures.style.style_from`; title: default the dataset's name.
    """
    chosen = look.style_from(style)
    lines = retention_lines(pd.read_parquet(retention))
    with matplotlib.rc_context(chosen.rc()):
        figure = _figure(lines, chosen, title)
        look.save(figure, lines, outputs, chosen.dpi)


def _figure(lines: pd.DataFrame, style: look.Style, title: str | None) -> Figure:
    phases = list(dict.fromkeys(lines["phase"]))
    columns = [name for name in look.UNCERTAINTY_LABELS if name in set(lines["uncertainty"])]
    if lines.empty:
        return look.without_data(style, "This run has no retention curve to draw.")
    figure, grid = look.panels(
        style, len(phases), len(columns), look.RETENTION_ROW, sharex=True, sharey=True
    )
    for row, phase in zip(grid, phases, strict=True):
        for axes, uncertainty in zip(row, columns, strict=True):
            panel = lines[(lines["phase"] == phase) & (lines["uncertainty"] == uncertainty)]
            _panel(axes, panel, style)
        row[0].set_ylabel(look.SCORE_LABELS[lines["score"].iloc[0]])
        look.row_label(row[-1], look.PHASE_LABELS[phase])
    for axes, uncertainty in zip(grid[0], columns, strict=True):
        axes.set_title(look.UNCERTAINTY_LABELS[uncertainty])
    for axes in grid[-1]:
        axes.set_xlabel(look.RETAINED_LABEL)
    figure.suptitle(
        title or lines["dataset"].iloc[0], fontsize=style.font_size + 1.5, weight="bold"
    )
    shown = [name for name in STRATEGIES if name in set(lines["strategy"])]
    figure.legend(
        handles=[_key(name, style) for name in shown], loc="outside lower center", ncols=len(shown)
    )
    return figure


def _panel(axes: Axes, panel: pd.DataFrame, style: look.Style) -> None:
    for place, (strategy, line) in enumerate(panel.groupby("strategy", sort=False)):
        percent = 100 * line["retained_fraction"]
        if strategy != "det":
            axes.fill_between(
                percent,
                line["low"],
                line["high"],
                color=style.colour(strategy),
                alpha=look.BAND_ALPHA,
                linewidth=0,
            )
        axes.plot(
            percent,
            line["mean"],
            # Shifted along the line, so that the markers of close lines do not cover each other.
            markevery=(place, 3) if len(line) > 9 else None,
            **_line_style(strategy, style),
        )
    axes.set_xlim(0, 100)
    axes.set_xticks(range(0, 101, 20))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    axes.margins(y=0.06)


def _line_style(strategy: str, style: look.Style) -> dict[str, Any]:
    colour = style.colour(strategy)
    if strategy == "det":
        return {"color": colour, "linewidth": 0.9, "linestyle": (0, (4, 2)), "zorder": 1.9}
    return {
        "color": colour,
        "linewidth": look.LINE_WIDTH,
        "marker": look.MARKERS[strategy],
        "markersize": look.MARKER_SIZE,
        "markeredgecolor": "white",
        "markeredgewidth": 0.4,
        "clip_on": False,
        "zorder": 3,
    }


def _key(strategy: str, style: look.Style) -> Line2D:
    label = look.STRATEGY_LABELS[strategy]
    return Line2D([], [], label=label, **{**_line_style(strategy, style), "clip_on": True})
