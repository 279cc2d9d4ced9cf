"""The convolutions that TALNet and CNN + Transformer share (thesis, section 6.3)."""

from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vipann.models.dropout import Dropout
from vipann.registry import Rate


@dataclass(frozen=True)
class ConvSettings:
    """Of the convolutions."""

    width: Annotated[
        int, "Channels of a frame (thesis, §6.3).", {"minimum": 2, "maximum": 16384}
    ] = 1024
    convolutions: Annotated[int, "3x3 each (thesis, §6.3).", {"minimum": 1, "maximum": 64}] = 10
    poolings: Annotated[
        int,
        "Max poolings between them: all halve frequency, the first two time too (thesis, §6.3).",
        {"minimum": 1, "maximum": 10},
    ] = 5
    conv_dropout: Annotated[Rate, "Before each convolution; published: 0."] = 0.0


class ConvBlock(nn.Module):
    """Dropout, a 3x3 convolution, batch norm, ReLU and, with a `pool`, max pooling of that size.

    (B, C, T, M) to (B, C', T', M'). The published convolutions have a bias before their batch norm.
    """

    def __init__(
        self, before: int, after: int, pool: tuple[int, int] | None, dropout: float
    ) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.conv = nn.Conv2d(before, after, 3, padding=1)
        self.bn = nn.BatchNorm2d(after)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.conv(self.dropout(x))))
        return x if self.pool is None else F.max_pool2d(x, self.pool)


class ConvStack(nn.Module):
    """Spectrogram (B, 1, T, M) to frames (B, T / 4, width); T / 2 with one pooling.

    A frame holds `width` values after each pooling, and twice as many before it: fewer bands, more
    channels.
    """

    def __init__(self, settings: ConvSettings, bands: int) -> None:
        super().__init__()
        every = settings.convolutions // settings.poolings
        before, layers = 1, []
        for number in range(1, settings.convolutions + 1):
            pool, after = None, 2 * settings.width // bands
            if number % every == 0:
                bands //= 2
                pool, after = (2 if number <= 2 * every else 1, 2), settings.width // bands
            layers.append(ConvBlock(before, after, pool, settings.conv_dropout))
            before = after
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor, memory_format: torch.memory_format) -> Tensor:
        x = self.layers(x.contiguous(memory_format=memory_format))
        return x.transpose(1, 2).flatten(2)
