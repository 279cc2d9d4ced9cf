"""How well each uncertainty tells out-of-distribution clips. Not in the paper."""

import pandas as pd

from vipann.papers import Names, Sources
from vipann.papers.vi_pann.printed import UNCERTAINTY_NAMES
from vipann.papers.vi_pann.tables._scores import score_cells, with_intervals
from vipann.tables.layout import Table

TABLE = {
    "label": "Out-of-distribution detection",
    "caption": """
How well each uncertainty tells {{ ood }}, in windows as long as the network's own clips, from
the networks' own test clips. The csv has 95 % bootstrap intervals over recordings
({{ config.evaluation.bootstrap_resamples }} resamples). Not in the paper.""",
    "needs": {
        "metrics": "metrics/{tested}.metrics.parquet",
        "intervals": "metrics/{tested}.intervals.parquet",
    },
    "only_with": ["ood"],
    "about": ["shown_names"],
}
DETECTION = {"auroc": "AUROC", "aupr": "AUPR", "fpr95": "FPR95"}
COLUMNS = {
    **{
        f"{metric}_{kind}": (group, label)
        for kind, group in UNCERTAINTY_NAMES.items()
        for metric, label in DETECTION.items()
    },
    **{f"mean_{kind}": ("Nats", label) for kind, label in UNCERTAINTY_NAMES.items()},
}
NOTES = (
    "Out-of-distribution clips are the positives; mean over folds of the mean over replications. "
    "AUROC 0.5 is chance. FPR95, lower is better: own test clips raised when 95 % of the others "
    "are found. Det has no epistemic uncertainty.",
    "Nats: mean uncertainty of the out-of-distribution clips.",
    "Ensemble of the folds: the mean prediction of the Det networks of all folds. None has seen "
    "the out-of-distribution clips; but each own test clip was a training clip of all but one of "
    "them, so that there is nothing valid to compare with, and no detection score.",
)


def table(sources: Sources, shown_names: Names) -> Table:
    """Columns of the frame: see `vipann.papers.vi_pann.tables._scores.with_intervals`."""
    outside = []
    for path in sources["metrics"]:
        frame = pd.read_parquet(path)
        frame = frame[frame["scored_dataset"] != frame["dataset"]]
        outside.append(frame.assign(scored_dataset=frame["dataset"]))
    frame = with_intervals(outside, sources["intervals"], own=False)
    cells = score_cells(frame, COLUMNS, shown_names)
    return Table("Out-of-distribution detection by each uncertainty", frame, cells, NOTES)
