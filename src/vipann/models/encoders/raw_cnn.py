"""M3, M5, M11, M18 and M34-res: very deep convolutional networks on waveforms (thesis, chapter 3).

Tables 3.1, 3.4 and 3.5. With `pooling: mean`, `head: linear` and 10 classes they have 221,194,
559,114, 1,786,442, 3,683,786 and 3,978,490 trainable parameters (printed: 0.2, 0.5, 1.8, 3.7 and
4 M), M3-big and M5-big 479,242 and 2,199,562 (0.5 and 2.2 M), M3-fc and M5-fc 129,234,634 and
17,953,994 (129 and 18 M). For M11-fc and M18-fc Table 3.5 prints 1.8 and 8.7 M, where what the text
says of them gives 19,181,322 and 21,078,666. 1.8 M are M11's without such layers; 8.79 M would come
of M18 with one more maximum over 4 steps before them. We do as the text says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, starmap
from typing import Annotated, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from vipann.models.dropout import Dropout
from vipann.models.network import AudioEncoder, Step
from vipann.registry import Rate

TAKES_WAVEFORMS = True
# Maxima over so many steps come after all stages but the fifth.
POOL, UNPOOLED = 4, 5
# Of each stage: filters of a layer, layers (of m34_res: blocks of two); Table 3.1.
STAGES: dict[str, list[tuple[int, int]]] = {
    "m3": [(256, 1), (256, 1)],
    "m5": [(128, 1), (128, 1), (256, 1), (512, 1)],
    "m11": [(64, 1), (64, 2), (128, 2), (256, 3), (512, 2)],
    "m18": [(64, 1), (64, 4), (128, 4), (256, 4), (512, 4)],
    "m34_res": [(48, 1), (48, 3), (96, 4), (192, 6), (384, 3)],
}


@dataclass(frozen=True)
class Settings:
    """Of the config's `model.raw_cnn`."""

    architecture: Annotated[
        Literal["m3", "m5", "m11", "m18", "m34_res"], "A column of Table 3.1."
    ] = "m18"
    width: Annotated[
        float,
        "Factor of all its filters; `-big`: 1.5 of m3 and 2 of m5 (Table 3.4).",
        {"exclusiveMinimum": 0, "maximum": 4},
    ] = 1.0
    first_filter: Annotated[
        int,
        "Samples of the first layer's filters, 10 ms at 8 kHz; `-srf`: 8, `-lrf`: 320 (Table 3.3).",
        {"minimum": 1, "maximum": 65536},
    ] = 80
    first_stride: Annotated[
        int, "Samples from one of its outputs to the next.", {"minimum": 1, "maximum": 4096}
    ] = 4
    batch_norm: Annotated[bool, "After each layer; `-no-bn`: false (Table 3.6)."] = True
    dropout: Annotated[Rate, "After each stage; the thesis has none there."] = 0.0
    fully_connected: Annotated[
        list[Annotated[int, {"minimum": 1, "maximum": 65536}]] | None,
        "Outputs of layers that see the whole of a clip, in the place of pooling; `-fc`: 1000, "
        "1000 (Table 3.5).",
        {"minItems": 1, "maxItems": 8},
    ] = None
    fully_connected_dropout: Annotated[Rate, "After each of them."] = 0.3
    fully_connected_samples: Annotated[
        int, "Length of the clips that they are made for: 4 s at 8 kHz.", {"minimum": 1}
    ] = 32000


def least_frames(settings: Mapping) -> int:
    """Samples of which something is left."""
    return settings["fully_connected_samples"] if settings["fully_connected"] else 1


