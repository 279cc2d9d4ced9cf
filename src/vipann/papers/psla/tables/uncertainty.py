"""Ensembles, averages, MC dropout and Flipout by one decomposition. Not in the paper."""

import pandas as pd

from vipann.papers import Sources
from vipann.papers.psla.names import WAYS
from vipann.papers.psla.results import read_results
from vipann.papers.psla.tables._scores import scored, with_spread
from vipann.tables.layout import Table, side_by_side

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
METRICS = {
    "mAP": ("", "mAP", ".4f"),
    "ece": ("", "ECE", ".4f"),
    "nll": ("", "NLL", ".4f"),
    "brier": ("", "Brier", ".5f"),
    "mean_total": ("Mean", "Entropy", ".3f"),
    "mean_aleatoric": ("Mean", "Aleatoric", ".3f"),
    "mean_epistemic": ("Mean", "Epistemic", ".3f"),
    "retention_area_total": ("Retention", "by entropy", ".4f"),
    "retention_area_aleatoric": ("Retention", "by aleatoric", ".4f"),
    "retention_area_epistemic": ("Retention", "by epistemic", ".4f"),
}
HOW = (
    "Mean over seeds ± standard deviation over seeds; an ensemble is one. Drop and Flip sample as "
    "often as evaluation.mc_samples says."
)
# One network's epistemic uncertainty is zero, and ranks nothing.
WITHOUT = ("Single network", "Averaged weights")


def table(sources: Sources) -> Table:
    """Columns table, row, name, metric, ours, standard_deviation, seeds; no row for what the run
    has not."""
    frame = scored(0, read_results(sources), WAYS, list(METRICS)).assign(table="uncertainty")
    frame = frame[frame["ours"].notna()]
    odd = frame["row"].isin(WITHOUT) & (frame["metric"] == "retention_area_epistemic")
    frame = frame[~odd].reset_index(drop=True)
    texts = pd.DataFrame(
        {
            "row": frame["row"],
            **{
                level: pd.Categorical(found, list(dict.fromkeys(found)))
                for place, level in enumerate(("group", "name"))
                for found in [[METRICS[metric][place] for metric in frame["metric"]]]
            },
            "text": [
                with_spread(row.ours, row.standard_deviation, METRICS[row.metric][2])
                for row in frame.itertuples()
            ],
        }
    )
    cells = side_by_side(texts, {"row": "Way"}, ["group", "name"], {})
    cells = cells[[pair[:2] for pair in METRICS.values() if pair[:2] in cells.columns]]
    return Table("Uncertainty of ensembles and of Bayesian networks", frame, cells, [HOW])
