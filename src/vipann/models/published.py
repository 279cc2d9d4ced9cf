"""Weights as others publish them: .pth files of the PANNs', VI-PANN's and EfficientAT's authors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vipann.errors import UserError
from vipann.models.bayesian import to_flipout
from vipann.models.first_house import name_now
from vipann.models.flipout import LinearFlipout
from vipann.models.network import Network
from vipann.models.strategies import Strategy, build_network, check_fit
from vipann.models.weight_files import read_tensors, refuse_unfit
from vipann.parts import place
from vipann.registry import load

# All of them were trained on AudioSet, whose clips last so long.
CLIP_SECONDS = 10.0
_FRONT_END = {
    "real": "spectrogram_extractor.stft.conv_real.weight",
    "imaginary": "spectrogram_extractor.stft.conv_imag.weight",
    "mel": "logmel_extractor.melW",
}
_NOT_OURS = ("spectrogram_extractor.", "logmel_extractor.", "spec_augmenter.")
_BUFFERS = ("eps_", "prior_")
_BY_SGD_STEP = ".num_batches_tracked"


class Published(NamedTuple):
    """A published file, taken apart.

    `network`: tensors by their published names. `front_end`: numpy matrices `real`, `imaginary`
    and, where the file has it, `mel`, and the `precision` that they were saved in: arguments of
    `vipann.features.saved_matrices.differences`; empty where the file lacks an STFT. `dropped`:
    names of the tensors that this project makes itself: front end, SpecAugment, Flipout's noise
    and priors.
    """

    network: dict[str, Tensor]
    front_end: dict[str, Any]
    dropped: list[str]


def read_published(path: Path | str) -> Published:
    """Read a .pth file without running code from it.

    Raises:
        UserError: see `read_tensors`.
    """
    state = read_tensors(path)
    front_end = {part: state[name] for part, name in _FRONT_END.items() if name in state}
    if not {"real", "imaginary"} <= front_end.keys():
        front_end = {}
    dropped = [name for name in state if _is_dropped(name)]
    network = {name: value for name, value in state.items() if name not in dropped}
    refuse_unfit(network | {_FRONT_END[part]: value for part, value in front_end.items()}, path)
    matrices: dict[str, Any] = {
        # Convolution kernels (bins, 1, length) and a matrix (bins, mel_bands).
        part: value.float().squeeze(1).numpy() if part != "mel" else value.float().numpy()
        for part, value in front_end.items()
    }
    if matrices:
        matrices["precision"] = max(torch.finfo(value.dtype).eps for value in front_end.values())
    return Published(network, matrices, dropped)


def network_from(
    strategy: Strategy, published: Published, settings: Mapping[str, Any], source: str
) -> Network:
    """The upstream network in the form of `strategy` (det, drop, flip) with published weights.

    det and drop: deterministic weights. flip: a file of bayesian-torch's Flipout layers (`mu_*`,
    `rho_*`); priors are those of `settings`. The head may be deterministic in it, as in the file of
    VI-PANN's authors; it becomes a Flipout one by MOPED (section 3.1), which is without effect on
    transfer: it starts the head anew.

    Raises:
        UserError: the tensors don't fit the network; missing and surplus names are all listed.
    """
    encoder = load(place(settings["model"], "encoder"))
    renamed = getattr(encoder, "PUBLISHED_NAMES", {})
    state = {_own_name(name, renamed): value for name, value in published.network.items()}
    is_flipout = any(name.split(".")[-1] in ("mu_kernel", "mu_weight") for name in state)
    if is_flipout != (strategy == "flip"):
        kind, right = ("Flipout", "flip") if is_flipout else ("deterministic", "det")
        raise UserError(
            f"{source} holds a {kind} network: name it as pretrain.checkpoints.{right}, not as "
            f"pretrain.checkpoints.{strategy}. Where `flip` is null, MOPED makes it from `det`."
        )
    if is_flipout and settings["moped"]["prior"] == "weights":
        raise UserError(
            f"{source} holds no priors, and moped.prior: weights needs the deterministic weights "
            "that it was trained from. Set moped.prior: unit, as it was published."
        )
    output = load(place(settings["model"], "head")).Head.OUTPUT
    names = [f"head.{output}.{part}" for part in ("weight", "mu_weight")]
    classes = [state[name] for name in names if name in state]
    if not classes:
        raise UserError(f"{source} has no {output}, the published networks' output layer")
    network = build_network(strategy, len(classes[0]), settings)
    own = network.state_dict()
    if is_flipout:
        layers = [name for name, m in network.head.named_children() if isinstance(m, LinearFlipout)]
        _bayesian_head(layers, state, settings)
        state |= {k: v for k, v in own.items() if k.split(".")[-1].startswith("prior_")}
    # Files of old torch versions lack these counters, which nothing here reads.
    state = {k: v for k, v in own.items() if k.endswith(_BY_SGD_STEP)} | state
    check_fit(own, state, source)
    network.load_state_dict(state, strict=True)
    return network


def _own_name(published: str, renamed: Mapping[str, str]) -> str:
    for theirs, ours in renamed.items():
        published = published.replace(theirs, ours)
    return name_now(published)


def _bayesian_head(
    layers: list[str], state: dict[str, Tensor], settings: Mapping[str, Any]
) -> None:
    """Turn the deterministic `layers` of the head in a Flipout network's state, in place."""
    for name in layers:
        weight, bias = (state.get(f"head.{name}.{part}") for part in ("weight", "bias"))
        if weight is None or bias is None or weight.dim() != 2:
            continue
        layer = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            layer.weight.copy_(state.pop(f"head.{name}.weight"))
            layer.bias.copy_(state.pop(f"head.{name}.bias"))
        head = nn.ModuleDict({name: layer})
        to_flipout(head, settings["bayesian"], settings["moped"]["delta"])
        state |= {f"head.{key}": value for key, value in head.state_dict().items()}
        print(f"{name} is deterministic in the file: a Flipout layer by MOPED")


def _is_dropped(name: str) -> bool:
    return name.startswith(_NOT_OURS) or name.split(".")[-1].startswith(_BUFFERS)
