"""The embeddings files, which scores of out-of-distribution clips and the Laplace approximation are
computed from: of which networks, and the settings of their jobs."""

from collections.abc import Sequence
from typing import Any

from vipann.parts import chosen_parts
from vipann.plan.networks import Network, networks_of, outside_phases
from vipann.plan.run import Run


def embeddings_of(network: Network) -> str:
    return f"{network.run.results}/embeddings/{network.path}.h5"


def embedded(run: Run, dataset: str, strategies: Sequence[str]) -> list[Network]:
    """The networks of `dataset` that a part asks for: those that score the out-of-distribution set
    where a run has one."""
    phases = outside_phases(run)
    return [
        network
        for network in networks_of(run, dataset)
        if network.strategy in strategies and network.phase in phases
    ]


def embedding_settings(network: Network) -> dict[str, Any]:
    run = network.run
    hears_outside = bool(network.ood_features)
    return run.settings(
        "embed.py",
        *network.seed_names("embed"),
        chosen=chosen_parts(run.config),
        dataset=network.trained_for,
        scored_dataset=run.ood if hears_outside else "",
        precision=run.config["evaluation"]["precision"],
        **run.config["uncertainty"]["embeddings"],
    )
