"""Score against percentage of evaluation data retained: grids of panels of lines with bands."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from vipann.evaluation.interval import Kind, interval_of
from vipann.evaluation.retention import RANDOM
from vipann.figures import style as styles
from vipann.figures.style import Style

# Height of a row of panels, as a share of the figure's width.
ROW = 0.27
RANDOM_LINE: dict[str, Any] = {
    "linewidth": 0.8 * styles.LINE_WIDTH,
    "linestyle": (0, (1, 1.6)),
    "zorder": 1.8,
}
KEYS = ["dataset", "phase", "strategy", "uncertainty", "retained_fraction", "score"]

# A column of the lines, and its values in the order of drawing.
Axis = tuple[str, Sequence[str]]


def lines_of(retention: pd.DataFrame, interval: Kind) -> pd.DataFrame:
    """The points of every line: mean over folds and replications, and a band over replications.

    retention: columns of `vipann.evaluation.retention.retention_table`. Each replication's scores
    are averaged over folds, which count alike (a fold without a score at a point is left out);
    mean, low and high (`vipann.evaluation.interval`, of the kind `interval`) are those of these
    averages, point by point. Also replications, folds, and standard_error: the standard deviation
    of the folds' means over replications (n - 1 below) divided by sqrt(folds), NaN for a single
    fold; it is not drawn.
    """
    over_folds = retention.groupby([*KEYS, "replication"], sort=False)["value"].mean()
    replications = over_folds.groupby(KEYS, sort=False)
    per_fold = retention.groupby([*KEYS, "fold"], sort=False)["value"].mean()
    folds = per_fold.groupby(KEYS, sort=False)
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
    return lines.reset_index()


def curves(
    lines: pd.DataFrame,
    style: Style,
    names: Mapping[str, str | None],
    by_row: Axis,
    by_column: Axis,
    by_line: Axis,
) -> Figure:
    """A grid of panels of `lines_of` of a dataset (names: what it is called); dotted in each
    panel of a row, clips in random order."""
    if lines.empty:
        return styles.without_data(style, "This run has no retention curve to draw.")
    lines = lines.assign(percent=100 * lines["retained_fraction"])
    rows, columns, shown = (
        [value for value in order if value in set(lines[name])]
        for name, order in (by_row, by_column, by_line)
    )
    figure, grid = styles.facets(style, rows, columns, ROW, sharex=True, sharey=True)
    for row, row_value in zip(grid, rows, strict=True):
        in_row = lines[lines[by_row[0]] == row_value]
        by_chance = in_row[in_row["uncertainty"] == RANDOM]
        for axes, value in zip(row, columns, strict=True):
            panel = in_row[in_row[by_column[0]] == value]
            styles.draw_lines(
                axes, panel, ("percent", "mean"), by_line[0], style, several="replications"
            )
            for name, line in by_chance.groupby("strategy", observed=True):
                axes.plot(line["percent"], line["mean"], color=style.palette[name], **RANDOM_LINE)
            axes.set(xlim=(0, 100), xticks=[0, 50, 100])
            axes.set_xticks([25, 75], minor=True)
            axes.tick_params(which="minor", length=0)
            axes.grid(visible=True, which="minor", axis="x")
            axes.margins(y=0.06)
            styles.few_ticks(axes)
            # Shifted along the line, so that markers of close lines do not cover each other.
            for place, line in enumerate(axes.lines):
                line.set(clip_on=False, markevery=(place, 4) if len(line.get_xdata()) > 9 else None)
        row[0].set_ylabel(style.labels[lines["score"].iloc[0]])
    for axes in grid[-1]:
        axes.set_xlabel(style.labels["retained"])
    dataset = lines["dataset"].iloc[0]
    figure.suptitle(names.get(dataset) or dataset)
    keys = styles.line_keys(shown, style)
    if RANDOM in set(lines["uncertainty"]):
        keys.append(Line2D([], [], label=style.labels[RANDOM], color=styles.AXIS, **RANDOM_LINE))
    styles.legend(figure, keys)
    return figure
