"""Five poolings side by side, each with its seeds. Not in the thesis."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from vipann.evaluation.variant_results import Results, read_results
from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Sources
from vipann.papers.event_detection.names import POOLINGS, POOLINGS_SEEDS

FIGURE = {
    "label": "Poolings side by side",
    "headline": 1,
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["maximum", "linear_softmax", "exp_softmax", "softmax_attention"],
    "caption": """
Five poolings of the scores of frames, on the evaluation list: mAP and AUC (macro averages over
classes), calibration error and Brier score (lower is better). Points: a network each, of one seed;
bars: their mean; diamonds: the ensemble of the seeds. Not in the thesis.""",
}
PANELS = {"mAP": "mAP", "AUC": "AUC", "ece": "ECE", "brier": "Brier score"}
NETWORK, MEAN, ENSEMBLE = "network", "mean of seeds", "ensemble of seeds"
NOTHING = "This run has no result for this figure."


def figure(sources: Sources, style: Style) -> tuple[Figure, pd.DataFrame]:
    """Columns of what is drawn: pooling, metric, what, seed (0 but for networks), value."""
    points = drawn_points(read_results(sources))
    if points.empty:
        return styles.without_data(style, NOTHING), points
    poolings = list(points["pooling"].unique())[::-1]
    drawn, grid = styles.panels(style, 1, len(PANELS), 0.06 * len(poolings) + 0.12, sharey=True)
    forms: dict[str, dict[str, Any]] = {
        NETWORK: {"marker": "o", "color": style.palette["fixed"], "linestyle": "", "markersize": 4},
        MEAN: {"marker": "|", "color": styles.INK, "linestyle": "", "markersize": 9},
        ENSEMBLE: {"marker": "D", "color": style.palette["flip"], "linestyle": "", "markersize": 4},
    }
    for axes, (metric, label) in zip(grid[0], PANELS.items(), strict=True):
        part = points[points["metric"] == metric]
        for what, form in forms.items():
            own = part[part["what"] == what]
            places = [poolings.index(name) for name in own["pooling"]]
            axes.plot(own["value"], places, **form)
        axes.set_yticks(range(len(poolings)), poolings)
        axes.set_xlabel(label)
        styles.few_ticks(axes, 3)
    styles.legend(drawn, [Line2D([], [], label=what, **form) for what, form in forms.items()])
    return drawn, points


def drawn_points(results: Results) -> pd.DataFrame:
    """Of each pooling that the run has: its networks, their mean, and the ensemble of its seeds."""
    rows = []
    for row, name in POOLINGS.items():
        for metric in PANELS:
            values = results.by_seed(name, metric)
            if values.empty:
                continue
            rows += [[row, metric, NETWORK, seed, value] for seed, value in values.items()]
            rows.append([row, metric, MEAN, 0, values.mean()])
            together = results.by_seed(POOLINGS_SEEDS[f"{row}, seeds"], metric)
            rows += [[row, metric, ENSEMBLE, 0, value] for value in together]
    return pd.DataFrame(rows, columns=["pooling", "metric", "what", "seed", "value"])
