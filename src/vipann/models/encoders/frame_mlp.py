"""Layers on each frame, for frames that another network made: released embeddings.

Two of them are the shape of Kong et al.'s networks on AudioSet's released embeddings ("Weakly
labelled AudioSet tagging with attention neural networks", 2019); 512, 512, 256 and 128 channels
that of *Audio Visual Event Detection* (section 4.2.3), on one vector a second.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

import torch.nn.functional as F
from torch import Tensor, nn

from vipann.models.dropout import Dropout
from vipann.models.network import AudioEncoder, Step
from vipann.registry import Rate


@dataclass(frozen=True)
class Settings:
    """Of the config's `model.frame_mlp`."""

    hidden: Annotated[int, "Channels of each layer.", {"minimum": 2, "maximum": 16384}] = 1024
    layers: Annotated[
        list[int] | None,
        "Channels of each layer in order, in the place of `hidden`; null for two layers of that.",
        {
            "minItems": 1,
            "maxItems": 16,
            "items": {"type": "integer", "minimum": 2, "maximum": 16384},
        },
    ] = None
    dropout: Annotated[Rate, "After each layer."] = 0.5


class Encoder(AudioEncoder):
    """Vectors (B, T, M) to frames (B, T, channels of the last layer): 1x1 convolutions conv1, conv2
    and so on, each with batch norm, ReLU and dropout."""

    def __init__(self, settings: Settings, bands: int) -> None:
        super().__init__()
        self.bn0 = nn.BatchNorm2d(bands)
        sizes = settings.layers or 2 * [settings.hidden]
        channels, self.numbers = bands, range(1, len(sizes) + 1)
        for number, size in zip(self.numbers, sizes, strict=True):
            self.add_module(f"conv{number}", nn.Conv2d(channels, size, 1, bias=False))
            self.add_module(f"bn{number}", nn.BatchNorm2d(size))
            self.add_module(f"dropout{number}", Dropout(settings.dropout))
            channels = size
        self.size = channels

    def normalise(self, features: Tensor) -> Tensor:
        """Batch norm over the vectors' components: (B, T, M) to (B, 1, T, M)."""
        return self.bn0(features.unsqueeze(1).transpose(1, 3)).transpose(1, 3)

    def layer(self, x: Tensor, number: int) -> Tensor:
        """A layer of (B, C, T, 1), whose first takes the normalised (B, 1, T, M) and whose last
        gives frames (B, T, size)."""
        if number == 1:
            x = x.transpose(1, 3).contiguous(memory_format=self.memory_format)
        for module in self._modules_of(number):
            x = F.relu_(module(x)) if isinstance(module, nn.BatchNorm2d) else module(x)
        return x.squeeze(3).transpose(1, 2) if number == self.numbers[-1] else x

    def _modules_of(self, number: int) -> list[nn.Module]:
        return [self.get_submodule(f"{kind}{number}") for kind in ("conv", "bn", "dropout")]

    def steps(self) -> list[Step]:
        layers = [(partial(self.layer, number=n), self._modules_of(n)) for n in self.numbers]
        return [(self.normalise, [self.bn0]), *layers]
