"""How large the paper's networks are, by Table 1's own rule: parameters and MACs.

`count_macs` looks at the operations that a module executes, on shapes alone: no data, no weights.
The rule, which gives all nine MACs of Table 1, is that of the package torchprofile:

- a convolution counts numel(output) times numel(one filter), a matrix product n x m x p; biases
  and additions count nothing;
- an elementwise `mul`, an affine batch norm, average pooling and `mean` count numel(output);
- everything else counts nothing (activations, random draws, exp, log), nor does an operation whose
  result nothing uses.

What Table 1 counted is the published network, `PublishedNetwork`: one clip as a waveform, in
evaluation mode, where dropout is the identity, with bayesian-torch's own Flipout layers. Those draw
delta = sigma * eps over all weights and multiply signs into inputs and outputs: Flip costs 1.97
times Drop, not 2. Our lean layers (`vipann.models.flipout`) do the same with other operations.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from bayesian_torch.models.dnn_to_bnn import bnn_linear_layer, dnn_to_bnn
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.module_tracker import ModuleTracker

from vipann.files import replacing
from vipann.models.bayesian import bayesian_torch_settings
from vipann.models.network import HEAD_LAYERS, trainable_parameters
from vipann.models.resnet54 import ResNet54
from vipann.models.strategies import Strategy, build_network

PARTS = ("stft", "conv", "mel", "linear", "batch_norm", "avg_pool", "mean", "mul")

aten = torch.ops.aten
_KINDS = {
    aten.convolution: "conv",
    aten.mm: "linear",
    aten.addmm: "linear",
    aten.bmm: "linear",
    aten.native_batch_norm: "batch_norm",
    aten.avg_pool2d: "avg_pool",
    aten.mean: "mean",
    aten.mul: "mul",
    aten.mul_: "mul",
}
# Besides these, views, random draws, pointwise operations other than `mul` and what makes or copies
# a tensor are free.
_FREE = {aten._unsafe_view, aten.amax, aten.copy_, aten.reflection_pad1d}


@dataclass(frozen=True)
class SizedNetwork:
    """A network whose size is counted, and the clips that it hears.

    table: where it is shown, "1", or "1_variants" for what the paper does not print. dataset: in
    the paper's spelling.
    """

    table: str
    dataset: str
    strategy: Strategy
    classes: int
    clip_seconds: float


@dataclass(frozen=True)
class Operation:
    """A counted operation: its kind, the name of the innermost module around it, its MACs."""

    kind: str
    module: str
    macs: int


def count_macs(module: nn.Module, *inputs: Tensor) -> list[Operation]:
    """The operations by which `module(*inputs)`, without gradients, reaches its output, in order.

    Put `module` and `inputs` on the device "meta" to compute nothing. Module names start with the
    class of `module`: "ResNet54.resnet.layer1.0.conv1".

    Raises:
        NotImplementedError: an operation that the rule above does not speak of.
    """
    recorder = _Recorder()
    with torch.no_grad(), recorder, recorder.modules:
        output = module(*inputs)
    return recorder.needed_for(output)


class STFT(nn.Module):
    """Short-time Fourier transform as two convolutions: (B, n) to two of (B, bins, T)."""

    def __init__(self, window_length: int, hop_length: int) -> None:
        super().__init__()
        bins, shape = window_length // 2 + 1, {"stride": hop_length, "bias": False}
        self.padding = window_length // 2
        self.real = nn.Conv1d(1, bins, window_length, **shape)
        self.imaginary = nn.Conv1d(1, bins, window_length, **shape)

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        centred = F.pad(waveform.unsqueeze(1), (self.padding, self.padding), mode="reflect")
        return self.real(centred), self.imaginary(centred)


class PublishedNetwork(nn.Module):
    """The forward pass of the published code: waveforms (B, n) to two outputs (B, classes).

    `features` is the config's block. The published network applies fc_audioset twice, with and
    without dropout before it: the tagging output and the logits for transfer.
    """

    def __init__(self, network: ResNet54, features: Mapping[str, Any]) -> None:
        super().__init__()
        window, hop = features["window_length"], features["hop_length"]
        self.amin = features["amin"]
        self.stft = STFT(window, hop)
        self.mel = nn.Linear(window // 2 + 1, features["mel_bands"], bias=False)
        self.network = network

    def logmel(self, waveform: Tensor) -> Tensor:
        """(B, n) to (B, T, mel_bands) in dB, T = 1 + n // hop_length."""
        real, imaginary = self.stft(waveform)
        power = (real**2 + imaginary**2).transpose(1, 2)
        return 10.0 * self.mel(power).clamp(min=self.amin).log10()

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        net = self.network
        embedding = net.trunk(net.stem(net.normalise(self.logmel(waveform))))
        hidden = F.relu_(net.fc1(net.dropout4(embedding)))
        return net.fc_audioset(hidden), net.fc_audioset(net.dropout5(hidden))


