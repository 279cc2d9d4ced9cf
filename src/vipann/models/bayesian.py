"""Flipout posteriors over a network's weights, through bayesian-torch.

Flipout (Wen et al. 2018) gives every weight a Gaussian posterior N(mu, softplus(rho)^2); MOPED
(Krishnan et al. 2020, section 3.4 of the paper) takes mu from a trained deterministic network and
sets sigma = delta * |mu|. The layers and their names are those of bayesian-torch 0.5.0.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch
from bayesian_torch.layers.base_variational_layer import BaseVariationalLayer_
from bayesian_torch.models.dnn_to_bnn import dnn_to_bnn
from torch import Tensor, nn

from vipann.models.flipout import adopt, posteriors
from vipann.models.gaussian import GaussianKl

Prior = Literal["unit", "weights"]
Reduction = Literal["mean", "sum"]

_NORMS = nn.modules.batchnorm._BatchNorm | nn.LayerNorm | nn.GroupNorm


def to_flipout(
    network: nn.Module,
    bayesian: Mapping[str, Any],
    moped_delta: float | None = None,
    prior: Prior = "unit",
) -> None:
    """Replace, in place, every convolution and linear layer of `network` by a Flipout layer.

    With `moped_delta`, the posterior starts from the network's own weights (mu = w,
    sigma = moped_delta * |w|), and `prior="weights"` centres the prior on them too; otherwise it
    starts at random around `posterior_mu_init` and `posterior_rho_init`.
    """
    dnn_to_bnn(network, bayesian_torch_settings(bayesian, moped_delta))
    adopt(network, bayesian.get("signs", "element"))
    settle_priors(network, bayesian, prior)


def flipout_layers(network: nn.Module) -> Iterator[BaseVariationalLayer_]:
    """The network's Flipout layers, in order of definition."""
    return (m for m in network.modules() if isinstance(m, BaseVariationalLayer_))


def is_bayesian(network: nn.Module) -> bool:
    """Whether the network has Flipout layers, and so a KL term."""
    return next(flipout_layers(network), None) is not None


def deterministic_layers(network: nn.Module) -> dict[str, str]:
    """Name and class of what has trainable tensors of its own and no posterior over them: a GRU,
    learned positions, and all layers of a deterministic network. Left out are norms, whose scales
    and shifts are points in every network."""
    found = {}
    for name, module in network.named_modules():
        own = any(True for _ in module.parameters(recurse=False))
        if own and not isinstance(module, BaseVariationalLayer_ | _NORMS):
            found[name] = type(module).__name__
    return found


def point_parameters(network: nn.Module) -> int:
    """Number of trainable values in the `deterministic_layers`."""
    layers = map(network.get_submodule, deterministic_layers(network))
    parameters = (p for layer in layers for p in layer.parameters(recurse=False))
    return sum(p.numel() for p in parameters if p.requires_grad)


def kl_divergence(network: nn.Module, reduction: Reduction = "mean") -> Tensor:
    """KL(posterior || prior) over the trainable Flipout layers: a scalar, in nats, >= 0.

    `sum` is the divergence of equation 5 (what weighs it: `vipann.training.objective.kl_weight`).
    `mean` averages over each weight tensor and sums the averages, as bayesian-torch and the
    published code do.
    """
    terms = [
        GaussianKl.apply(*posterior, reduction == "mean")
        for layer in flipout_layers(network)
        for posterior in posteriors(layer)
        if posterior.mu.requires_grad
    ]
    return torch.stack(terms).sum() if terms else torch.zeros(())


def bayesian_torch_settings(
    bayesian: Mapping[str, Any], moped_delta: float | None
) -> dict[str, Any]:
    """What bayesian-torch's dnn_to_bnn takes, from the config's `bayesian` block."""
    moped = {"moped_enable": moped_delta is not None, "moped_delta": moped_delta}
    return {"type": "Flipout"} | moped | dict(bayesian)


def settle_priors(network: nn.Module, bayesian: Mapping[str, Any], prior: Prior) -> None:
    """Make the priors part of the state dict, which bayesian-torch does not save.

    A prior that is the same for all weights is kept as one number: checkpoints stay half as large.
    """
    for layer in flipout_layers(network):
        for name in ("weight", "bias"):
            if getattr(layer, f"prior_{name}_mu") is None:
                continue
            mean = torch.tensor(float(bayesian["prior_mu"]))
            if prior == "weights":
                mu = layer.mu_bias if name == "bias" else posteriors(layer)[0].mu
                mean = mu.detach().clone()
            layer.register_buffer(f"prior_{name}_mu", mean)
            sigma = torch.tensor(float(bayesian["prior_sigma"]))
            layer.register_buffer(f"prior_{name}_sigma", sigma)
