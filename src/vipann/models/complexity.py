"""How large the paper's networks are, by Table 1's own rule: parameters and MACs.

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

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import torch.nn.functional as F
from bayesian_torch.layers import Conv2dFlipout
from bayesian_torch.models.dnn_to_bnn import dnn_to_bnn
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from vipann.files import replacing
from vipann.models.bayesian import bayesian_torch_settings
from vipann.models.network import Network, trainable_parameters
from vipann.models.strategies import Strategy, build_network

PARTS = ("stft", "conv", "mel", "linear", "batch_norm", "avg_pool", "mean", "mul")

aten = torch.ops.aten
# Of these, torch counts a multiplication and an addition for each MAC.
_PRODUCTS = {aten.convolution: "conv", aten.mm: "linear", aten.addmm: "linear", aten.bmm: "linear"}
_BY_OUTPUT = {
    aten._native_batch_norm_legit_no_training: "batch_norm",
    aten.avg_pool2d: "avg_pool",
    aten.mean: "mean",
    aten.mul: "mul",
    aten.mul_: "mul",
}


def count_macs(module: nn.Module, *inputs: Tensor) -> dict[str, dict[str, int]]:
    """The MACs of `module(*inputs)`, without gradients, by module and by kind of operation.

    Put `module` and `inputs` on the device "meta" to compute nothing. Names of modules start with
    the class of `module`; "Global" has all. Attention and GRUs count as the products of matrices
    that they are: their fused forms, which torch has on some devices, are not used.
    """
    mapping = dict.fromkeys(_BY_OUTPUT, _output_size)
    counter = FlopCounterMode(display=False, custom_mapping=mapping)
    dead: list[int] = []
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs: dead.append(inputs[0].numel()))
        for layer in module.modules()
        if type(layer) is Conv2dFlipout
    ]
    unfused = sdpa_kernel(SDPBackend.MATH), torch.backends.cudnn.flags(enabled=False)
    with torch.no_grad(), unfused[0], unfused[1], counter:
        module(*inputs)
    for hook in hooks:
        hook.remove()
    found = {}
    for name, flops in counter.get_flop_counts().items():
        found[name] = macs = dict.fromkeys([*_PRODUCTS.values(), *_BY_OUTPUT.values()], 0)
        for operation, count in flops.items():
            kind = _PRODUCTS.get(operation)
            macs[kind or _BY_OUTPUT[operation]] += count // 2 if kind else count
    # bayesian-torch multiplies its input's signs into a variable that nothing uses, too.
    found["Global"]["mul"] -= sum(dead)
    return found


def _output_size(*_: Any, out_shape: Any, **__: Any) -> int:
    return prod(out_shape[0] if isinstance(out_shape[0], torch.Size) else out_shape)


class PublishedNetwork(nn.Module):
    """The forward pass of the published code: waveforms (B, n) to two outputs (B, classes).

    `features` are the settings of `logmel`. The published network applies fc_audioset twice, with
    and without dropout before it: the tagging output and the logits for transfer.
    """

    real: nn.Conv1d
    imaginary: nn.Conv1d

    def __init__(self, network: Network, features: Mapping[str, Any]) -> None:
        super().__init__()
        length, bins = features["window_length"], features["window_length"] // 2 + 1
        self.amin, self.padding = features["amin"], length // 2
        # The short-time Fourier transform is two convolutions.
        for part in ("real", "imaginary"):
            stft = nn.Conv1d(1, bins, length, stride=features["hop_length"], bias=False)
            self.add_module(part, stft)
        self.mel = nn.Linear(bins, features["mel_bands"], bias=False)
        self.network = network

    def logmel(self, waveform: Tensor) -> Tensor:
        """(B, n) to (B, T, mel_bands) in dB, T = 1 + n // hop_length."""
        centred = F.pad(waveform.unsqueeze(1), (self.padding, self.padding), mode="reflect")
        power = (self.real(centred) ** 2 + self.imaginary(centred) ** 2).transpose(1, 2)
        return 10.0 * self.mel(power).clamp(min=self.amin).log10()

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        head: Any = self.network.head
        embedding = self.network.embed(self.logmel(waveform))
        hidden = head.activation(head.fc1(head.dropout4(embedding)))
        return head.fc_audioset(hidden), head.fc_audioset(head.dropout5(hidden))


def published_network(
    strategy: Strategy, classes: int, settings: Mapping[str, Any]
) -> PublishedNetwork:
    """The published form of a strategy's network, in evaluation mode, on the device "meta".

    `settings` holds the `model` block of the paper's network, `bayesian` and, as `features`, the
    settings of its front end. In evaluation mode drop is det.
    """
    features, library = settings["features"], bayesian_torch_settings(settings["bayesian"], None)
    with torch.device("meta"), _EverythingOnMeta():
        network = build_network("det", classes, {**settings, "bands": features["mel_bands"]})
        if strategy in ("det_flip", "flip"):
            dnn_to_bnn(network.head if strategy == "det_flip" else network, library)
        # The published ConvBlock ends in a pooling, here of size 1: it changes nothing, but counts.
        encoder = network.encoder
        last = encoder.get_submodule("conv_block_after1")
        encoder.conv_block_after1 = nn.Sequential(last, nn.AvgPool2d(1))
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
    macs = count_macs(network, torch.empty(1, samples, device="meta"))
    parts = macs["Global"]
    stft = (macs[f"PublishedNetwork.{part}"]["conv"] for part in ("real", "imaginary"))
    parts["stft"] = sum(stft)
    parts["mel"] = macs["PublishedNetwork.mel"]["linear"]
    parts["conv"] -= parts["stft"]
    parts["linear"] -= parts["mel"]
    total = {"parameters": trainable_parameters(network.network), "macs": sum(parts.values())}
    return total | {part: parts[part] for part in PARTS}


def write_complexities(
    networks: Iterable[Any], settings: Mapping[str, Any], path: Path | str
) -> None:
    """Count `networks`, dataclasses with strategy, classes and clip_seconds, and write one csv row
    each: its description and all of `complexity`."""
    rows = [
        asdict(n) | complexity(n.strategy, n.classes, n.clip_seconds, settings) for n in networks
    ]
    with replacing(path) as beside:
        pd.DataFrame(rows).to_csv(beside, index=False, lineterminator="\n")


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
