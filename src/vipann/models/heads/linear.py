"""One linear layer, as PSLA's networks have it: of the embedding, or of each frame."""

import math
from dataclasses import dataclass
from typing import Annotated

from torch import Tensor, nn

from vipann.models.dropout import Dropout
from vipann.models.network import xavier
from vipann.registry import Rate


@dataclass(frozen=True)
class Settings:
    """Of the config's `model.linear`."""

    dropout: Annotated[Rate, "Before the layer."] = 0.0
    start_probability: Annotated[
        float | None,
        "Of each class before training: the layer's biases start at its log odds (Lin et al. 2017, "
        "section 4.1: 0.01 where classes are rare); null for 0.5.",
        {"exclusiveMinimum": 0, "exclusiveMaximum": 1},
    ] = None


class Head(nn.Module):
    """Embedding (..., size) to logits (..., classes); see `two_layers` for the arguments."""

    OUTPUT = "fc"

    def __init__(self, size: int, classes: int, settings: Settings, output_dropout: bool) -> None:
        super().__init__()
        self.dropout = Dropout(settings.dropout)
        self.fc = nn.Linear(size, classes)
        self.start = settings.start_probability

    def initialise(self) -> None:
        xavier(self)
        self.start_bias()

    def start_bias(self) -> None:
        """Put the layer's biases to the log odds of `start_probability`, where that is set."""
        if self.start is not None:
            nn.init.constant_(self.fc.bias, math.log(self.start / (1 - self.start)))

    def forward(self, embedding: Tensor) -> Tensor:
        return self.fc(self.dropout(embedding))
