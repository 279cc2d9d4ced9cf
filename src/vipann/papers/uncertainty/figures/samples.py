"""The uncertainties by the number of Monte Carlo samples: their means, and the ranking of clips."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatter, LogLocator

from vipann.evaluation.samples import LEVELS
from vipann.figures import style as styles
from vipann.figures.style import UNCERTAINTY_LABELS, Style
from vipann.papers import Names, Sources
from vipann.tables.layout import ordered

FIGURE = {
    "label": "Uncertainty by number of samples",
    "of": "samples",
    "needs": {"curves": "metrics/{dataset}.samples.parquet"},
    "about": ["shown_names"],
    "caption": """
Above: the mean of each uncertainty over clips of {{ dataset }}, by the number of Monte Carlo
samples that it is estimated from; dotted, what theory says of its bias (the epistemic uncertainty
of M samples is 1 - 1 / M of its value, to the second order of their spread). Below: Spearman's
correlation of the clips' ranking with that by {{ config.uncertainty.samples.most }} samples; lines
at 0.95 and 0.99 (by one sample the epistemic uncertainty is 0 for all). One fold's networks; mean
over blocks of samples. Not in the paper.""",
}
STRATEGIES = ("drop", "flip", "det_flip")
ROW = 0.3
EXPECTED: dict[str, Any] = {"linewidth": 0.8, "linestyle": (0, (1, 1.6)), "zorder": 1.8}


def figure(sources: Sources, style: Style, shown_names: Names) -> tuple[Figure, pd.DataFrame]:
    """Columns of panels: entropy, epistemic, aleatoric; rows: mean in nats, rank correlation. What
    is drawn: rows of `vipann.evaluation.samples.curves_of`."""
    orders = {"strategy": STRATEGIES, "uncertainty": UNCERTAINTY_LABELS}
    curves = ordered(pd.read_parquet(sources["curves"][0]), orders, then=["mc_samples"])
    if curves.empty:
        return styles.without_data(style, "This run has no network that is sampled."), curves
    kinds = list(UNCERTAINTY_LABELS)
    drawn, grid = styles.panels(style, 2, len(kinds), ROW, sharex=True)
    # One sample says nothing of the epistemic uncertainty, and would hide the rest.
    lowest = min(0.9, float(curves.loc[curves["mc_samples"] > 1, "spearman"].min()) - 0.01)
    for (above, below), kind in zip(grid.T, kinds, strict=True):
        panel = curves[curves["uncertainty"] == kind]
        for axes, column in ((above, "mean"), (below, "spearman")):
            styles.draw_lines(axes, panel, ("mc_samples", column), "strategy", style)
        for name, line in panel.groupby("strategy", observed=True):
            above.plot(line["mc_samples"], line["expected"], color=style.palette[name], **EXPECTED)
        for level in LEVELS:
            below.axhline(level, color=styles.AXIS, linewidth=0.5)
        above.set_title(style.labels[kind])
        above.set_xscale("log")
        above.xaxis.set_major_locator(LogLocator())
        above.xaxis.set_major_formatter(LogFormatter())
        below.set_xlabel("Samples")
        below.set_ylim(lowest, 1.005)
        for axes in (above, below):
            styles.few_ticks(axes)
    grid[0, 0].set_ylabel("Nats")
    grid[1, 0].set_ylabel("Rank correlation")
    dataset = curves["dataset"].iloc[0]
    drawn.suptitle(shown_names.get(dataset) or dataset)
    shown = [name for name in STRATEGIES if name in set(curves["strategy"])]
    theory = Line2D([], [], label="Theory", color=styles.AXIS, **EXPECTED)
    styles.legend(drawn, [*styles.line_keys(shown, style), theory])
    return drawn, curves
