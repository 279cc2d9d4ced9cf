"""Calibration errors, proper scores and areas under the retention curve. Not in the paper."""

import pandas as pd

from vipann.papers import Names, Sources
from vipann.papers.vi_pann.printed import UNCERTAINTY_NAMES
from vipann.papers.vi_pann.tables._scores import KEYS, MODELS, score_cells, with_intervals
from vipann.tables.layout import Table

TABLE = {
    "label": "Calibration",
    "caption": """
Expected calibration error, negative log-likelihood, Brier score and area under the retention curve
of each network, and Det tempered as a baseline. The csv has 95 % bootstrap intervals over
recordings ({{ config.evaluation.bootstrap_resamples }} resamples). Not in the paper.""",
    "needs": {
        "metrics": "metrics/{tested}.metrics.parquet",
        "intervals": "metrics/{tested}.intervals.parquet",
    },
    "about": ["shown_names"],
}
SCORES = {"ece": "ECE", "adaptive_ece": "Adaptive ECE", "nll": "NLL", "brier": "Brier"}
# Over the clips of all folds together, not the folds' mean.
POOLED = ("ece", "adaptive_ece")
FORMS = ("", "_tempered", "_pooled", "_tempered_pooled")
KEPT = ["accuracy", "mAP", "temperature"]
KEPT += [f"{score}{form}" for score in SCORES for form in FORMS]
KEPT += [f"retention_{kind}_{name}" for kind in ("area", "gain") for name in UNCERTAINTY_NAMES]
COLUMNS = {
    **{f"{s}_pooled" if s in POOLED else s: ("", label) for s, label in SCORES.items()},
    **{f"retention_area_{name}": ("Area", label) for name, label in UNCERTAINTY_NAMES.items()},
}
NOTES = (
    "Lower is better but for the area. ECE and adaptive ECE: over the clips of all folds together. "
    "NLL (nats) and Brier: mean over folds of the mean over replications ± standard error over "
    "folds. Upstream, with several labels a clip, all four are means over classes.",
    "Area: mean of the retention curve over the retained fractions, most certain clips first.",
    "Tempered: Det with its logits divided by T (the mean over folds), which for each fold was "
    "fitted on the other folds' held-out predictions.",
)


def table(sources: Sources, shown_names: Names) -> Table:
    """Columns of the frame: see `vipann.papers.vi_pann.tables._scores.with_intervals`."""
    metrics = [pd.read_parquet(path) for path in sources["metrics"]]
    frame = with_intervals(metrics, sources["intervals"], own=True)
    frame = frame[frame["metric"].isin(KEPT)]
    # Tempering may reorder clips by their entropy: the areas would be others.
    warm = frame[frame["metric"].str.contains("_tempered")]
    temperatures = frame[frame["metric"] == "temperature"].set_index(KEYS)["value"]
    warm = warm.join(temperatures.rename("temperature"), on=KEYS)
    warm["metric"] = warm["metric"].str.replace("_tempered", "")
    warm["model"] = [
        f"{MODELS[strategy]}, tempered (T = {temperature:.2f})"
        for strategy, temperature in zip(warm["strategy"], warm["temperature"], strict=True)
    ]
    rows = pd.concat([frame, warm], ignore_index=True)
    cells = score_cells(rows, COLUMNS, shown_names, errors=("nll", "brier"))
    return Table("Calibration, and scores of the probabilities", frame, cells, NOTES)
