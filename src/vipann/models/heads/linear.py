"""One linear layer, as PSLA's networks have it: of the embedding, or of each frame."""

from dataclasses import dataclass
from typing import Annotated

from torch import Tensor, nn

from vipann.models.dropout import Dropout
from vipann.registry import Rate


@dataclass(frozen=True)
class Settings:
    """Of the config's `model.linear`."""

    dropout: Annotated[Rate, "Before the layer."] = 0.0


class Head(nn.Module):
    """Embedding (..., size) to logits (..., classes); see `two_layers` for the arguments."""

    OUTPUT = "fc"

    def __init__(self, size: int, classes: int, settings: Settings, output_dropout: bool) -> None:
        super().__init__()
        self.dropout = Dropout(settings.dropout)
        self.fc = nn.Linear(size, classes)

    def forward(self, embedding: Tensor) -> Tensor:
        return self.fc(self.dropout(embedding))
