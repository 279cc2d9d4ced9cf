"""Two layers on each frame, for frames that another network made: released embeddings.

The shape is that of Kong et al.'s networks on AudioSet's released embeddings ("Weakly labelled
AudioSet tagging with attention neural networks", 2019).
"""

from dataclasses import dataclass
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
    dropout: Annotated[Rate, "After each layer."] = 0.5


class Encoder(AudioEncoder):
    """Vectors (B, T, M) to frames (B, T, hidden): two 1x1 convolutions, each with batch norm, ReLU
    and dropout."""

    def __init__(self, settings: Settings, bands: int) -> None:
        super().__init__()
        self.size = settings.hidden
        self.bn0 = nn.BatchNorm2d(bands)
        self.conv1 = nn.Conv2d(bands, self.size, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(self.size)
        self.dropout1 = Dropout(settings.dropout)
        self.conv2 = nn.Conv2d(self.size, self.size, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(self.size)
        self.dropout2 = Dropout(settings.dropout)

    def normalise(self, features: Tensor) -> Tensor:
        """Batch norm over the vectors' components: (B, T, M) to (B, 1, T, M)."""
        return self.bn0(features.unsqueeze(1).transpose(1, 3)).transpose(1, 3)

    def first_layer(self, x: Tensor) -> Tensor:
        """Normalised (B, 1, T, M) to (B, hidden, T, 1)."""
        x = x.transpose(1, 3).contiguous(memory_format=self.memory_format)
        return self.dropout1(F.relu_(self.bn1(self.conv1(x))))

    def second_layer(self, x: Tensor) -> Tensor:
        """(B, hidden, T, 1) to frames (B, T, hidden)."""
        x = self.dropout2(F.relu_(self.bn2(self.conv2(x))))
        return x.squeeze(3).transpose(1, 2)

    def steps(self) -> list[Step]:
        return [
            (self.normalise, [self.bn0]),
            (self.first_layer, [self.conv1, self.bn1, self.dropout1]),
            (self.second_layer, [self.conv2, self.bn2, self.dropout2]),
        ]
