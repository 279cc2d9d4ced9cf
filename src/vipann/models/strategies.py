"""The four model forms of the paper and how transfer starts each of them (section 3.5)."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from torch import Tensor, nn

from vipann.errors import UserError
from vipann.models.architectures import architecture
from vipann.models.bayesian import BaseVariationalLayer_, Prior, flipout_linear, to_flipout
from vipann.models.dropout import Dropout, enable_monte_carlo_dropout
from vipann.models.network import HEAD_LAYERS, Network

Strategy = Literal["det", "drop", "det_flip", "flip"]
STRATEGIES: tuple[str, ...] = get_args(Strategy)


def build_network(
    strategy: Strategy,
    classes: int,
    settings: Mapping[str, Any],
    prior: Prior = "unit",
    output_dropout: bool = False,
) -> Network:
    """A randomly initialised network in the form that `strategy` names.

    `settings` holds the config's `model` block and `mel_bands`; `bayesian` for Flipout layers.
    `prior="weights"` gives flip's layers room for a prior around given weights.
    det: weights are points, dropout in training only. drop: dropout at inference too.
    det_flip: deterministic backbone, Flipout fc1 and fc_audioset. flip: all layers Flipout.
    """
    model, bayesian = settings["model"], settings.get("bayesian", {})
    network = architecture(model).build(classes, settings, output_dropout)
    if strategy == "drop":
        enable_monte_carlo_dropout(network, model["dropout"].get("block_in_monte_carlo", False))
    elif strategy == "det_flip":
        for name in HEAD_LAYERS:
            setattr(network, name, flipout_linear(getattr(network, name), bayesian, "unit"))
    elif strategy == "flip":
        to_flipout(network, bayesian, prior=prior)
    return network


def build_transferred(
    strategy: Strategy,
    classes: int,
    settings: Mapping[str, Any],
    prior: Prior = "unit",
) -> Network:
    """The network for a transfer dataset: `strategy`'s form with a new head, all at random.

    The new head's prior is always the unit one: it has no weights to be centred on.
    """
    network = build_network(strategy, classes, settings, prior, output_dropout=True)
    if strategy == "flip":
        for name in HEAD_LAYERS:
            head = nn.Linear(*getattr(network, name).mu_weight.shape[::-1])
            setattr(network, name, flipout_linear(head, settings["bayesian"], "unit"))
    return network


def prior_of(settings: Mapping[str, Any]) -> Prior:
    """The prior of flip's layers; settings without Flipout layers have no block that says it."""
    return settings["moped"]["prior"] if "moped" in settings else "unit"


def rebuild(facts: Mapping[str, Any], state: Mapping[str, Tensor]) -> Network:
    """The trained network of a checkpoint, from its sidecar and its state dict."""
    settings = facts["settings"]
    prior = "unit" if facts["phase"] == "scratch" else prior_of(settings)
    build = build_network if facts["phase"] in ("pretrained", "moped") else build_transferred
    network = build(facts["strategy"], len(facts["classes"]), settings, prior)
    network.load_state_dict(state, strict=True)
    return network


def moped_from(det: Mapping[str, Tensor], classes: int, settings: Mapping[str, Any]) -> Network:
    """The Flipout network whose posterior starts from a trained deterministic one (MOPED).

    Batch norm and everything else that is neither Conv2d nor Linear is carried over unchanged.
    """
    network = build_network("det", classes, settings)
    network.load_state_dict(det, strict=True)
    to_flipout(
        network, settings["bayesian"], settings["moped"]["delta"], settings["moped"]["prior"]
    )
    return network


def load_backbone(network: Network, upstream: Mapping[str, Tensor]) -> None:
    """Load all of `upstream` but its head.

    Raises:
        UserError: a backbone tensor is missing, superfluous or of another shape; all are listed.
    """
    own = {k: v for k, v in network.state_dict().items() if not _in_head(k)}
    other = {k: v for k, v in upstream.items() if not _in_head(k)}
    check_fit(own, other, "the upstream checkpoint")
    network.load_state_dict(other, strict=False)


def check_fit(own: Mapping[str, Tensor], other: Mapping[str, Tensor], source: str) -> None:
    """Compare names and shapes of a network's tensors, `own`, with those of `source`.

    Raises:
        UserError: a tensor is missing, superfluous or of another shape; all are listed.
    """
    wrong = [
        *(f"missing: {k}" for k in own.keys() - other.keys()),
        *(f"surplus: {k}" for k in other.keys() - own.keys()),
        *(
            f"shape of {k}: {tuple(other[k].shape)} in the checkpoint, {tuple(own[k].shape)} here"
            for k in own.keys() & other.keys()
            if own[k].shape != other[k].shape
        ),
    ]
    if wrong:
        raise UserError(
            f"{source} does not fit the network of `model` in the config:\n  "
            + "\n  ".join(sorted(wrong))
        )


def freeze_backbone(network: Network) -> None:
    """Leave only the head's parameters trainable."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(_in_head(name))


def is_random_at_inference(module: nn.Module) -> bool:
    """Whether two forward passes in evaluation mode may differ."""
    return any(
        isinstance(m, BaseVariationalLayer_) or (isinstance(m, Dropout) and m.monte_carlo and m.p)
        for m in module.modules()
    )


def _in_head(name: str) -> bool:
    return name.split(".")[0] in HEAD_LAYERS
