"""The head of the PANNs and of VI-PANN: two linear layers, fc1 and fc_audioset."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from vipann.models.dropout import Dropout
from vipann.registry import Rate

_ACTIVATIONS = {"relu": F.relu, "hardswish": F.hardswish}


@dataclass(frozen=True)
class Settings:
    """Of the config's `model.two_layers`."""

    hidden: Annotated[int | None, "Outputs of fc1; null for as many as it has inputs (§3.1)."] = (
        None
    )
    activation: Annotated[Literal["relu", "hardswish"], "After fc1."] = "relu"
    dropout: Annotated[Rate, "Before fc1 and, in transfer and from scratch, after it (§3.4)."] = 0.5


class Head(nn.Module):
    """Embedding (..., size) to logits (..., classes).

    `output_dropout`: whether there is dropout after fc1 too, as the published networks have it for
    transfer and not for tagging. `OUTPUT` names the layer whose outputs are the classes.
    """

    OUTPUT = "fc_audioset"

    def __init__(self, size: int, classes: int, settings: Settings, output_dropout: bool) -> None:
        super().__init__()
        hidden = settings.hidden or size
        self.activation = _ACTIVATIONS[settings.activation]
        self.dropout4 = Dropout(settings.dropout)
        self.fc1 = nn.Linear(size, hidden)
        self.dropout5 = Dropout(settings.dropout if output_dropout else 0.0)
        self.fc_audioset = nn.Linear(hidden, classes)

    def forward(self, embedding: Tensor) -> Tensor:
        hidden = self.activation(self.fc1(self.dropout4(embedding)))
        return self.fc_audioset(self.dropout5(hidden))
