"""Ensembles, averages, MC dropout and Flipout by one decomposition. Not in the paper."""

from vipann.evaluation.variant_results import read_results
from vipann.papers import Sources
from vipann.papers.psla.names import WAYS
from vipann.tables.layout import Table
from vipann.tables.variants import uncertainty_table

TABLE = {
    "label": "Uncertainty of ensembles and of Bayesian networks",
    "caption": """
What several predictions of one clip say of its uncertainty, by the same equations whether they are
members of an ensemble, checkpoints of one training, passes with dropout, or draws of Flipout's
weights. Entropy (nats, mean over clips, summed over classes) is aleatoric plus epistemic. A single
network has no epistemic uncertainty. ECE (calibration error), NLL and Brier score: lower is better.
Retention: mean mAP over the retained fractions, the most certain clips first; mAP over fewer clips
rises by itself, so compare the rows of a column, which hear the same clips. Not in the paper.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["psla", "plain", "averaged", "checkpoints", "seeds", "settings_all", "drop", "flip"],
}
HOW = (
    "Mean over seeds ± standard deviation over seeds; an ensemble is one. Drop and Flip sample as "
    "often as evaluation.mc_samples says."
)
WITHOUT = ("Single network", "Averaged weights")


def table(sources: Sources) -> Table:
    """See `vipann.tables.variants.uncertainty_table`."""
    title = "Uncertainty of ensembles and of Bayesian networks"
    results = read_results(sources)
    return uncertainty_table(title, results, {"row": "Way"}, WAYS, WITHOUT, [HOW])
