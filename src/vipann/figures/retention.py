"""Score against percentage of evaluation data retained: Figures 1, 3, 4, 6, 7, 9 and 10.

Two views of the same lines: `draw_retention` compares strategies (Figures 1, 4, 7, 10),
`draw_phases` fixed-feature with fine-tuned networks (Figures 3, 6, 9).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from vipann.evaluation.interval import Kind, interval_of
from vipann.evaluation.retention import RANDOM
from vipann.figures import style as look
from vipann.ordering import ordered

# Rows of panels of `draw_retention` from top to bottom, as far as a run has them.
PHASES = ("pretrained", "finetuned", "fixed")
STRATEGIES = ("drop", "flip", "det_flip", "det")
# Columns of panels of `draw_phases` and their lines.
COMPARED_STRATEGIES = ("drop", "det_flip", "flip")
COMPARED_PHASES = ("finetuned", "fixed")

# A column of the lines, and its values in the order of drawing.
Axis = tuple[str, Sequence[str]]

_LINE = ["dataset", "phase", "strategy", "uncertainty", "retained_fraction", "score"]


def retention_lines(retention: pd.DataFrame, interval: Kind = "percentile") -> pd.DataFrame:
    """The points of every line: mean over folds and replications, and a band over replications.

    retention: columns of `vipann.evaluation.retention.retention_table`. Each replication's scores
    are averaged over folds, which count alike (a fold without a score at a point is left out);
    mean, low and high (`vipann.evaluation.interval`, of the kind `interval`) are those of these
    averages, point by point. Also replications, folds, and standard_error: the
    standard deviation of the folds' means over replications (n - 1 below) divided by sqrt(folds),
    NaN for a single fold; it is not drawn. Rows in `draw_retention`'s order of drawing. Det has no
    line in the epistemic panel: one network's epistemic uncertainty is zero. Of mAP there is also
    uncertainty "random", the mean over random orders of the clips: one line a Bayesian strategy, in
    every panel.
    """
    drawn = retention[
        retention["phase"].isin(PHASES)
        & retention["strategy"].isin(STRATEGIES)
        & ~((retention["strategy"] == "det") & retention["uncertainty"].isin(["epistemic", RANDOM]))
    ]
    over_folds = drawn.groupby([*_LINE, "replication"], sort=False)["value"].mean()
    replications = over_folds.groupby(_LINE, sort=False)
    folds = drawn.groupby([*_LINE, "fold"], sort=False)["value"].mean().groupby(_LINE, sort=False)
    bands = [interval_of(values, interval) for _, values in replications]
    lines = pd.DataFrame(
        {
            "mean": replications.mean(),
            "low": [low for low, _ in bands],
            "high": [high for _, high in bands],
            "replications": replications.size(),
            "folds": folds.count(),
            "standard_error": folds.sem(),
        }
    )
    uncertainties = (*look.UNCERTAINTY_LABELS, RANDOM)
    orders = {"phase": PHASES, "strategy": STRATEGIES, "uncertainty": uncertainties}
    return ordered(lines.reset_index(), orders, then=["retained_fraction"])


def phase_lines(retention: pd.DataFrame, interval: Kind = "percentile") -> pd.DataFrame:
    """Those of `retention_lines` that `draw_phases` draws, in its order."""
    lines = retention_lines(retention, interval)
    compared = lines[
        lines["phase"].isin(COMPARED_PHASES) & lines["strategy"].isin(COMPARED_STRATEGIES)
    ]
    orders = {
        "uncertainty": look.UNCERTAINTY_LABELS,
        "strategy": COMPARED_STRATEGIES,
        "phase": COMPARED_PHASES,
    }
    return ordered(compared, orders, then=["retained_fraction"])


def draw_retention(
    retention: Path | str,
    outputs: Mapping[str, Path | str],
    style: Mapping[str, Any] | None = None,
    title: str | None = None,
    interval: Kind = "percentile",
) -> None:
    """Compare the strategies in one dataset's retention parquet (Figures 1, 4, 7, 10).

    Columns of panels: entropy, epistemic, aleatoric; rows: fine-tuned above fixed, or pre-trained
    alone for the upstream dataset. Det, which the paper does not draw, is a dashed line. outputs:
    paths for "png", "pdf", "svg" and "csv"; style: see `vipann.figures.style.style_from`; title:
    default the dataset's name; interval: of the bands (`vipann.evaluation.interval`).
    """
    lines = retention_lines(pd.read_parquet(retention), interval)
    look.draw(_strategies_figure, lines, outputs, style, title)


def draw_phases(
    retention: Path | str,
    outputs: Mapping[str, Path | str],
    style: Mapping[str, Any] | None = None,
    title: str | None = None,
    interval: Kind = "percentile",
) -> None:
    """Compare fixed-feature with fine-tuned networks (Figures 3, 6, 9).

    Columns of panels: Drop, Det-Flip, Flip, as far as there; rows: entropy, epistemic, aleatoric.
    Arguments as for `draw_retention`.
    """
    lines = phase_lines(pd.read_parquet(retention), interval)
    look.draw(_phases_figure, lines, outputs, style, title)


def _strategies_figure(lines: pd.DataFrame, style: look.Style, title: str | None) -> Figure:
    if lines.empty:
        return look.without_data(style, "This run has no retention curve to draw.")
    rows, columns = ("phase", PHASES), ("uncertainty", tuple(look.UNCERTAINTY_LABELS))
    return _figure(lines, style, title, rows, columns, ("strategy", STRATEGIES))


def _phases_figure(lines: pd.DataFrame, style: look.Style, title: str | None) -> Figure:
    if lines.empty:
        return look.without_data(style, "This run has no Bayesian strategy to compare phases of.")
    rows = ("uncertainty", tuple(look.UNCERTAINTY_LABELS))
    columns = ("strategy", COMPARED_STRATEGIES)
    return _figure(lines, style, title, rows, columns, ("phase", COMPARED_PHASES))


def _figure(
    lines: pd.DataFrame,
    style: look.Style,
    title: str | None,
    by_row: Axis,
    by_column: Axis,
    by_line: Axis,
) -> Figure:
    """A grid of panels: each axis is a column of `lines` with its values in order."""
    rows, columns, shown = (
        [value for value in order if value in set(lines[name])]
        for name, order in (by_row, by_column, by_line)
    )
    figure, grid = look.panels(
        style, len(rows), len(columns), look.RETENTION_ROW, sharex=True, sharey=True
    )
    for row, its in zip(grid, rows, strict=True):
        in_row = lines[lines[by_row[0]] == its]
        for axes, value in zip(row, columns, strict=True):
            _panel(axes, in_row[in_row[by_column[0]] == value], by_line[0], style)
            _random_orders(axes, in_row[in_row["uncertainty"] == RANDOM], style)
        row[0].set_ylabel(style.word(lines["score"].iloc[0]))
        look.row_label(row[-1], style.word(its))
    for axes, name in zip(grid[0], columns, strict=True):
        axes.set_title(style.word(name))
    for axes in grid[-1]:
        axes.set_xlabel(style.word("retained"))
    figure.suptitle(title or lines["dataset"].iloc[0])
    keys = [Line2D([], [], label=style.word(name), **_line_style(name, style)) for name in shown]
    if RANDOM in set(lines["uncertainty"]):
        keys.append(Line2D([], [], label=style.word(RANDOM), color=look.AXIS, **look.RANDOM_LINE))
    figure.legend(handles=keys, loc="outside lower center", ncols=len(keys))
    return figure


def _panel(axes: Axes, panel: pd.DataFrame, told_apart: str, style: look.Style) -> None:
    """The lines and bands of one panel, labelled by their `told_apart` ("strategy" or "phase")."""
    for place, (name, line) in enumerate(panel.groupby(told_apart, sort=False)):
        percent = 100 * line["retained_fraction"]
        if (line["replications"] > 1).any():
            axes.fill_between(
                percent,
                line["low"],
                line["high"],
                label=f"{name} band",
                color=style.colour(name),
                alpha=look.BAND_ALPHA,
                linewidth=0,
            )
        axes.plot(
            percent,
            line["mean"],
            label=name,
            # Shifted along the line, so that the markers of close lines do not cover each other.
            markevery=(place, 4) if len(line) > 9 else None,
            clip_on=False,
            **_line_style(name, style),
        )
    axes.set_xlim(0, 100)
    axes.set_xticks([0, 50, 100])
    axes.set_xticks([25, 75], minor=True)
    axes.tick_params(which="minor", length=0)
    axes.grid(visible=True, which="minor", axis="x")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
    axes.margins(y=0.06)


def _random_orders(axes: Axes, lines: pd.DataFrame, style: look.Style) -> None:
    for name, line in lines.groupby("strategy", sort=False):
        percent = 100 * line["retained_fraction"]
        label = f"{name} {RANDOM}"
        axes.plot(percent, line["mean"], label=label, color=style.colour(name), **look.RANDOM_LINE)


def _line_style(name: str, style: look.Style) -> dict[str, Any]:
    colour = style.colour(name)
    if name == "det":
        return {
            "color": colour,
            "linewidth": 0.8 * look.LINE_WIDTH,
            "linestyle": look.REFERENCE_DASHES,
            "zorder": 1.9,
        }
    return {
        "color": colour,
        "linewidth": look.LINE_WIDTH,
        "marker": look.MARKERS[name],
        "markersize": look.MARKER_SIZE,
        "markeredgecolor": "white",
        "markeredgewidth": 0.3,
        "zorder": 3,
    }
