"""Calibration and uncertainty of five poolings. Not in the thesis."""

from vipann.evaluation.variant_results import read_results
from vipann.papers import Sources
from vipann.papers.event_detection.names import ALL_POOLINGS, POOLINGS, POOLINGS_SEEDS
from vipann.tables.layout import Table
from vipann.tables.variants import uncertainty_table

TABLE = {
    "label": "Calibration and uncertainty of poolings",
    "caption": """
What five poolings of the scores of frames, ensembles of the seeds of each, and the ensemble of all
their networks say of their own certainty. ECE (calibration error), NLL and Brier score: lower is
better. Entropy (nats, mean over clips, summed over classes) is aleatoric plus epistemic; a single
network has no epistemic uncertainty. Retention: mean mAP over the retained fractions, the most
certain clips first. A loss that weighs classes moves the scores of all of them, and so their
calibration. Not in the thesis.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["maximum", "linear_softmax", "exp_softmax", "softmax_attention"],
}
HOW = "Mean over seeds ± standard deviation over seeds; an ensemble is one."


def table(sources: Sources) -> Table:
    """See `vipann.tables.variants.uncertainty_table`."""
    title = "Calibration and uncertainty of poolings"
    rows = {**POOLINGS, **POOLINGS_SEEDS, "All networks": ALL_POOLINGS}
    results = read_results(sources)
    return uncertainty_table(title, results, {"row": "Pooling"}, rows, list(POOLINGS), [HOW])
