"""Uncertainty of ensembles, averages, MC dropout and Flipout. Not in the paper."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from vipann.evaluation.variant_results import read_results
from vipann.figures import style as styles
from vipann.figures.style import UNCERTAINTY_LABELS, Style
from vipann.papers import Sources
from vipann.papers.psla.figures._drawing import NOTHING
from vipann.papers.psla.names import WAYS
from vipann.tables.variants import scored

FIGURE = {
    "label": "Uncertainty of ensembles and of Bayesian networks",
    "headline": 2,
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["psla", "plain", "averaged", "checkpoints", "seeds", "settings_all", "drop", "flip"],
    "caption": """
Left: predictive entropy (nats, mean over the evaluation clips), whose parts are aleatoric and
epistemic uncertainty. Middle: expected calibration error. Right: mAP. Bars are means over seeds,
lines one standard deviation over seeds to both sides; an ensemble is one. Not in the paper.""",
}
PARTS = {"mean_aleatoric": "in_distribution", "mean_epistemic": "median"}
PANELS = {"mean_total": "Entropy (nats)", "ece": "ECE", "mAP": "mAP"}


def figure(sources: Sources, style: Style) -> tuple[Figure, pd.DataFrame]:
    """Columns of what is drawn: way, metric, mean, standard_deviation, seeds."""
    bars = scored(0, read_results(sources), WAYS, [*PANELS, *PARTS])
    bars = bars[bars["ours"].notna()].rename(columns={"row": "way", "ours": "mean"})
    bars = bars[["way", "metric", "mean", "standard_deviation", "seeds"]].reset_index(drop=True)
    if bars.empty:
        return styles.without_data(style, NOTHING), bars
    ways = list(bars["way"].unique())[::-1]
    drawn, grid = styles.panels(style, 1, len(PANELS), 0.06 * len(ways) + 0.1, sharey=True)
    for axes, (metric, label) in zip(grid[0], PANELS.items(), strict=True):
        wide = bars.pivot(index="way", columns="metric", values="mean").reindex(ways)
        error = bars[bars["metric"] == metric].set_index("way")["standard_deviation"]
        left = 0.0
        for part, colour in (PARTS if metric == "mean_total" else {metric: "fixed"}).items():
            axes.barh(ways, wide[part], left=left, color=style.palette[colour], height=0.7)
            left = left + wide[part].fillna(0.0)
        axes.errorbar(
            *(left, range(len(ways))), xerr=error.reindex(ways), fmt="none", ecolor=styles.INK
        )
        axes.set_xlabel(label)
    handles = [
        Patch(color=style.palette[c], label=UNCERTAINTY_LABELS[p.removeprefix("mean_")])
        for p, c in PARTS.items()
    ]
    styles.legend(drawn, handles)
    return drawn, bars
