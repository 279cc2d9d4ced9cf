"""Uncertainty on the model's own clips against out-of-distribution clips: Figures 2, 5, 8, 11."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cbook import boxplot_stats
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from vipann.figures import style as look

# Rows of panels from top to bottom, as far as a run has them.
STRATEGIES = ("drop", "flip", "det_flip")
# The paper shows the fine-tuned models; a run without that phase shows the next one it has.
PHASES = ("finetuned", "pretrained", "fixed", "scratch")


def box_statistics(uncertainty: pd.DataFrame, phase: str | None = None) -> pd.DataFrame:
    """What the figure draws: the five numbers and the mean of each box, in nats.

    uncertainty: columns of `vipann.evaluation.retention.uncertainty_table`; the clips of all
    folds are pooled. phase: default the first of finetuned, pretrained, fixed, scratch that the
    run has. Returns dataset, scored_dataset, strategy, phase, uncertainty, clips, mean, median,
    q1, q3, whisker_low, whisker_high (the last clips within 1.5 times q3 - q1 of the box); rows
    in the order of drawing, the model's own dataset before the others.
    """
    bayesian = uncertainty[uncertainty["strategy"].isin(STRATEGIES)]
    present = [name for name in PHASES if name in set(bayesian["phase"])]
    phase = phase or (present[0] if present else "")
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
            for (_, scored), clips in own_first.groupby(["other", "scored_dataset"]):
                box = boxplot_stats(clips["value"].to_numpy())[0]
                rows.append(
                    {
                        "dataset": clips["dataset"].iloc[0],
                        "scored_dataset": scored,
                        "strategy": strategy,
                        "phase": phase,
                        "uncertainty": kind,
                        "clips": len(clips),
                        "mean": box["mean"],
                        "median": box["med"],
                        "q1": box["q1"],
                        "q3": box["q3"],
                        "whisker_low": box["whislo"],
                        "whisker_high": box["whishi"],
                    }
                )
    return pd.DataFrame(rows, columns=_COLUMNS)


def draw_boxplot(
    uncertainty: Path | str,
    outputs: Mapping[str, Path | str],
    style: Mapping[str, Any] | None = None,
    title: str | None = None,
    names: Mapping[str, str] | None = None,
    phase: str | None = None,
) -> None:
    """Draw one dataset's uncertainty parquet: rows Drop, Flip, Det-Flip, as far as there.

    Columns of panels: total ("Entropy"), epistemic, aleatoric. Median: orange line; mean: dashed
    green line; clips beyond the whiskers are not drawn. outputs: paths for "png", "pdf", "svg"
    and "csv"; style: see `vipann.figures.style.style_from`; title: default the dataset's name;
    names: dataset -> name on the axis, default the dataset's key; phase: see `box_statistics`.
    """
    chosen = look.style_from(style)
    boxes = box_statistics(pd.read_parquet(uncertainty), phase)
    with matplotlib.rc_context(chosen.rc()):
        figure = _figure(boxes, chosen, title, names or {})
        look.save(figure, boxes, outputs, chosen.dpi)


_COLUMNS = [
    "dataset",
    "scored_dataset",
    "strategy",
    "phase",
    "uncertainty",
    "clips",
    "mean",
    "median",
    "q1",
    "q3",
    "whisker_low",
    "whisker_high",
]


def _figure(
    boxes: pd.DataFrame, style: look.Style, title: str | None, names: Mapping[str, str]
) -> Figure:
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
            _panel(axes, panel, scored)
        row[0].set_ylabel(look.UNCERTAINTY_LABEL)
        look.row_label(row[-1], look.STRATEGY_LABELS[strategy])
    for axes, kind in zip(grid[0], columns, strict=True):
        axes.set_title(look.UNCERTAINTY_LABELS[kind])
        # After all panels of the column, which share the axis: a whisker at zero stays visible.
        axes.set_ylim(bottom=-0.03 * axes.get_ylim()[1])
    grid[0, 0].set_xlim(-0.6, len(scored) - 0.4)
    # A dataset's key may be as long as its panel is wide.
    shown = [names.get(name, name.replace("_", "\n")) for name in scored]
    grid[0, 0].set_xticks(range(len(scored)), shown)
    dataset, phase = boxes["dataset"].iloc[0], boxes["phase"].iloc[0]
    title = title or names.get(dataset, dataset)
    figure.suptitle(
        f"{title}, {look.PHASE_LABELS[phase].lower()}",
        fontsize=style.font_size + 1.5,
        weight="bold",
    )
    figure.legend(handles=_keys(), loc="outside lower center", ncols=4)
    return figure


def _panel(axes: Axes, panel: pd.DataFrame, scored: list[str]) -> None:
    own = (panel["scored_dataset"] == panel["dataset"]).to_list()
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
        medianprops={"color": look.MEDIAN_COLOUR, "linewidth": look.MEDIAN_WIDTH},
        meanprops={"color": look.MEAN_COLOUR, "linewidth": 1.2, "linestyle": (0, (3, 1.5))},
        boxprops={"edgecolor": look.INK, "linewidth": 0.7},
        whiskerprops={"color": look.INK, "linewidth": 0.7},
        capprops={"color": look.INK, "linewidth": 0.7},
    )
    for patch, is_own in zip(drawn["boxes"], own, strict=True):
        patch.set_facecolor(look.IN_DISTRIBUTION_FILL if is_own else look.OOD_FILL)
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)


def _keys() -> list[Line2D | Patch]:
    edge = {"edgecolor": look.INK, "linewidth": 0.7}
    return [
        Patch(facecolor=look.IN_DISTRIBUTION_FILL, label="In distribution", **edge),
        Patch(facecolor=look.OOD_FILL, label="Out of distribution", **edge),
        Line2D([], [], color=look.MEDIAN_COLOUR, linewidth=look.MEDIAN_WIDTH, label="Median"),
        Line2D(
            [], [], color=look.MEAN_COLOUR, linewidth=1.2, linestyle=(0, (3, 1.5)), label="Mean"
        ),
    ]