def published_network(
    strategy: Strategy, classes: int, settings: Mapping[str, Any]
) -> PublishedNetwork:
    """The published form of a strategy's network, in evaluation mode, on the device "meta".

    `settings` holds the config's `model`, `bayesian` and `features`. In evaluation mode
    drop is det.
    """
    features, library = settings["features"], bayesian_torch_settings(settings["bayesian"], None)
    with torch.device("meta"), _EverythingOnMeta():
        network = build_network("det", classes, settings | {"mel_bands": features["mel_bands"]})
        if strategy == "det_flip":
            for name in HEAD_LAYERS:
                setattr(network, name, bnn_linear_layer(library, getattr(network, name)))
        elif strategy == "flip":
            dnn_to_bnn(network, library)
        # The published ConvBlock ends in a pooling, here of size 1: it changes nothing, but counts.
        network.conv_block_after1 = nn.Sequential(network.conv_block_after1, nn.AvgPool2d(1))
        return PublishedNetwork(network, features).eval()


def complexity(
    strategy: Strategy, classes: int, clip_seconds: float, settings: Mapping[str, Any]
) -> dict[str, int]:
    """`parameters` (trainable), `macs` (of one clip) and the `PARTS` that these are the sum of.

    stft and mel are the front end's convolutions and matrix product; settings: as for
    `published_network`.
    """
    network = published_network(strategy, classes, settings)
    samples = round(clip_seconds * settings["features"]["sample_rate"])
    parts = dict.fromkeys(PARTS, 0)
    for operation in count_macs(network, torch.empty(1, samples, device="meta")):
        parts[_part(operation)] += operation.macs
    total = {"parameters": trainable_parameters(network.network), "macs": sum(parts.values())}
    return total | parts


def write_complexities(
    networks: Iterable[SizedNetwork], settings: Mapping[str, Any], path: Path | str
) -> None:
    """Count `networks` and write one csv row each: its description and all of `complexity`."""
    rows = [
        asdict(n) | complexity(n.strategy, n.classes, n.clip_seconds, settings) for n in networks
    ]
    with replacing(path) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _part(operation: Operation) -> str:
    _, *inside = operation.module.split(".")
    return inside[0] if inside and inside[0] in ("stft", "mel") else operation.kind


@dataclass(frozen=True)
class _Step:
    operation: Operation
    reads: list[Tensor]
    writes: list[Tensor]


class _Recorder(TorchDispatchMode):
    """Notes every operation below autograd, with the tensors that it reads and writes."""

    def __init__(self) -> None:
        super().__init__()
        self.modules = ModuleTracker()
        self._steps: list[_Step] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        reads, writes = _tensors((args, kwargs)), _tensors(result)
        kind = _kind(func)
        around = max(self.modules.parents - {"Global"}, key=len, default="")
        operation = Operation(kind, around, _macs(kind, args, writes[0]) if kind else 0)
        # The steps hold on to their tensors: the address of a storage is its name.
        self._steps.append(_Step(operation, reads, writes))
        return result

    def needed_for(self, output: Any) -> list[Operation]:
        """The counted operations without those whose results the output does not depend on."""
        needed = _storages(_tensors(output))
        live = []
        for step in reversed(self._steps):
            if needed & _storages(step.writes):
                needed |= _storages(step.reads)
                live.append(step.operation)
        return [operation for operation in reversed(live) if operation.kind]


class _EverythingOnMeta(TorchDispatchMode):
    """Tensors are made on "meta", also by `torch.Tensor(sizes)`, which knows no device.

    bayesian-torch makes its parameters so: a full network takes 80 ms instead of 4 s.
    """

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if "device" in kwargs:
            kwargs["device"] = torch.device("meta")
        return func(*args, **kwargs)


def _kind(func: Any) -> str:
    """The operation's kind, "" if it is free."""
    if kind := _KINDS.get(func.overloadpacket):
        return kind
    free_tags = {torch.Tag.pointwise, torch.Tag.nondeterministic_seeded}
    makes_a_tensor = any(argument.name == "device" for argument in func._schema.arguments)
    if func.is_view or makes_a_tensor or free_tags & set(func.tags):
        return ""
    if func.overloadpacket in _FREE:
        return ""
    raise NotImplementedError(f"no rule says how many MACs {func} is: see vipann.models.complexity")


def _macs(kind: str, args: tuple, output: Tensor) -> int:
    if kind == "conv":
        return output.numel() * args[1].shape[1:].numel()
    if kind == "linear":
        return output.numel() * _tensors(args)[-1].shape[-2]
    if kind == "batch_norm" and args[1] is None:
        return 0
    return output.numel()


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _storages(tensors: Iterable[Tensor]) -> set[int]:
    return {tensor.untyped_storage()._cdata for tensor in tensors}
