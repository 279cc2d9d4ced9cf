"""Uncertainty on the model's own clips against out-of-distribution clips: Figures 2, 5, 8, 11."""

from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.cbook import boxplot_stats
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Names, Sources
from vipann.tables.layout import ordered

FIGURE = {
    "numbers": {"AudioSet": 2, "UrbanSound8K": 5, "ESC-50": 8, "DCASE2013": 11},
    "label": "uncertainty on new sounds",
    "headline": 2,
    "of": "tested",
    "only_with": ["ood"],
    "needs": {"uncertainty": "metrics/{dataset}.uncertainty.parquet"},
    "about": ["shown_names"],
    "caption": """
Predictive entropy (left), epistemic (middle) and aleatoric uncertainty (right), in nats, on the
networks' own test clips (ID) and on those of {{ shown_ood }} (OOD), which no network
was trained on; each column has a scale of its own. Orange line: median; dashed green
line: mean; box: quartiles; whiskers: the last value within 1.5 times the box's height; values
farther out are counted in the csv and not drawn. A value is a clip's mean over
{{ config.evaluation.replications }} replications {%- if not is_upstream %}; the {{ folds }} folds
are pooled: an own clip counts once, an OOD clip once for each fold's network{% endif %}.
{%- if (config.pretrain if is_upstream else config.transfer).ensemble_members %} Ens, the ensemble
of Det networks of several seeds, is not the paper's.{% endif %}""",
}
# Rows of panels from top to bottom, as far as a run has them.
STRATEGIES = ("drop", "flip", "det_flip", "ens")
# The paper shows the fine-tuned models; a run without that phase shows the next one it has.
PHASES = ("finetuned", "pretrained", "fixed", "scratch")
ROW = 0.235
BOX = ["strategy", "uncertainty", "scored_dataset"]
NUMBERS = {
    "med": "median",
    "q1": "q1",
    "q3": "q3",
    "whislo": "whisker_low",
    "whishi": "whisker_high",
}


def figure(sources: Sources, style: Style, shown_names: Names) -> tuple[Figure, pd.DataFrame]:
    """Rows Drop, Flip, Det-Flip, as far as there; columns of panels: entropy, epistemic, aleatoric,
    each with a scale of its own. What is drawn: `boxes`."""
    clips = drawn_clips(pd.read_parquet(sources["uncertainty"][0]))
    return _figure(clips, style, shown_names), boxes(clips)


def drawn_clips(uncertainty: pd.DataFrame) -> pd.DataFrame:
    """The values of the boxes, of the first of `PHASES` that the run has, in the order of drawing.

    uncertainty: columns of `vipann.evaluation.retention.uncertainty_table`. The values of all folds
    are pooled: a clip of the model's own dataset counts once, where its fold was tested, and an
    out-of-distribution clip once for each fold's network: both boxes are of single networks.
    """
    bayesian = uncertainty[uncertainty["strategy"].isin(STRATEGIES)]
    phase = [name for name in PHASES if name in set(bayesian["phase"])][:1]
    own, others = bayesian["dataset"].unique(), sorted(bayesian["scored_dataset"].unique())
    scored = [*own, *(name for name in others if name not in own)]
    orders = {
        "strategy": STRATEGIES,
        "uncertainty": styles.UNCERTAINTY_LABELS,
        "scored_dataset": scored,
    }
    return ordered(bayesian[bayesian["phase"].isin(phase)], orders)


def boxes(clips: pd.DataFrame) -> pd.DataFrame:
    """The five numbers and the mean of each box, in nats.

    Whiskers end at the last value within 1.5 times q3 - q1 of the box; `beyond` counts those
    farther out, which are not drawn, of `values`.
    """
    groups = clips.groupby(BOX, observed=True)
    rows = groups.agg(
        dataset=("dataset", "first"),
        phase=("phase", "first"),
        folds=("fold", "nunique"),
        values=("value", "size"),
        mean=("value", "mean"),
    ).reset_index()
    stats = [boxplot_stats(values.to_numpy())[0] for _, values in groups["value"]]
    found = {name: [box[key] for box in stats] for key, name in NUMBERS.items()}
    found["mean"] = [box["mean"] for box in stats]
    rows = rows.assign(**found, beyond=[len(box["fliers"]) for box in stats])
    first = ["dataset", "scored_dataset", "strategy", "phase", "uncertainty", "folds", "values"]
    return rows[[*first, "mean", *NUMBERS.values(), "beyond"]]


def _figure(clips: pd.DataFrame, style: Style, shown_names: Names) -> Figure:
    if clips.empty:
        return styles.without_data(style, "This run has no Bayesian strategy to draw boxes of.")
    strategies = list(clips["strategy"].unique())
    scored = list(clips["scored_dataset"].cat.categories)
    dataset, phase = clips["dataset"].iloc[0], clips["phase"].iloc[0]
    sides = {
        name: "in_distribution" if name == dataset else "out_of_distribution" for name in scored
    }
    median: dict[str, Any] = {"color": style.palette["median"], "linewidth": 1.5}
    mean: dict[str, Any] = {
        "color": style.palette["mean"],
        "linewidth": styles.LINE_WIDTH,
        "linestyle": (0, (2.5, 1.2)),
    }
    figure, grid = styles.facets(
        style, strategies, list(styles.UNCERTAINTY_LABELS), ROW, sharex=True, sharey="col"
    )
    for row, strategy in zip(grid, strategies, strict=True):
        for axes, kind in zip(row, styles.UNCERTAINTY_LABELS, strict=True):
            panel = clips[(clips["strategy"] == strategy) & (clips["uncertainty"] == kind)]
            sns.boxplot(
                panel,
                x="scored_dataset",
                y="value",
                hue="scored_dataset",
                palette={name: style.palette[side] for name, side in sides.items()},
                saturation=1,
                dodge=False,
                width=0.56,
                linecolor=styles.INK,
                linewidth=0.6,
                showfliers=False,
                showmeans=True,
                meanline=True,
                medianprops=median,
                meanprops=mean,
                legend=False,
                ax=axes,
            )
            axes.set(xlabel="", ylabel="")
            axes.grid(visible=False, axis="x")
            axes.tick_params(axis="x", length=0)
            styles.few_ticks(axes)
    for axes in grid[0]:
        # After all panels of the column, which share the axis: a whisker at zero stays visible.
        axes.set_ylim(bottom=-0.03 * axes.get_ylim()[1])
    # Names of datasets are wider than boxes: the legend has them.
    grid[0, 0].set_xticks(range(len(scored)), [style.labels[side] for side in sides.values()])
    figure.suptitle(f"{shown_names.get(dataset) or dataset}, {style.labels[phase].lower()}")
    figure.supylabel(style.labels["uncertainty"])
    keys: list[Patch | Line2D] = [
        Patch(
            facecolor=style.palette[side],
            edgecolor=styles.INK,
            linewidth=0.6,
            label=f"{style.labels[side]}: {shown_names.get(name) or name}",
        )
        for name, side in sides.items()
    ]
    keys += [
        Line2D([], [], label=style.labels["median"], **median),
        Line2D([], [], label=style.labels["mean"], **mean),
    ]
    styles.legend(figure, keys, columns=2)
    return figure
