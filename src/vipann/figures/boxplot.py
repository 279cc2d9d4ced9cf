"""Uncertainty on the model's own clips against out-of-distribution clips: Figures 2, 5, 8, 11."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cbook import boxplot_stats
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from vipann.figures import style as look

# Rows of panels from top to bottom, as far as a run has them.
STRATEGIES = ("drop", "flip", "det_flip")
# The paper shows the fine-tuned models; a run without that phase shows the next one it has.
PHASES = ("finetuned", "pretrained", "fixed", "scratch")

COLUMNS = [
    "dataset",
    "scored_dataset",
    "strategy",
    "phase",
    "uncertainty",
    "folds",
    "values",
    "mean",
    "median",
    "q1",
    "q3",
    "whisker_low",
    "whisker_high",
    "beyond",
]


def box_statistics(uncertainty: pd.DataFrame) -> pd.DataFrame:
    """What the figure draws: the five numbers and the mean of each box, in nats.

    uncertainty: columns of `vipann.evaluation.retention.uncertainty_table`. The values of all folds
    are pooled: a clip of the model's own dataset counts once, where its fold was tested, and an
    out-of-distribution clip once for each fold's network, so that both boxes are of single
    networks. Of the phases, the first of `PHASES` that the run has. Returns the columns of
    `COLUMNS`: whiskers end at the last value within 1.5 times q3 - q1 of the box; `beyond` counts
    those farther out, which are not drawn, of `values`. Rows in the order of drawing, the model's
    own dataset before the others.
    """
    bayesian = uncertainty[uncertainty["strategy"].isin(STRATEGIES)]
    present = [name for name in PHASES if name in set(bayesian["phase"])]
    phase = present[0] if present else ""
    rows = []
    for strategy in STRATEGIES:
        for kind in look.UNCERTAINTY_LABELS:
            chosen = bayesian[
                (bayesian["strategy"] == strategy)
                & (bayesian["phase"] == phase)
                & (bayesian["uncertainty"] == kind)
            ]
            # Own clips have the key False, which sorts first.
            own_first = chosen.assign(other=chosen["scored_dataset"] != chosen["dataset"])
            rows += [clips for _, clips in own_first.groupby(["other", "scored_dataset"])]
    return pd.DataFrame(map(_box, rows), columns=COLUMNS)


def draw_boxplot(
    uncertainty: Path | str,
    outputs: Mapping[str, Path | str],
    style: Mapping[str, Any] | None = None,
    names: Mapping[str, str | None] | None = None,
) -> None:
    """Draw one dataset's uncertainty parquet: rows Drop, Flip, Det-Flip, as far as there.

    Columns of panels: entropy, epistemic, aleatoric, each with a scale of its own. Median: orange
    line; mean: dashed green line. outputs: paths for "png", "pdf", "svg" and "csv"; style: see
    `vipann.figures.style.style_from`; names: dataset -> name shown, default the dataset's key.
    """
    shown = {key: name for key, name in (names or {}).items() if name}
    look.draw(_figure, box_statistics(pd.read_parquet(uncertainty)), outputs, style, shown)


def _box(clips: pd.DataFrame) -> dict[str, Any]:
    box = boxplot_stats(clips["value"].to_numpy())[0]
    described = ("dataset", "scored_dataset", "strategy", "phase", "uncertainty")
    return {
        **{name: clips[name].iloc[0] for name in described},
        "folds": clips["fold"].nunique(),
        "values": len(clips),
        "mean": box["mean"],
        "median": box["med"],
        "q1": box["q1"],
        "q3": box["q3"],
        "whisker_low": box["whislo"],
        "whisker_high": box["whishi"],
        "beyond": len(box["fliers"]),
    }


def _figure(boxes: pd.DataFrame, style: look.Style, names: Mapping[str, str]) -> Figure:
    if boxes.empty:
        return look.without_data(style, "This run has no Bayesian strategy to draw boxes of.")
    strategies = list(dict.fromkeys(boxes["strategy"]))
    columns = list(look.UNCERTAINTY_LABELS)
    scored = list(dict.fromkeys(boxes["scored_dataset"]))
    figure, grid = look.panels(
        style, len(strategies), len(columns), look.BOXPLOT_ROW, sharex=True, sharey="col"
    )
    for row, strategy in zip(grid, strategies, strict=True):
        for axes, kind in zip(row, columns, strict=True):
            panel = boxes[(boxes["strategy"] == strategy) & (boxes["uncertainty"] == kind)]
            _panel(axes, panel, scored, style)
        look.row_label(row[-1], style.word(strategy))
    for axes, kind in zip(grid[0], columns, strict=True):
        axes.set_title(style.word(kind))
        # After all panels of the column, which share the axis: a whisker at zero stays visible.
        axes.set_ylim(bottom=-0.03 * axes.get_ylim()[1])
    grid[0, 0].set_xlim(-0.6, len(scored) - 0.4)
    dataset, phase = boxes["dataset"].iloc[0], boxes["phase"].iloc[0]
    # Names of datasets are wider than boxes: the legend has them.
    grid[0, 0].set_xticks(
        range(len(scored)), [style.word(_side(name == dataset)) for name in scored]
    )
    figure.suptitle(f"{names.get(dataset, dataset)}, {style.word(phase).lower()}")
    figure.supylabel(style.word("uncertainty"))
    shown = {name: names.get(name, name) for name in scored}
    figure.legend(handles=_keys(shown, dataset, style), loc="outside lower center", ncols=2)
    return figure


def _panel(axes: Axes, panel: pd.DataFrame, scored: list[str], style: look.Style) -> None:
    own = (panel["scored_dataset"] == panel["dataset"]).to_list()
    edge = {"color": look.INK, "linewidth": 0.6}
    drawn = axes.bxp(
        [
            {
                "med": box.median,
                "mean": box.mean,
                "q1": box.q1,
                "q3": box.q3,
                "whislo": box.whisker_low,
                "whishi": box.whisker_high,
            }
            for box in panel.itertuples()
        ],
        positions=[scored.index(name) for name in panel["scored_dataset"]],
        manage_ticks=False,
        widths=look.BOX_WIDTH,
        showfliers=False,
        showmeans=True,
        meanline=True,
        patch_artist=True,
        medianprops=_median(style),
        meanprops=_mean(style),
        boxprops={"edgecolor": look.INK, "linewidth": 0.6},
        whiskerprops=edge,
        capprops=edge,
    )
    for patch, is_own in zip(drawn["boxes"], own, strict=True):
        patch.set_facecolor(style.colour(_side(is_own)))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)


def _side(is_own: bool) -> str:
    return "in_distribution" if is_own else "out_of_distribution"


def _median(style: look.Style) -> dict[str, Any]:
    return {"color": style.colour("median"), "linewidth": look.MEDIAN_WIDTH}


def _mean(style: look.Style) -> dict[str, Any]:
    dashes = {"linewidth": look.LINE_WIDTH, "linestyle": look.MEAN_DASHES}
    return {"color": style.colour("mean"), **dashes}


def _keys(names: Mapping[str, str], dataset: str, style: look.Style) -> list[Line2D | Patch]:
    edge = {"edgecolor": look.INK, "linewidth": 0.6}
    boxes = []
    for is_own in (True, False):
        here = [shown for name, shown in names.items() if (name == dataset) == is_own]
        if here:
            side = _side(is_own)
            label = f"{style.word(side)}: {', '.join(here)}"
            boxes.append(Patch(facecolor=style.colour(side), label=label, **edge))
    return [
        *boxes,
        Line2D([], [], label=style.word("median"), **_median(style)),
        Line2D([], [], label=style.word("mean"), **_mean(style)),
    ]