def filled_up(x: Tensor, length: int, stride: int) -> Tensor:
    """(B, C, T, 1) with zeros at both ends, as TensorFlow's "same": ceil(T / stride) windows of
    `length` fit."""
    steps = x.shape[2]
    missing = max(0, (-(-steps // stride) - 1) * stride + length - steps)
    return F.pad(x, (0, 0, missing // 2, missing - missing // 2)) if missing else x


class Layer(nn.Module):
    """A convolution over time, batch norm and, where it is `activated`, ReLU: of (B, C, T, 1)."""

    def __init__(
        self, in_channels: int, channels: int, batch_norm: bool, activated: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, (3, 1), padding=(1, 0))
        self.bn = nn.BatchNorm2d(channels) if batch_norm else nn.Identity()
        self.activated = activated

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(x))
        return F.relu_(x) if self.activated else x


class ResidualBlock(nn.Module):
    """Two layers and a shortcut around them (Figure 3.1b): of (B, C, T, 1).

    Where the channels become more, the shortcut's are repeated, which takes no parameters. The
    thesis does not say how; the public philipperemy/very-deep-convnets-raw-waveforms does so on
    the authors' advice. It has another batch norm after the sum, which the thesis does not mention.
    """

    def __init__(self, in_channels: int, channels: int, batch_norm: bool) -> None:
        super().__init__()
        self.channels, self.times = channels, -(-channels // in_channels)
        self.layer1 = Layer(in_channels, channels, batch_norm)
        self.layer2 = Layer(channels, channels, batch_norm, activated=False)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x.repeat_interleave(self.times, dim=1)[:, : self.channels]
        return F.relu_(self.layer2(self.layer1(x)) + shortcut)


class MaxOverTime(nn.Module):
    """The maximum of every 4 steps of what is not negative: (B, C, T, 1) to (B, C, T / 4, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(filled_up(x, POOL, POOL), (POOL, 1))


class FullyConnected(nn.Module):
    """Linear layers, each with batch norm, ReLU and dropout, on each run of `frames` frames:
    (B, T, C) to (B, T - frames + 1, outputs)."""

    def __init__(
        self, channels: int, frames: int, outputs: Sequence[int], settings: Settings
    ) -> None:
        super().__init__()
        self.frames, rate = frames, settings.fully_connected_dropout
        norm = nn.BatchNorm1d if settings.batch_norm else nn.Identity
        self.linear = nn.ModuleList(starmap(nn.Linear, pairwise([channels * frames, *outputs])))
        self.norm = nn.ModuleList(norm(size) for size in outputs)
        self.dropout = nn.ModuleList(Dropout(rate) for _ in outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = x.unfold(1, self.frames, 1).flatten(2)
        for linear, norm, dropout in zip(self.linear, self.norm, self.dropout, strict=True):
            x = dropout(F.relu_(norm(linear(x).transpose(1, 2)).transpose(1, 2)))
        return x


class Encoder(AudioEncoder):
    """Waveforms (B, S) to frames (B, T', size): of 32,000 samples 500 for m3, else 32.

    What is strided is filled up with zeros at both ends, as TensorFlow does it: of 32,000 samples
    come 8000, 2000, 500, 125 and 32 steps.
    """

    def __init__(self, settings: Settings, bands: int) -> None:
        super().__init__()
        self.length, self.stride = settings.first_filter, settings.first_stride
        (first, _), *later = [
            (max(1, round(settings.width * filters)), count)
            for filters, count in STAGES[settings.architecture]
        ]
        self.conv1 = nn.Conv2d(1, first, (self.length, 1), stride=(self.stride, 1))
        self.bn1 = nn.BatchNorm2d(first) if settings.batch_norm else nn.Identity()
        self.pool1 = MaxOverTime()
        self.stages = nn.ModuleList()
        block = ResidualBlock if settings.architecture == "m34_res" else Layer
        for number, (channels, count) in enumerate(later, start=2):
            pairs = pairwise([first, *[channels] * count])
            layers = [block(*pair, settings.batch_norm) for pair in pairs]
            pool = [MaxOverTime()] if number != UNPOOLED else []
            self.stages.append(nn.Sequential(Dropout(settings.dropout), *layers, *pool))
            first = channels
        self.dropout = Dropout(settings.dropout)
        self.size, self.fully_connected = first, None
        if outputs := settings.fully_connected:
            self.fully_connected = FullyConnected(first, _frames(settings), outputs, settings)
            self.size = outputs[-1]

    def first_layer(self, x: Tensor) -> Tensor:
        """Waveforms (B, 1, S) to (B, C, T, 1)."""
        x = x.unsqueeze(3).contiguous(memory_format=self.memory_format)
        x = self.conv1(filled_up(x, self.length, self.stride))
        return self.pool1(F.relu_(self.bn1(x)))

    def frames(self, x: Tensor) -> Tensor:
        """(B, C, T', 1) to frames (B, T', size)."""
        x = self.dropout(x).squeeze(3).transpose(1, 2)
        return x if self.fully_connected is None else self.fully_connected(x)

    def steps(self) -> list[Step]:
        last = [self.dropout, *filter(None, [self.fully_connected])]
        return [
            (self.normalise, []),
            (self.first_layer, [self.conv1, self.bn1]),
            *((stage, [stage]) for stage in self.stages),
            (self.frames, last),
        ]


def _frames(settings: Settings) -> int:
    """Of a clip that the fully connected layers are made for."""
    frames = -(-settings.fully_connected_samples // settings.first_stride)
    for _ in range(min(len(STAGES[settings.architecture]), UNPOOLED - 1)):
        frames = -(-frames // POOL)
    return frames
