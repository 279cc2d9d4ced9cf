"""What encoders made from networks for images share: torchvision's layers on a spectrogram."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn
from torchvision import ops

from vipann.models.dropout import Dropout
from vipann.models.network import AudioEncoder, Step
from vipann.registry import Rate


@dataclass(frozen=True)
class ImageSettings:
    """What all of them can be told."""

    width: Annotated[
        float, "Factor of all its channels; 1 as published.", {"exclusiveMinimum": 0, "maximum": 4}
    ] = 1.0
    dropout: Annotated[Rate, "Of the frames."] = 0.0


@dataclass(frozen=True)
class DroppingSettings(ImageSettings):
    """With stochastic depth."""

    stochastic_depth: Annotated[Rate, "Of the last residual branch, rising from 0."] = 0.2
    stochastic_depth_in_monte_carlo: Annotated[
        bool, "Whether Monte Carlo dropout includes stochastic depth."
    ] = False


class StochasticDepth(Dropout):
    """Drops the whole residual branch of a clip (Huang et al. 2016), else scales it up: (B, ...) to
    the same. As torchvision's in mode "row", but that Monte Carlo can keep it on.
    """

    def forward(self, x: Tensor) -> Tensor:
        ones = torch.ones(len(x), *[1] * (x.dim() - 1), dtype=x.dtype, device=x.device)
        return x * super().forward(ones) if self.p else x


class ImageEncoder(AudioEncoder):
    """Spectrogram (B, T, M) to frames (B, T', size): the convolutional `layers` of a network for
    images, frequency its height and time its width, and the mean over frequency (PSLA, section
    II-C).

    The first convolution is made anew, for one channel. Networks for images have no dropout among
    their convolutions: `dropout` is that of the frames.
    """

    def __init__(self, layers: nn.Sequential, size: int, dropout: float) -> None:
        super().__init__()
        self.features, self.size = layers, size
        self.dropout = Dropout(dropout)
        name, first = next((n, m) for n, m in layers.named_modules() if isinstance(m, nn.Conv2d))
        geometry = {key: getattr(first, key) for key in ("kernel_size", "stride", "padding")}
        stem = nn.Conv2d(1, first.out_channels, **geometry, bias=False)
        he_normal(stem)
        layers.set_submodule(name, stem)

    def initialise(self) -> None:
        """torchvision has drawn the start (see `he_normal`)."""

    def blocks(self, x: Tensor) -> Tensor:
        """(B, 1, T, M) to (B, size, M', T')."""
        x = x.transpose(2, 3).contiguous(memory_format=self.memory_format)
        return self.features(x)

    def frames(self, x: Tensor) -> Tensor:
        return self.dropout(x.mean(dim=2).transpose(1, 2))

    def steps(self) -> list[Step]:
        return [
            (self.normalise, []),
            (self.blocks, [self.features]),
            (self.frames, [self.dropout]),
        ]


def name_stochastic_depth(layers: nn.Module, in_monte_carlo: bool) -> None:
    """Put our layer, in place, where blocks have torchvision's `stochastic_depth`."""
    for name, layer in list(layers.named_modules()):
        if isinstance(layer, ops.StochasticDepth):
            layers.set_submodule(name, StochasticDepth(layer.p, in_monte_carlo))


def he_normal(layers: nn.Module) -> None:
    """torchvision's start of convolutions: normal, by the outgoing fan (He et al. 2015)."""
    for layer in layers.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
