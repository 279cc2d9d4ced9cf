"""A deep ensemble, ensembles from one training, a Laplace approximation and Bayesian networks, with
what each costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from vipann.papers import Names, Sources
from vipann.papers.uncertainty.names import LAPLACE_NAME, PHASE_NAMES, STRATEGY_NAMES
from vipann.papers.uncertainty.numbers import score
from vipann.papers.vi_pann.tables._scores import with_intervals
from vipann.strategies import LAPLACE
from vipann.tables.layout import Table, ordered, side_by_side

TABLE = {
    "label": "Ensembles and what they cost",
    "caption": """
Deep ensembles (Det networks of several seeds), ensembles from one training, Det with a Laplace
approximation of its last layer, and Bayesian networks: scores of the own test clips, how well the
epistemic uncertainty tells {{ ood or "other clips" }}, and what each costs in trainings and in
passes of a clip through a network. The csv has 95 % bootstrap intervals over recordings. Not in the
paper.""",
    "needs": {
        "metrics": "metrics/{ensembles}.metrics.parquet",
        "intervals": "metrics/{ensembles}.intervals.parquet",
        "one_training": "metrics/{swag}.one_training.metrics.parquet",
        "one_training_intervals": "metrics/{swag}.one_training.intervals.parquet",
        "laplace": "metrics/{laplace}.laplace.parquet",
        "laplace_intervals": "metrics/{laplace}.laplace_intervals.parquet",
    },
    "may_lack": ["one_training", "one_training_intervals", "laplace", "laplace_intervals"],
    "about": ["shown_names", "costs"],
}
MODELS = {
    "det": STRATEGY_NAMES["det"],
    "ens": STRATEGY_NAMES["ens"],
    "checkpoints": "Det, last epochs",
    "swag_diagonal": "SWAG-Diagonal",
    "swag": "SWAG",
    LAPLACE: LAPLACE_NAME,
    **{name: STRATEGY_NAMES[name] for name in ("drop", "det_flip", "flip")},
}
PHASES = ("pretrained", "fixed", "finetuned")
OUTSIDE = "auroc_epistemic"
METRICS = {
    "accuracy": "Accuracy",
    "mAP": "mAP",
    "nll": "NLL",
    "brier": "Brier",
    "ece_pooled": "ECE",
    OUTSIDE: "AUROC",
}
COSTS = {"trainings": "Trainings", "passes": "Passes"}
NOTES = (
    "Mean over folds of the mean over replications ± standard error over folds; ECE over the clips "
    "of all folds together. AUROC: out-of-distribution clips against own ones by the epistemic "
    "uncertainty, which one Det network does not have.",
    "Passes of a clip through a network, in each replication; auto: as many as each network's "
    "validation fold asks for. Trainings after pretraining (of upstream networks: pretrainings): "
    "going on after fine-tuning counts by its epochs. SWAG hears the training clips once more for "
    "each network that it draws, and the Laplace approximation once.",
)


def table(
    sources: Sources, shown_names: Names, costs: Mapping[str, Mapping[str, Sequence[Any]]]
) -> Table:
    """Columns of the frame: dataset, strategy, phase, metric, value, standard_error, folds,
    replications, low, high (`with_intervals`), trainings, passes."""
    parts = ("metrics", "one_training", "laplace")
    paths = [path for part in parts for path in sources.get(part, ())]
    parts = ("intervals", "one_training_intervals", "laplace_intervals")
    bounds = [path for part in parts for path in sources.get(part, ())]
    # A dataset may have a Laplace approximation and no ensemble.
    read = [pd.read_parquet(path) for path in paths]
    frames = [one[one["dataset"].isin(list(costs))] for one in read]
    frames = [one for one in frames if len(one)]
    own = with_intervals(frames, bounds, own=True)
    sides = [one[one["scored_dataset"] != one["dataset"]] for one in frames]
    sides = [one.assign(scored_dataset=one["dataset"]) for one in sides if len(one)]
    wanted = [own[own["metric"] != OUTSIDE]]
    if sides:
        wanted.append(with_intervals(sides, bounds, own=False).query("metric == @OUTSIDE"))
    frame = pd.concat(wanted, ignore_index=True)
    datasets = frame["dataset"].unique()
    orders = {"dataset": datasets, "phase": PHASES, "strategy": MODELS, "metric": METRICS}
    frame = ordered(frame, orders)
    frame = frame[(frame["strategy"] != "det") | (frame["metric"] != OUTSIDE)]
    paid = [
        costs[dataset][strategy]
        for dataset, strategy in zip(frame["dataset"], frame["strategy"], strict=True)
    ]
    frame = frame.assign(trainings=[float(t) for t, _ in paid], passes=[str(p) for _, p in paid])
    return Table("Ensembles and what they cost", frame, _cells(frame, shown_names), NOTES)


def advice(frame: pd.DataFrame) -> str | None:
    """What has the least NLL after the last phase, and what it costs, for each dataset of `table`'s
    frame."""
    rows = frame[frame["metric"] == "nll"]
    lines = [_advice(str(name), own) for name, own in rows.groupby("dataset", observed=True)]
    return " ".join(filter(None, lines)) or None


def _advice(dataset: str, rows: pd.DataFrame) -> str | None:
    phase = next(phase for phase in PHASES[::-1] if (rows["phase"] == phase).any())
    rows = rows[rows["phase"] == phase].set_index("strategy")
    if "det" not in rows.index:
        return None
    best, det = str(rows["value"].idxmin()), rows.loc["det", "value"]
    start = f"On {dataset}, {PHASE_NAMES[phase].lower()},"
    if best == "det":
        return f"{start} nothing has a lower NLL than one Det network ({score(det)})."
    trainings, passes = float(rows.loc[best, "trainings"]), str(rows.loc[best, "passes"])
    return (
        f"{start} {MODELS[best]} has the least NLL ({score(rows.loc[best, 'value'])}; Det "
        f"{score(det)}) for {trainings:g} training{'s' * (trainings != 1)} and {passes} "
        f"pass{'es' * (passes != '1')} a clip."
    )


def _cells(frame: pd.DataFrame, shown_names: Names) -> pd.DataFrame:
    keys = ["dataset", "phase", "strategy"]
    scores = frame[[*keys, "metric"]].assign(
        text=list(map(score, frame["value"], frame["standard_error"]))
    )
    once = frame.drop_duplicates(keys)
    prices = [
        once[keys].assign(metric="trainings", text=once["trainings"].map("{:g}".format)),
        once[keys].assign(metric="passes", text=once["passes"]),
    ]
    texts = pd.concat([scores, *prices], ignore_index=True)
    shown = {**METRICS, **COSTS}
    present = [metric for metric in shown if metric in set(texts["metric"])]
    texts["metric"] = pd.Categorical(texts["metric"], present)
    for key in keys:
        texts[key] = pd.Categorical(texts[key], frame[key].cat.categories)
    labels = {"dataset": shown_names, "phase": PHASE_NAMES, "strategy": MODELS, "metric": shown}
    by = {"dataset": "Dataset", "phase": "Phase", "strategy": "Model"}
    return side_by_side(texts, by, ["metric"], labels)
