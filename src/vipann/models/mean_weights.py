"""A network of any strategy without its chance, for what is computed once of each clip."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from vipann.models.network import Network
from vipann.models.strategies import rebuild

_MEANS = {"mu_weight": "weight", "mu_kernel": "weight", "mu_bias": "bias"}
_CHANCE = ("rho_weight", "rho_kernel", "rho_bias")


def mean_network(facts: Mapping[str, Any], state: Mapping[str, Tensor]) -> Network:
    """The network of a checkpoint of any strategy without its chance, in evaluation mode: Flipout
    layers have the means of their posteriors as weights, and dropout is off.

    Its tensors are those of `state`, not copies of them.
    """
    means = means_of(state)
    network = rebuild({**facts, "strategy": "det"}, means)
    network.load_state_dict(means, assign=True)
    return network.eval()


def means_of(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a network of any strategy, as those of the deterministic one."""
    means = {}
    for name, value in state.items():
        module, _, kind = name.rpartition(".")
        if kind in _CHANCE or kind.startswith(("eps_", "prior_")):
            continue
        means[f"{module}.{_MEANS.get(kind, kind)}"] = value
    return means
