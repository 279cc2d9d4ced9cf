"""The PANN ResNet-54 on log-mel input, with the names of the published checkpoints.

The default sizes are the paper's (103,340,786 trainable parameters with 50 classes, Table 1);
smaller ones give the same network for small machines.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

import torch.nn.functional as F
from torch import Tensor, nn

from vipann.errors import UserError
from vipann.models.dropout import Dropout
from vipann.models.network import AudioEncoder, Step, xavier
from vipann.registry import Rate

EXPANSION = 4
# Of a clip; the network's strides and pooling leave nothing of fewer.
LEAST_FRAMES = 32


@dataclass(frozen=True)
class Settings:
    """Of the config's `model.resnet54`."""

    width: Annotated[
        int,
        "Channels of the stem; a frame has 32 times as many (Table 1).",
        {"minimum": 2, "maximum": 256},
    ] = 64
    blocks: Annotated[
        list[Annotated[int, {"minimum": 1, "maximum": 64}]],
        "Bottlenecks per residual stage (Table 1).",
        {"minItems": 4, "maxItems": 4},
    ] = field(default_factory=lambda: [3, 4, 6, 3])
    dropout: Annotated[Rate, "After the stem, the stages and the last convolutions (§3.4)."] = 0.2
    block_dropout: Annotated[Rate, "Inside each bottleneck (published code)."] = 0.1
    block_dropout_in_monte_carlo: Annotated[
        bool, "Whether Monte Carlo dropout includes that one (published code: no)."
    ] = False


class ConvBlock(nn.Module):
    """Two 3x3 convolutions, each with batch norm and ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.bn1(self.conv1(x)))
        return F.relu_(self.bn2(self.conv2(x)))


class Bottleneck(nn.Module):
    """Residual bottleneck; a strided block halves its input by 2x2 average pooling."""

    def __init__(self, in_channels: int, channels: int, stride: int, dropout: Dropout) -> None:
        super().__init__()
        out_channels = channels * EXPANSION
        self.stride = stride
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.dropout = dropout
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample = self._shortcut(in_channels, out_channels, stride)

    @staticmethod
    def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
        if stride == 1 and in_channels == out_channels:
            return None
        pool = [nn.AvgPool2d(2)] if stride == 2 else []
        conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        return nn.Sequential(*pool, conv, nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        if self.stride == 2:
            x = F.avg_pool2d(x, 2)
        x = F.relu_(self.bn1(self.conv1(x)))
        x = F.relu_(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(self.dropout(x)))
        return F.relu_(x + shortcut)


class ResidualStages(nn.Module):
    """The four residual stages; the last three halve time and frequency."""

    def __init__(self, width: int, blocks: Sequence[int], dropout: Callable[[], Dropout]) -> None:
        super().__init__()
        channels = width
        for stage, count in enumerate(blocks, start=1):
            inner = width * 2 ** (stage - 1)
            layers = []
            for block in range(count):
                stride = 2 if stage > 1 and block == 0 else 1
                layers.append(Bottleneck(channels, inner, stride, dropout()))
                channels = inner * EXPANSION
            self.add_module(f"layer{stage}", nn.Sequential(*layers))

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.children():
            x = stage(x)
        return x


class Encoder(AudioEncoder):
    """The PANN ResNet-54 up to its pooling: log-mel (B, T, mel_bands) in dB to frames
    (B, T // 32, 32 * width)."""

    def __init__(self, settings: Settings, bands: int) -> None:
        super().__init__()
        self.size = settings.width * 8 * EXPANSION
        inner = partial(Dropout, settings.block_dropout, settings.block_dropout_in_monte_carlo)
        self.bn0 = nn.BatchNorm2d(bands)
        self.conv_block1 = ConvBlock(1, settings.width)
        self.dropout1 = Dropout(settings.dropout)
        self.resnet = ResidualStages(settings.width, settings.blocks, inner)
        self.dropout2 = Dropout(settings.dropout)
        self.conv_block_after1 = ConvBlock(self.size, self.size)
        self.dropout3 = Dropout(settings.dropout)

    def initialise(self) -> None:
        """Xavier-uniform weights, and zero scale at the end of each residual branch."""
        xavier(self)
        for module in self.modules():
            if isinstance(module, Bottleneck):
                nn.init.zeros_(module.bn3.weight)

    def normalise(self, features: Tensor) -> Tensor:
        """Batch norm over the mel bands: (B, T, mel_bands) to (B, 1, T, mel_bands)."""
        x = self.bn0(features.unsqueeze(1).transpose(1, 3)).transpose(1, 3)
        return x.contiguous(memory_format=self.memory_format)

    def stem(self, x: Tensor) -> Tensor:
        """Normalised (B, 1, T, mel_bands) to (B, width, T // 2, mel_bands // 2)."""
        if x.shape[2] < LEAST_FRAMES:
            raise UserError(
                f"a clip of {x.shape[2]} frames is too short for this network, which needs "
                f"{LEAST_FRAMES}: raise `clip_seconds` of the dataset or lower the front end's "
                "`hop_length`"
            )
        return F.avg_pool2d(self.conv_block1(x), 2)

    def trunk(self, x: Tensor) -> Tensor:
        """The stem's output to frames (B, T // 32, 32 * width), the mean over frequency."""
        x = self.dropout2(F.avg_pool2d(self.resnet(self.dropout1(x)), 2))
        return self.dropout3(self.conv_block_after1(x)).mean(dim=3).transpose(1, 2)

    def steps(self) -> list[Step]:
        """All dropout is in the last one."""
        trunk = [self.dropout1, self.resnet, self.dropout2, self.conv_block_after1, self.dropout3]
        return [
            (self.normalise, [self.bn0]),
            (self.stem, [self.conv_block1]),
            (self.trunk, trunk),
        ]
