"""Scores of out-of-distribution clips: of which networks, and the settings of their jobs."""

from collections.abc import Iterator
from typing import Any

from vipann.plan.embeddings import embedded
from vipann.plan.networks import Network
from vipann.plan.run import Run

KEY = "uncertainty.ood_scores"


def datasets(run: Run) -> list[str]:
    return [name for name in run.tested if scored_networks(run, name)]


def scored_networks(run: Run, dataset: str) -> list[Network]:
    """The networks of `dataset` whose embeddings are scored."""
    block = run.config["uncertainty"]["ood_scores"]
    return embedded(run, dataset, block["strategies"]) if block and run.ood else []


def faults(run: Run) -> Iterator[tuple[str, str]]:
    if not run.config["uncertainty"]["ood_scores"]:
        return
    if run.ood is None:
        yield KEY, "needs out-of-distribution clips: name their dataset in `ood`, or set it to null"
    elif not datasets(run):
        yield f"{KEY}.strategies", "names no strategy whose networks this run has"


def ood_scores_of(run: Run, dataset: str) -> str:
    return f"{run.results}/metrics/{dataset}.ood_scores.parquet"


def ood_scores_settings(run: Run) -> dict[str, Any]:
    """The seed is that of the metrics: resamples are theirs."""
    return run.settings(
        "ood_scores.py",
        "metrics",
        neighbours=run.config["uncertainty"]["ood_scores"]["neighbours"],
        bootstrap_resamples=run.config["evaluation"]["bootstrap_resamples"],
    )
