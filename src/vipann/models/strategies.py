"""The four model forms of the paper and how transfer starts each of them (section 3.5)."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal, get_args

from torch import Tensor, nn

from vipann.errors import UserError
from vipann.models.bayesian import Prior, is_bayesian, settle_priors, to_flipout
from vipann.models.dropout import Dropout, enable_monte_carlo_dropout
from vipann.models.network import Network, Step
from vipann.parts import own_settings, place
from vipann.registry import load

Strategy = Literal["det", "drop", "det_flip", "flip"]
STRATEGIES: tuple[str, ...] = get_args(Strategy)


def network_of(
    model: Mapping[str, Any], bands: int, classes: int, output_dropout: bool = False
) -> Network:
    """A randomly initialised network of the parts that the config's `model` block chooses.

    bands: components of each frame of the features; output_dropout: see the head.
    """
    encoder_module, head_module = (load(place(model, key)) for key in ("encoder", "head"))
    encoder = encoder_module.Encoder(
        encoder_module.Settings(**own_settings(model, "encoder")), bands
    )
    pooled, scores = model.get("pooled", "frames"), classes
    pooling = load(place(model, "pooling"))
    settings = own_settings(model, "pooling")
    if getattr(pooling, "OF_FRAMES", False):
        pooling = pooling(classes, encoder.size, **settings)
        scores = pooling.scores
    elif isinstance(pooling, type):
        pooling = pooling(encoder.size if pooled == "frames" else classes, **settings)
    elif settings:
        pooling = partial(pooling, **settings)
    head_settings = head_module.Settings(**own_settings(model, "head"))
    head = head_module.Head(encoder.size, scores, head_settings, output_dropout)
    return Network(encoder, pooling, head, classes, pooled)


def build_network(
    strategy: Strategy,
    classes: int,
    settings: Mapping[str, Any],
    prior: Prior = "unit",
    output_dropout: bool = False,
) -> Network:
    """A randomly initialised network in the form that `strategy` names.

    `settings` holds the config's `model` block and `bands` (see `network_of`); `bayesian` for
    Flipout layers. `prior="weights"` gives flip's layers room for a prior around given weights.
    det: weights are points, dropout in training only. drop: dropout at inference too.
    det_flip: deterministic backbone, Flipout head. flip: all layers Flipout.
    """
    network = network_of(settings["model"], settings["bands"], classes, output_dropout)
    if strategy == "drop":
        enable_monte_carlo_dropout(network)
    elif strategy == "det_flip":
        for part in network.renewed().values():
            to_flipout(part, settings["bayesian"])
    elif strategy == "flip":
        to_flipout(network, settings["bayesian"], prior=prior)
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
    if strategy == "flip" and prior != "unit":
        for part in network.renewed().values():
            settle_priors(part, settings["bayesian"], "unit")
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
    """Load all of `upstream` but what transfer renews.

    Raises:
        UserError: a backbone tensor is missing, superfluous or of another shape; all are listed.
    """
    renewed = tuple(f"{name}." for name in network.renewed())
    own = {k: v for k, v in network.state_dict().items() if not k.startswith(renewed)}
    other = {k: v for k, v in upstream.items() if not k.startswith(renewed)}
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
    """Leave only what transfer renews trainable."""
    network.requires_grad_(False)
    for part in network.renewed().values():
        part.requires_grad_(True)


def start_as_pytorch(head: nn.Module) -> None:
    """Draw the linear layers of a new head as `nn.Linear` does: weights and biases even within
    1 / sqrt(inputs). A Flipout head has none, and a bias that the head itself sets stays."""
    for module in head.modules():
        if isinstance(module, nn.Linear):
            module.reset_parameters()
    if start_bias := getattr(head, "start_bias", None):
        start_bias()


def keep_hidden_layers(network: Network, upstream: Mapping[str, Tensor]) -> None:
    """Start the head's layers before its output from those of `upstream`, a network of the same
    head; Flipout's means from the weights of a layer without Flipout.

    Raises:
        UserError: a layer has another shape there.
    """
    head: Any = network.head
    found = {}
    for name, own in head.state_dict().items():
        other = upstream.get(f"head.{name}", upstream.get(f"head.{name.replace('mu_', '')}"))
        if other is None or name.startswith(f"{head.OUTPUT}."):
            continue
        check_fit({name: own}, {name: other}, "the upstream checkpoint")
        found[name] = other
    head.load_state_dict(found, strict=False)


def is_random_at_inference(module: nn.Module) -> bool:
    """Whether two forward passes in evaluation mode may differ."""
    return is_bayesian(module) or any(
        isinstance(m, Dropout) and m.monte_carlo and m.p for m in module.modules()
    )


def certain_steps(steps: Sequence[Step]) -> int:
    """How many come before the first that is random at inference: what they make of a clip can be
    computed once for all its samples."""
    for number, (_, modules) in enumerate(steps):
        if any(map(is_random_at_inference, modules)):
            return number
    return len(steps)
