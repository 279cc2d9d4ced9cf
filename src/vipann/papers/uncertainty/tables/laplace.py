"""A Laplace approximation of the last layer beside the network that it is of."""

import pandas as pd

from vipann.papers import Names, Sources
from vipann.papers.uncertainty.names import LAPLACE_NAME, PHASE_NAMES, STRATEGY_NAMES
from vipann.papers.uncertainty.numbers import score
from vipann.papers.vi_pann.tables._scores import with_intervals
from vipann.strategies import LAPLACE
from vipann.tables.layout import Table, number, ordered, side_by_side

TABLE = {
    "label": "Last-layer Laplace approximation",
    "caption": """
Det, and Det with a Laplace approximation of its last layer in the place of point weights:
scores of the probabilities {%- if ood %}, and how well its uncertainties tell {{ ood }} from
own test clips{% endif %}. The csv has 95 % bootstrap intervals over recordings
({{ config.evaluation.bootstrap_resamples }} resamples).""",
    "needs": {
        "laplace": "metrics/{laplace}.laplace.parquet",
        "laplace_intervals": "metrics/{laplace}.laplace_intervals.parquet",
        "metrics": "metrics/{laplace}.metrics.parquet",
        "intervals": "metrics/{laplace}.intervals.parquet",
    },
    "about": ["shown_names"],
}
MODELS = {"det": STRATEGY_NAMES["det"], LAPLACE: LAPLACE_NAME}
COLUMNS = {
    "accuracy": "Accuracy",
    "mAP": "mAP",
    "nll": "NLL",
    "brier": "Brier",
    "ece_pooled": "ECE",
    "auroc_total": "AUROC, entropy",
    "auroc_epistemic": "AUROC, epistemic",
    "prior_precision": "Prior precision",
}
ERRORS = ("accuracy", "nll", "brier")
NOTES = (
    "Mean over folds ± standard error over folds; ECE: over the clips of all folds together. NLL "
    "(nats), Brier and ECE: lower is better, with several labels a clip means over classes. AUROC: "
    "of out-of-distribution clips against own test clips.",
    "The approximation costs one forward pass a clip, as Det does, and draws of its logits; Det "
    "has no epistemic uncertainty. Prior precision: mean over folds.",
)


def table(sources: Sources, shown_names: Names) -> Table:
    """Columns of the frame: see `vipann.papers.vi_pann.tables._scores.with_intervals`."""
    frames = []
    for metrics, intervals in (("laplace", "laplace_intervals"), ("metrics", "intervals")):
        read = [pd.read_parquet(path) for path in sources[metrics]]
        frames.append(with_intervals(read, sources[intervals], own=True))
        others = [one[one["scored_dataset"] != one["dataset"]] for one in read]
        others = [one.assign(scored_dataset=one["dataset"]) for one in others if len(one)]
        if others:
            frames.append(with_intervals(others, sources[intervals], own=False))
    frame = pd.concat(frames, ignore_index=True)
    nothing = (frame["strategy"] == "det") & frame["metric"].str.endswith("_epistemic")
    frame = frame[frame["metric"].isin(COLUMNS) & ~nothing]
    orders = {
        "dataset": frame["dataset"].unique(),
        "phase": PHASE_NAMES,
        "strategy": MODELS,
        "metric": COLUMNS,
    }
    frame = ordered(frame, orders)
    # Phases that only Det has are no comparison.
    both = frame.groupby(["dataset", "phase"], observed=True)["strategy"].transform("nunique") > 1
    frame = frame[both].reset_index(drop=True)
    error = frame["standard_error"].where(frame["metric"].isin(ERRORS))
    precision = frame["metric"] == "prior_precision"
    texts = frame[["dataset", "phase", "strategy", "metric"]].assign(
        text=[
            number(value, ".3g") if is_precision else score(value, e)
            for value, e, is_precision in zip(frame["value"], error, precision, strict=True)
        ]
    )
    headings = {"dataset": "Dataset", "phase": "Phase", "strategy": "Model"}
    labels = {"dataset": shown_names, "phase": PHASE_NAMES, "strategy": MODELS, "metric": COLUMNS}
    cells = side_by_side(texts, headings, ["metric"], labels)
    return Table("Laplace approximation of the last layer", frame, cells, NOTES)


def advice(frame: pd.DataFrame) -> str | None:
    """Whether the approximation lowers the NLL, for each dataset of `table`'s frame."""
    rows = frame[frame["metric"] == "nll"]
    lines = [_advice(str(name), own) for name, own in rows.groupby("dataset", observed=True)]
    return " ".join(lines) or None


def _advice(dataset: str, rows: pd.DataFrame) -> str:
    nll = rows.pivot(index="phase", columns="strategy", values="value")
    lower = nll[LAPLACE] < nll["det"]
    words = ", ".join(
        f"{PHASE_NAMES[str(phase)].lower()} {score(row['det'])} to {score(row[LAPLACE])}"
        for phase, row in nll.iterrows()
    )
    verb = "lowers" if lower.all() else "does not lower" if not lower.any() else "may lower"
    return (
        f"On {dataset} a Laplace approximation of Det's last layer {verb} the NLL ({words}) and "
        "costs one pass and no training."
    )
