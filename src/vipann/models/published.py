"""Weights as others publish them: .pth files of the PANNs', VI-PANN's and EfficientAT's authors."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from vipann.errors import UserError
from vipann.models.bayesian import to_flipout
from vipann.models.first_house import name_now
from vipann.models.flipout import LinearFlipout
from vipann.models.network import Network
from vipann.models.strategies import Strategy, build_network, check_fit
from vipann.parts import place
from vipann.registry import load

# All of them were trained on AudioSet, whose clips last so long.
CLIP_SECONDS = 10.0
_WRAPPERS = ("model", "state_dict")
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
    and `mel`, empty where the file lacks one of them. `dropped`: names of the tensors that this
    project makes itself: front end, SpecAugment, Flipout's noise and priors.
    """

    network: dict[str, Tensor]
    front_end: dict[str, np.ndarray]
    dropped: list[str]


def read_published(path: Path | str) -> Published:
    """Read a .pth file without running code from it.

    The tensors may lie under `model` or `state_dict`, and below `module.` as DataParallel names
    them.

    Raises:
        UserError: the file is broken, no state dict, holds code, or values that are not finite.
    """
    state = _tensors(_unpickle(path), path)
    while all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): value for name, value in state.items()}
    front_end = {part: state[name] for part, name in _FRONT_END.items() if name in state}
    if len(front_end) < len(_FRONT_END):
        front_end = {}
    dropped = [name for name in state if _is_dropped(name)]
    network = {name: value for name, value in state.items() if name not in dropped}
    broken = [name for name, value in network.items() if not torch.isfinite(value).all()]
    if broken:
        raise UserError(f"{path} holds values that are not finite in: {', '.join(broken)}")
    matrices = {
        # Convolution kernels (bins, 1, length) and a matrix (bins, mel_bands).
        part: value.float().squeeze(1).numpy() if part != "mel" else value.float().numpy()
        for part, value in front_end.items()
    }
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


def _unpickle(path: Path | str) -> Any:
    """What torch.save wrote, restricted to tensors, plain containers and numpy's arrays."""
    # The PANNs' training saves the state of its sampler, numpy arrays, beside the weights.
    arrays = [
        np.ndarray,
        np.dtype,
        *(getattr(np.dtypes, name) for name in np.dtypes.__all__),
        *(
            (getattr(np._core.multiarray, function), f"numpy.{core}.multiarray.{function}")  # type: ignore[attr-defined]
            for core in ("core", "_core")
            for function in ("_reconstruct", "scalar")
        ),
    ]
    try:
        with torch.serialization.safe_globals(arrays):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist") from error
    except Exception as error:  # torch raises anything on a file that is something else
        raise UserError(
            f"{path} is no file of weights: it is broken, or holds more than tensors, which is "
            f"refused because it could run code ({_reason(error)})"
        ) from error


def _reason(error: Exception) -> str:
    """The part of torch's long message that says what it met."""
    text = str(error).strip() or type(error).__name__
    met = re.search(r"WeightsUnpickler error:\s*(.+)", text)
    return met[1].partition(" was not an allowed")[0] if met else text.splitlines()[0]


def _unwrapped(content: Any) -> Any:
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            return _unwrapped(content[key])
    return content


def _tensors(content: Any, path: Path | str) -> dict[str, Tensor]:
    content = _unwrapped(content)
    if (
        not isinstance(content, Mapping)
        or not content
        or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items())
    ):
        what = f"the keys {sorted(map(str, content))[:5]}" if isinstance(content, Mapping) else ""
        raise UserError(
            f"{path} holds no state dict (tensors by name, perhaps under `model` or `state_dict`) "
            f"but {what or type(content).__name__}"
        )
    return dict(content)
