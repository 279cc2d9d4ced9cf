"""What networks cost beside what they score."""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from vipann.evaluation.variant_results import Results, read_results
from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Sources
from vipann.papers.event_detection.tables._chapter6 import costs_of

FIGURE = {
    "label": "Cost beside score",
    "headline": 2,
    "needs": {
        "variants": "metrics/{varied}.variants.parquet",
        "costs": "metrics/{measured}.variant_cost.csv",
    },
    "caption": """
Each variant of this run: its score on the evaluation list (mean over seeds) over the parameters
that training changes, the MACs of one clip from the encoder on, clips a second in a forward pass of
{{ config.evaluation.cost.batch_size }} clips, which is one Monte Carlo sample (median of
{{ config.evaluation.cost.repeats }} rounds, all networks in turn in one job on this machine), and
the memory that such a pass adds to a process that builds the network. Not in the thesis.""",
}
PANELS = {
    "parameters_m": "Parameters (millions)",
    "macs_g": "MACs of a clip (billions)",
    "clips_per_second": "Clips a second",
    "memory_mb": "Memory (MB)",
}
SCORES = ("mAP", "accuracy")
NOTHING = "This run has no result for this figure."


def figure(sources: Sources, style: Style) -> tuple[Figure, pd.DataFrame]:
    """Columns of what is drawn: those of `cost_and_score`."""
    points = cost_and_score(read_results(sources), costs_of(sources))
    if points.empty:
        return styles.without_data(style, NOTHING), points
    drawn, grid = styles.panels(style, 2, 2, 0.45, sharey=True)
    for axes, (column, label) in zip(grid.flat, PANELS.items(), strict=True):
        sns.scatterplot(
            points,
            x=column,
            y="score",
            hue="encoder",
            style="strategy",
            palette="colorblind",
            ax=axes,
            legend=axes is grid[0, 0],
            s=14,
        )
        axes.set(xscale="log", xlabel=label, ylabel=points["metric"].iloc[0])
    handles, labels = grid[0, 0].get_legend_handles_labels()
    grid[0, 0].get_legend().remove()
    named = [h for h, text in zip(handles, labels, strict=True) if text not in points.columns]
    styles.legend(drawn, named, columns=4)
    return drawn, points


def cost_and_score(results: Results, costs: pd.DataFrame) -> pd.DataFrame:
    """Columns variant, encoder, strategy, metric (mAP, or accuracy where there is none), score
    (mean over seeds), seeds, and `PANELS`; a row for each variant that has both."""
    found = []
    for name in costs.index:
        values = {metric: results.by_seed(str(name), metric) for metric in SCORES}
        metric = next((m for m in SCORES if len(values[m])), None)
        if metric:
            found.append([name, metric, values[metric].mean(), len(values[metric])])
    scores = pd.DataFrame(found, columns=["variant", "metric", "score", "seeds"])
    points = scores.merge(costs.reset_index(), on="variant")
    points["parameters_m"] = points["parameters"] / 1e6
    points["macs_g"] = points["macs"] / 1e9
    own = ["variant", "encoder", "strategy", "metric", "score", "seeds"]
    return points[[*own, *PANELS]]
