"""Fixed-feature against fine-tuned networks by clips retained: Figures 3, 6, 9."""

import pandas as pd
from matplotlib.figure import Figure

from vipann.evaluation.interval import Kind
from vipann.figures.retention import curves, lines_of
from vipann.figures.style import UNCERTAINTY_LABELS, Style
from vipann.papers import Names, Sources
from vipann.tables.layout import ordered

FIGURE = {
    "numbers": {"UrbanSound8K": 3, "ESC-50": 6, "DCASE2013": 9},
    "label": "fixed against fine-tuned",
    "of": "transfer",
    "needs": {"retention": "metrics/{dataset}.retention.parquet"},
    "about": ["shown_names", "interval"],
    "caption": """
Accuracy on test clips against the percentage of clips retained, the most certain first, by
predictive entropy (top), epistemic (middle) and aleatoric uncertainty (bottom); columns: Drop,
Det-Flip, Flip, as far as this run has them
{%- if config.transfer.ensemble_members %}, and Ens, the ensemble of Det networks of several seeds,
which is not the paper's{% endif %}. *Fixed-feature*: a new head on the frozen backbone;
*fine-tuned*: then everything is trained.

Lines: mean over {{ config.evaluation.replications }} replications of
{{ samples }}, each the average over {{ folds }} folds,
whose clips are ranked fold by fold. Bands, at each point by itself: {{ band }}. A line that falls
from left to right says that uncertain predictions are worse: the uncertainty is of use.""",
}
STRATEGIES = ("drop", "det_flip", "flip", "ens")
PHASES = ("finetuned", "fixed")


def figure(
    sources: Sources, style: Style, shown_names: Names, interval: Kind
) -> tuple[Figure, pd.DataFrame]:
    """Columns of panels: Drop, Det-Flip, Flip, as far as there; rows: entropy, epistemic,
    aleatoric. What is drawn: `phase_lines`."""
    lines = phase_lines(pd.read_parquet(sources["retention"][0]), interval)
    rows, columns = ("uncertainty", [*UNCERTAINTY_LABELS]), ("strategy", STRATEGIES)
    return curves(lines, style, shown_names, rows, columns, ("phase", PHASES)), lines


def phase_lines(retention: pd.DataFrame, interval: Kind = "percentile") -> pd.DataFrame:
    """`vipann.figures.retention.lines_of` in the order of drawing."""
    orders = {"uncertainty": UNCERTAINTY_LABELS, "strategy": STRATEGIES, "phase": PHASES}
    return ordered(lines_of(retention, interval), orders, then=["retained_fraction"])
