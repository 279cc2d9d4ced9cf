"""Score against percentage of evaluation data retained: Figures 1, 3, 4, 6, 7, 9 and 10.

Two views of the same lines: `draw_retention` compares strategies (Figures 1, 4, 7, 10),
`draw_phases` fixed-feature with fine-tuned networks (Figures 3, 6, 9).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from vipann.figures import style as look

# Rows of panels of `draw_retention` from top to bottom, as far as a run has them.
PHASES = ("pretrained", "finetuned", "fixed")
STRATEGIES = ("drop", "flip", "det_flip", "det")
# Columns of panels of `draw_phases` and their lines.
COMPARED_STRATEGIES = ("drop", "det_flip", "flip")
COMPARED_PHASES = ("finetuned", "fixed")
BAND_PERCENT = (2.5, 97.5)

_LINE = ["dataset", "phase", "strategy", "uncertainty", "retained_fraction", "score"]


def retention_lines(retention: pd.DataFrame) -> pd.DataFrame:
    """The points of every line: mean over folds and replications, and a band over replications.

    retention: columns of `vipann.evaluation.retention.retention_table`. Each replication's scores
    are averaged over folds, which count alike (a fold without a score at a point is left out);
    mean, low and high (2.5th and 97.5th percentile: where 95 % of replications lie, not an interval
    of their mean) are those of these averages. Also replications, folds, and standard_error: the
    standard deviation of the folds' means over replications (n - 1 below) divided by sqrt(folds),
    NaN for a single fold; it is not drawn. Rows in `draw_retention`'s order of drawing. Det has no
    line in the epistemic panel: one network's epistemic uncertainty is zero.
    """
    drawn = retention[
        retention["phase"].isin(PHASES)
        & retention["strategy"].isin(STRATEGIES)
        & ~((retention["strategy"] == "det") & (retention["uncertainty"] == "epistemic"))
    ]
    over_folds = drawn.groupby([*_LINE, "replication"], sort=False)["value"].mean()
    replications = over_folds.groupby(_LINE, sort=False)
    folds = drawn.groupby([*_LINE, "fold"], sort=False)["value"].mean().groupby(_LINE, sort=False)
    low, high = (percent / 100 for percent in BAND_PERCENT)
    lines = pd.DataFrame(
        {
            "mean": replications.mean(),
            "low": replications.quantile(low),
            "high": replications.quantile(high),
            "replications": replications.size(),
            "folds": folds.count(),
            "standard_error": folds.sem(),
        }
    )
    return _sorted(
        lines.reset_index(), phase=PHASES, strategy=STRATEGIES, uncertainty=look.UNCERTAINTY_LABELS
    )


def phase_lines(retention: pd.DataFrame) -> pd.DataFrame:
    """Those of `retention_lines` that `draw_phases` draws, in its order."""
    lines = retention_lines(retention)
    compared = lines[
        lines["phase"].isin(COMPARED_PHASES) & lines["strategy"].isin(COMPARED_STRATEGIES)
    ]
    return _sorted(
        compared,
        uncertainty=look.UNCERTAINTY_LABELS,
        strategy=COMPARED_STRATEGIES,
        phase=COMPARED_PHASES,
    )


def draw_retention(
    retention: Path | str,
    outputs: Mapping[str, Path | str],
    style: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> None:
    """Compare the strategies in one dataset's retention parquet (Figures 1, 4, 7, 10).

    Columns of panels: entropy, epistemic, aleatoric; rows: fine-tuned above fixed, or pre-trained
    alone for the upstream dataset. Det, which the paper does not draw, is a dashed line. outputs:
    paths for "png", "pdf", "svg" and "csv"; style: see `vipann.figures.style.style_from`; title:
    default the dataset's name.
    """
    chosen = look.style_from(style)
    lines = retention_lines(pd.read_parquet(retention))
    with matplotlib.rc_context(chosen.rc()):
        figure = _strategies_figure(lines, chosen, title)
        look.save(figure, lines, outputs, chosen.dpi)


def draw_phases(
    retention: Path | str,
    outputs: Mapping[str, Path | str],
    style: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> None:
    """Compare fixed-feature with fine-tuned networks (Figures 3, 6, 9).

    Columns of panels: Drop, Det-Flip, Flip, as far as there; rows: entropy, epistemic, aleatoric.
    Arguments as for `draw_retention`.
    """
    chosen = look.style_from(style)
    lines = phase_lines(pd.read_parquet(retention))
    with matplotlib.rc_context(chosen.rc()):
        figure = _phases_figure(lines, chosen, title)
        look.save(figure, lines, outputs, chosen.dpi)


def _sorted(lines: pd.DataFrame, **orders: Iterable[str]) -> pd.DataFrame:
    places = {name: list(order).index for name, order in orders.items()}
    return lines.sort_values(
        [*places, "retained_fraction"],
        key=lambda column: column.map(places[column.name]) if column.name in places else column,
        ignore_index=True,
    )


def _strategies_figure(lines: pd.DataFrame, style: look.Style, title: str | None) -> Figure:
    phases, columns = _present(lines, "phase"), _present(lines, "uncertainty")
    if lines.empty:
        return look.without_data(style, "This run has no retention curve to draw.")
    # The lines' order is that of rows; columns have the paper's order even without Bayesian lines.
    columns = [name for name in look.UNCERTAINTY_LABELS if name in columns]
    figure, grid = look.panels(
        style, len(phases), len(columns), look.RETENTION_ROW, sharex=True, sharey=True
    )
    for row, phase in zip(grid, phases, strict=True):
        for axes, uncertainty in zip(row, columns, strict=True):
            panel = lines[(lines["phase"] == phase) & (lines["uncertainty"] == uncertainty)]
            _panel(axes, panel, "strategy", style)
        _label_row(row, style.word(phase), lines, style)
    _label_columns(grid, columns, style)
    shown = [name for name in STRATEGIES if name in set(lines["strategy"])]
    _finish(figure, lines, shown, style, title)
    return figure


def _phases_figure(lines: pd.DataFrame, style: look.Style, title: str | None) -> Figure:
    rows, columns = _present(lines, "uncertainty"), _present(lines, "strategy")
    if lines.empty:
        return look.without_data(style, "This run has no Bayesian strategy to compare phases of.")
    figure, grid = look.panels(
        style, len(rows), len(columns), look.RETENTION_ROW, sharex=True, sharey=True
    )
    for row, uncertainty in zip(grid, rows, strict=True):
        for axes, strategy in zip(row, columns, strict=True):
            panel = lines[(lines["uncertainty"] == uncertainty) & (lines["strategy"] == strategy)]
            _panel(axes, panel, "phase", style)
        _label_row(row, style.word(uncertainty), lines, style)
    _label_columns(grid, columns, style)
    shown = [name for name in COMPARED_PHASES if name in set(lines["phase"])]
    _finish(figure, lines, shown, style, title)
    return figure


def _label_row(row: np.ndarray, name: str, lines: pd.DataFrame, style: look.Style) -> None:
    row[0].set_ylabel(style.word(lines["score"].iloc[0]))
    look.row_label(row[-1], name)


def _label_columns(grid: np.ndarray, columns: Sequence[str], style: look.Style) -> None:
    for axes, name in zip(grid[0], columns, strict=True):
        axes.set_title(style.word(name))
    for axes in grid[-1]:
        axes.set_xlabel(style.word("retained"))


def _present(lines: pd.DataFrame, column: str) -> list[str]:
    return list(dict.fromkeys(lines[column]))


def _finish(
    figure: Figure,
    lines: pd.DataFrame,
    shown: Sequence[str],
    style: look.Style,
    title: str | None,
) -> None:
    figure.suptitle(title or lines["dataset"].iloc[0])
    keys = [Line2D([], [], label=style.word(name), **_line_style(name, style)) for name in shown]
    figure.legend(handles=keys, loc="outside lower center", ncols=len(shown))


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
