"""The Laplace approximation of the last layer: of which networks, and the settings of their
jobs."""

from collections.abc import Iterator
from typing import Any

from vipann.parts import chosen_parts
from vipann.plan.embeddings import embedded
from vipann.plan.networks import Network, scoring_settings
from vipann.plan.run import Run

KEY = "uncertainty.laplace"


def datasets(run: Run) -> list[str]:
    return [name for name in run.tested if approximated(run, name)]


def approximated(run: Run, dataset: str) -> list[Network]:
    """The deterministic networks of `dataset` whose last layer is approximated."""
    return embedded(run, dataset, ["det"]) if run.config["uncertainty"]["laplace"] else []


def faults(run: Run) -> Iterator[tuple[str, str]]:
    block = run.config["uncertainty"]["laplace"]
    if not block:
        return
    if run.config["model"].get("pooled", "frames") != "frames":
        text = "needs a linear layer whose outputs are the logits: set model.pooled: frames"
        yield KEY, f"{text}, or set it to null"
    if not datasets(run):
        yield KEY, "needs deterministic networks: add det to transfer.strategies"
    if block["prior_precision"] == "validation":
        yield from _without_validation(run)


def _without_validation(run: Run) -> Iterator[tuple[str, str]]:
    key, other = f"{KEY}.prior_precision", "or choose weights, marginal_likelihood or a number"
    if run.config["validation"]["split"] == "none":
        text = "'validation' needs a validation fold: set validation.split: next_fold"
        yield key, f"{text}, {other}"
    elif run.upstream in datasets(run):
        yield key, f"'validation' needs folds, and {run.upstream} has none: {other[3:]}"


def laplace_predictions(network: Network) -> str:
    """What it says of its own test clips."""
    return f"{network.run.results}/laplace/{network.path}.h5"


def laplace_ood_predictions(network: Network) -> str:
    """What it says of the out-of-distribution clips; of none where the run has none."""
    return f"{network.run.results}/laplace_ood/{network.path}.h5"


def laplace_settings(network: Network) -> dict[str, Any]:
    run = network.run
    return run.settings(
        "laplace.py",
        *network.seed_names("laplace"),
        chosen=chosen_parts(run.config),
        **run.config["uncertainty"]["laplace"],
    )


def laplace_scores_of(run: Run, dataset: str, kind: str) -> str:
    """kind: laplace, or laplace_intervals."""
    return f"{run.results}/metrics/{dataset}.{kind}.parquet"


def laplace_scores_settings(run: Run) -> dict[str, Any]:
    """The seed is that of the metrics of other strategies."""
    return run.settings("laplace_scores.py", "metrics", **scoring_settings(run))
