"""What every backbone offers to training, transfer and prediction."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vipann.models.dropout import Dropout

HEAD_LAYERS = ("fc1", "fc_audioset")

Step = tuple[Callable[[Tensor], Tensor], list[nn.Module]]


class Network(nn.Module, ABC):
    """Features (B, T, M), as a features file holds them, to logits (B, classes).

    A backbone makes one embedding (B, E) of a clip; a head of two layers, `fc1` and `fc_audioset`,
    which transfer replaces, makes logits of it. Its layers with weights are Conv2d and Linear,
    which Flipout can replace, and its dropout is `vipann.models.dropout.Dropout`, which Monte
    Carlo dropout can keep on. A subclass calls `add_head` and `lay_out` and lists its
    `backbone`.
    """

    activation: ClassVar[Callable[[Tensor], Tensor]] = staticmethod(F.relu)

    def lay_out(self, channels_last: bool) -> None:
        """Choose the memory format of all that the convolutions read and write."""
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.to(memory_format=self.memory_format)

    def weigh_latest_batch(self, momentum: float) -> None:
        """Give the latest batch the share `momentum`, in (0, 1], of batch norm's statistics."""
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = momentum

    def add_head(
        self, embedding: int, hidden: int, classes: int, rate: float, output_dropout: bool
    ) -> None:
        """Add the head; dropout at `rate` before fc1 and, if `output_dropout`, after it."""
        self.dropout4 = Dropout(rate)
        self.fc1 = nn.Linear(embedding, hidden)
        self.dropout5 = Dropout(rate if output_dropout else 0.0)
        self.fc_audioset = nn.Linear(hidden, classes)

    @abstractmethod
    def normalise(self, features: Tensor) -> Tensor:
        """Features (B, T, M) to the (B, 1, T, M) on which SpecAugment and mixup act."""

    @abstractmethod
    def backbone(self) -> list[Step]:
        """From `normalise` on to the embedding (B, E), in order; the first step is `normalise`.

        Each step comes with the modules that it runs through: what lies before the first random
        layer is computed once for all Monte Carlo samples.
        """

    def classify(self, embedding: Tensor) -> Tensor:
        """Head: embedding (..., E) to logits (..., classes)."""
        hidden = self.activation(self.fc1(self.dropout4(embedding)))
        return self.fc_audioset(self.dropout5(hidden))

    def head(self) -> list[nn.Module]:
        """What transfer replaces and trains while the backbone is frozen (section 3.5)."""
        return [self.dropout4, self.fc1, self.dropout5, self.fc_audioset]

    def stages(self) -> list[Step]:
        """The forward pass in order, each step with the modules that it runs through."""
        return [*self.backbone(), (self.classify, self.head())]

    def embed(self, features: Tensor, augment: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Features (B, T, M) to the embedding (B, E) before the head."""
        (normalise, _), *steps = self.backbone()
        x = normalise(features)
        if augment is not None:
            x = augment(x)
        for step, _ in steps:
            x = step(x)
        return x

    def forward(
        self, features: Tensor, augment: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        """Logits (B, classes); `augment` acts on what `normalise` makes, as in the PANNs."""
        return self.classify(self.embed(features, augment))


def trainable_parameters(model: nn.Module) -> int:
    """Number of trainable values, as Table 1 counts them."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
