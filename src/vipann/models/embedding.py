"""A network on embeddings that another network made: one vector a frame, a few frames a clip.

The shape is that of Kong et al.'s networks on AudioSet's released embeddings ("Weakly labelled
AudioSet tagging with attention neural networks", 2019): layers on each frame, pooling over time,
layers on the clip.
"""

from collections.abc import Mapping
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from vipann.models.dropout import Dropout
from vipann.models.network import Network, Step

Pooling = Literal["attention", "mean"]

_SMALLEST = 1e-7


class EmbeddingNetwork(Network):
    """Embeddings (B, T, M) to logits (B, classes).

    Two hidden layers of `hidden` channels on each frame, as 1x1 convolutions, each with batch norm,
    ReLU and dropout at the rate `conv`; then the mean over frames, or one weighted by attention:
    a sigmoid for each channel and frame, divided by its sum over frames. The head's fc1 has
    `hidden` outputs, its dropout the rate `linear`.
    """

    def __init__(
        self,
        classes: int,
        hidden: int,
        pooling: Pooling = "mean",
        bands: int = 128,
        dropout: Mapping[str, float] | None = None,
        output_dropout: bool = False,
    ) -> None:
        super().__init__()
        rates = {"conv": 0.5, "linear": 0.5} | dict(dropout or {})
        self.bn0 = nn.BatchNorm2d(bands)
        self.conv1 = nn.Conv2d(bands, hidden, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.dropout1 = Dropout(rates["conv"])
        self.conv2 = nn.Conv2d(hidden, hidden, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.dropout2 = Dropout(rates["conv"])
        self.attention = nn.Conv2d(hidden, hidden, 1) if pooling == "attention" else None
        self.add_head(hidden, hidden, classes, rates["linear"], output_dropout)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.lay_out(channels_last=True)

    def normalise(self, features: Tensor) -> Tensor:
        """Batch norm over the vectors' components: (B, T, M) to (B, 1, T, M)."""
        return self.bn0(features.unsqueeze(1).transpose(1, 3)).transpose(1, 3)

    def first_layer(self, x: Tensor) -> Tensor:
        """Normalised (B, 1, T, M) to (B, hidden, T, 1)."""
        x = x.transpose(1, 3).contiguous(memory_format=self.memory_format)
        return self.dropout1(F.relu_(self.bn1(self.conv1(x))))

    def second_layer(self, x: Tensor) -> Tensor:
        """(B, hidden, T, 1) to the same."""
        return self.dropout2(F.relu_(self.bn2(self.conv2(x))))

    def pool(self, x: Tensor) -> Tensor:
        """(B, hidden, T, 1) to the embedding (B, hidden)."""
        if self.attention is None:
            return x.mean(dim=(2, 3))
        weights = self.attention(x).sigmoid()
        return (x * weights).sum(dim=(2, 3)) / weights.sum(dim=(2, 3)).clamp(min=_SMALLEST)

    def backbone(self) -> list[Step]:
        """Normalisation, the two layers on each frame, pooling."""
        attention = [] if self.attention is None else [self.attention]
        return [
            (self.normalise, [self.bn0]),
            (self.first_layer, [self.conv1, self.bn1, self.dropout1]),
            (self.second_layer, [self.conv2, self.bn2, self.dropout2]),
            (self.pool, attention),
        ]
