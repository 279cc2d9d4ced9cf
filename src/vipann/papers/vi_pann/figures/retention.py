"""The strategies' scores against the percentage of clips retained: Figures 1, 4, 7, 10."""

import pandas as pd
from matplotlib.figure import Figure

from vipann.evaluation.interval import Kind
from vipann.evaluation.retention import RANDOM
from vipann.figures.retention import curves, lines_of
from vipann.figures.style import UNCERTAINTY_LABELS, Style
from vipann.papers import Names, Sources
from vipann.tables.layout import ordered

FIGURE = {
    "numbers": {"AudioSet": 1, "UrbanSound8K": 4, "ESC-50": 7, "DCASE2013": 10},
    "label": "score by clips retained",
    "headline": 1,
    "of": "tested",
    "needs": {"retention": "metrics/{dataset}.retention.parquet"},
    "about": ["shown_names", "interval"],
    "caption": """
{%- set with_det = is_upstream or "det" in config.transfer.strategies %}
{{ "mAP" if is_upstream else "Accuracy" }} on test clips against the percentage of clips retained,
the most certain first, by predictive entropy (left), epistemic (middle) and aleatoric uncertainty
(right) {%- if not is_upstream %}; fine-tuned networks above, fixed-feature networks
below{% endif %}. {% if with_det %}Det, dashed, is no line of the paper's figure; its epistemic
uncertainty is zero.{% endif %}
{%- if (config.pretrain if is_upstream else config.transfer).ensemble_members %} Nor is Ens, the
ensemble of Det networks of several seeds.{% endif %}

Lines: mean over {{ config.evaluation.replications }} replications of
{% if is_upstream %}{{ upstream_samples }} Monte Carlo samples{% else %}{{ samples }}, each the
average over {{ folds }} folds, whose clips are ranked fold by fold{% endif %}. Bands, at each point
by itself: {{ band }}{% if with_det %} (none for Det, which does not sample){% endif %}.
{% if is_upstream %}The mAP over fewer clips rises by itself; dotted, of each network: its clips in
random order, the mean of {{ orders }} such orders (no line of the paper's figure). A line above
its dotted one{% else %}A line that falls from left to right{% endif %} says that uncertain
predictions are worse: the uncertainty is of use.""",
}
# Rows of panels from top to bottom, as far as a run has them.
PHASES = ("pretrained", "finetuned", "fixed")
STRATEGIES = ("drop", "flip", "det_flip", "det", "ens")


def figure(
    sources: Sources, style: Style, shown_names: Names, interval: Kind
) -> tuple[Figure, pd.DataFrame]:
    """Columns of panels: entropy, epistemic, aleatoric; rows: fine-tuned above fixed, or only
    pre-trained for the upstream dataset. What is drawn: `strategy_lines`."""
    lines = strategy_lines(pd.read_parquet(sources["retention"][0]), interval)
    rows, columns = ("phase", PHASES), ("uncertainty", [*UNCERTAINTY_LABELS])
    return curves(lines, style, shown_names, rows, columns, ("strategy", STRATEGIES)), lines


def strategy_lines(retention: pd.DataFrame, interval: Kind = "percentile") -> pd.DataFrame:
    """`vipann.figures.retention.lines_of` in the order of drawing.

    Det has no line in the epistemic panel: one network's epistemic uncertainty is zero. Of mAP
    there is also uncertainty "random", the mean over random orders of the clips: one line a
    Bayesian strategy, in every panel.
    """
    without = (retention["strategy"] == "det") & retention["uncertainty"].isin(
        ["epistemic", RANDOM]
    )
    uncertainties = (*UNCERTAINTY_LABELS, RANDOM)
    orders = {"phase": PHASES, "strategy": STRATEGIES, "uncertainty": uncertainties}
    return ordered(lines_of(retention[~without], interval), orders, then=["retained_fraction"])
