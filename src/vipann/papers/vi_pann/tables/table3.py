"""Table 3: scores of the networks pretrained on the upstream dataset, ours beside the paper's."""

import pandas as pd

from vipann.papers import Names, Sources
from vipann.papers.vi_pann.printed import PRETRAINING_DATASET, STRATEGY_NAMES, paper_value
from vipann.tables.layout import ABOUT_THE_PAPER, Table, averages, comparison, number, ordered, tidy

TABLE = {
    "number": "3",
    "label": "pretraining",
    "headline": 2,
    "caption": """
mAP, AUC and d-prime (macro averages over classes) of the networks pretrained on
{{ upstream }}, on its evaluation split; mean over {{ config.evaluation.replications }}
replications of {{ upstream_samples }} Monte Carlo samples. The paper's numbers stand beside ours
only where the dataset is the paper's own.""",
    "needs": {"metrics": "metrics/{upstream}.metrics.parquet"},
    "about": ["names", "shown_names"],
}
STRATEGIES = ("det", "drop", "flip", "ens")
METRICS = {"mAP": "mAP", "AUC": "AUC", "d_prime": "d-prime"}
REFERENCE = "ResNet-54 PANN [1]"


def table(sources: Sources, names: Names, shown_names: Names) -> Table:
    """Rows in the paper's order, columns `TIDY_COLUMNS`; sources: metrics of the upstream dataset.

    The paper's numbers are given for AudioSet itself and for nothing else.
    """
    frame = averages(pd.read_parquet(sources["metrics"][0]))
    frame = ordered(
        frame[frame["phase"] == "pretrained"], {"strategy": STRATEGIES, "metric": METRICS}
    )
    paper = [
        paper_value(3, STRATEGY_NAMES[row.strategy], METRICS[row.metric])
        if names.get(row.dataset) == PRETRAINING_DATASET
        else None
        for row in frame.itertuples()
    ]
    frame = tidy(3, frame, paper)
    cells = comparison(frame, ["metric"], {"strategy": STRATEGY_NAMES, "metric": METRICS})
    notes = ["Mean over replications of the Monte Carlo prediction."]
    if frame["paper"].notna().any():
        cells.loc[(REFERENCE, "paper"), :] = [
            number(paper_value(3, REFERENCE, label)) for label in METRICS.values()
        ]
        notes += [ABOUT_THE_PAPER, f"{REFERENCE}: Kong et al. 2020, as the paper quotes it."]
    shown = ", ".join(shown_names.get(name) or name for name in frame["dataset"].unique())
    return Table(f"Table 3: pre-training{f' on {shown}' if shown else ''}", frame, cells, notes)
