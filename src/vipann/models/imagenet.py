"""Weights trained on ImageNet as an encoder's start (PSLA, section III)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vipann.models.network import Network
from vipann.models.published import read_published
from vipann.models.strategies import check_fit
from vipann.parts import place
from vipann.registry import load

_POSTERIOR_MEANS = {"mu_kernel": "weight", "mu_weight": "weight", "mu_bias": "bias"}
_FLIPOUT_ONLY = ("rho_kernel", "rho_weight", "rho_bias", "prior_")
_COUNTER = "num_batches_tracked"


@torch.no_grad()
def start_from_imagenet(
    network: Network, model: Mapping[str, Any], weights: Path | str, stem: str = "random"
) -> None:
    """Put the published `weights` of the encoder that `model` chose in its place, in place.

    All but the layers behind the frames (the encoder's IMAGENET_LEFT). A picture has three
    channels and a spectrogram one: the first convolution stays as drawn (`stem` "random": PSLA's
    text and code), or is the mean or the sum over the three. Of Flipout layers the posterior means
    are put there.

    Raises:
        UserError: the file is broken, or does not fit the encoder.
    """
    module = load(place(model, "encoder"))
    own = {_plain(name): value for name, value in network.encoder.state_dict().items()}
    own = {n: v for n, v in own.items() if not n.split(".")[-1].startswith(_FLIPOUT_ONLY)}
    published = read_published(weights).network
    kept = {n: v for n, v in published.items() if not n.startswith(module.IMAGENET_LEFT)}
    if hasattr(module, "imagenet_tensors"):
        theirs = module.imagenet_tensors(kept, own)
    else:
        theirs = {f"features.{n.removeprefix('features.')}": v for n, v in kept.items()}
    # Files of old torch versions lack these counters, which nothing here reads.
    theirs = {n: v for n, v in own.items() if n.endswith(_COUNTER)} | theirs
    first = next(iter(own))
    if first in theirs:
        theirs[first] = _one_channel(theirs[first], own[first], stem)
    check_fit(own, theirs, str(weights))
    for name, value in theirs.items():
        own[name].copy_(value)


def _one_channel(theirs: Tensor, drawn: Tensor, stem: str) -> Tensor:
    if stem == "random":
        return drawn
    return theirs.sum(1, keepdim=True) / (3 if stem == "mean" else 1)


def _plain(name: str) -> str:
    """What a tensor is called where layers are no Flipout layers."""
    before, _, last = name.rpartition(".")
    return f"{before}.{_POSTERIOR_MEANS.get(last, last)}"
