"""How strange a sound is to a model: the energy score of its networks without their chance.

Of logits z (C,): -ln sum_c exp(z_c) (Liu et al. 2020); where a clip has several labels the joint
energy, -sum_c ln(1 + exp(z_c)) (Wang et al. 2021). Higher is stranger. It needs no clips of any
other kind, and is fitted to nothing. What a value means is told by its place among those of clips
that were held out: logits of other networks have other energies.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vipann.errors import UserError
from vipann.features.batches import LogmelDataset, scoring_loader
from vipann.features.store import FeatureStore
from vipann.models.network import Network
from vipann.models.strategies import rebuild
from vipann.tasks import Task

_MEANS = {"mu_weight": "weight", "mu_kernel": "weight", "mu_bias": "bias"}
_CHANCE = ("rho_weight", "rho_kernel", "rho_bias")


def energy(logits: Tensor, task: Task) -> Tensor:
    """Logits (..., C) to energies (...)."""
    if task == "multiclass":
        return -logits.logsumexp(-1)
    return -F.softplus(logits).sum(-1)


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


@torch.inference_mode()
def held_out_energy(
    network: Network, store: FeatureStore, task: Task, fold: int, clip_ids: Sequence[str]
) -> np.ndarray:
    """Energies (N,) of the clips that a fold's network was tested on; fold 0: of the split eval.

    Raises:
        UserError: the features are not of these clips.
    """
    rows = store.rows(folds=[fold]) if fold else store.rows(split="eval")
    if store.clip_ids[rows].tolist() != list(clip_ids):
        raise UserError(
            f"{store.path} has other clips of fold {fold} than the predictions: run the workflow "
            "again, so that they belong together."
        )
    loader = scoring_loader(LogmelDataset(store, rows), 32)
    return torch.cat([energy(network(batch), task) for batch, _ in loader]).numpy()
