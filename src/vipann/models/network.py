"""A network: an encoder, a pooling over time and a head, whatever they are.

Every part's layers with weights are Conv2d and Linear, which Flipout can replace, and its dropout
is `vipann.models.dropout.Dropout`, which Monte Carlo dropout can keep on. What else has weights, a
GRU say, stays deterministic (`vipann.models.bayesian.deterministic_layers`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

Step = tuple[Callable[[Tensor], Tensor], list[nn.Module]]
Pooled = Literal["frames", "scores"]


class AudioEncoder(nn.Module, ABC):
    """Features (B, T, M), as a features file holds them, or waveforms (B, S), to frames (B, T', E).

    An encoder is a module of `vipann.models.encoders` with a dataclass `Settings` and a class
    `Encoder(settings, bands)`, which derives from this one and sets `size`, which is E; `bands` is
    M (0 for waveforms). The module declares `TAKES_WAVEFORMS = True` if it does, and may declare
    the `LEAST_FRAMES` T, or samples S, that it takes, or a function `least_frames(settings)`, how
    its published weights are read (see mn04) or ImageNet's (see ast), and a function
    `fault(settings, bands)` that says which setting does not fit, and why, or None. Both functions
    use builtins only, for they are called before anything is imported.
    """

    size: int
    memory_format: torch.memory_format = torch.contiguous_format

    def normalise(self, features: Tensor) -> Tensor:
        """Features to the (B, 1, T, M), or (B, 1, S), on which SpecAugment and mixup act."""
        return features.unsqueeze(1)

    @abstractmethod
    def steps(self) -> list[Step]:
        """The forward pass from features to frames (B, T', E), in order; `normalise` comes first.

        Each step comes with the modules that it runs through: what lies before the first random
        layer is computed once for all Monte Carlo samples.
        """

    def initialise(self) -> None:
        """Draw the weights' start."""
        xavier(self)


class Network(nn.Module):
    """Features (B, T, M) or waveforms (B, S) to logits (B, classes).

    `pooling` takes what it pools, (..., T', C), to (..., C); a head takes an embedding (..., E) to
    logits (..., classes). With `pooled` "frames" the encoder's frames are pooled to one embedding
    of a clip; with "scores" the head judges each frame, and its classes' sigmoids are pooled, some
    (`OF_FRAMES`) by what the frames hold. What leaves [0, 1] by that is clamped.
    """

    def __init__(
        self,
        encoder: AudioEncoder,
        pooling: Callable[..., Tensor],
        head: nn.Module,
        classes: int,
        pooled: Pooled = "frames",
    ) -> None:
        super().__init__()
        self.encoder, self.pooling, self.head = encoder, pooling, head
        self.classes, self.pooled = classes, pooled
        encoder.initialise()
        for part in (pooling, head):
            if isinstance(part, nn.Module):
                getattr(part, "initialise", partial(xavier, part))()
        self.lay_out(channels_last=True)

    def lay_out(self, channels_last: bool) -> None:
        """Choose the memory format of all that the convolutions read and write.

        The whole network follows the layout of its input. Channels last, its convolutions are 1.2
        to 1.7 times as fast on a CPU.
        """
        memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.encoder.memory_format = memory_format
        self.to(memory_format=memory_format)  # type: ignore[call-overload]

    def weigh_latest_batch(self, momentum: float) -> None:
        """Give the latest batch the share `momentum`, in (0, 1], of batch norm's statistics."""
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = momentum

    def backbone(self) -> list[Step]:
        """The forward pass up to `classify`, which the fixed phase of transfer leaves as it is."""
        if self.pooled == "scores":
            return self.encoder.steps()
        pooling = [self.pooling] if isinstance(self.pooling, nn.Module) else []
        return [*self.encoder.steps(), (self.pooling, pooling)]

    def renewed(self) -> dict[str, nn.Module]:
        """By name, what transfer starts anew and trains while the backbone is frozen (section 3.5):
        the head and, where that depends on the classes, the pooling."""
        parts = {"head": self.head}
        if self.pooled == "scores" and isinstance(self.pooling, nn.Module):
            parts["pooling"] = self.pooling
        return parts

    def stages(self) -> list[Step]:
        """The forward pass in order, each step with the modules that it runs through."""
        return [*self.backbone(), (self.classify, list(self.renewed().values()))]

    def embed(self, features: Tensor, augment: Callable[[Tensor], Tensor] | None = None) -> Tensor:
        """Features to what `classify` takes: the embedding (B, E) of a clip, which can be kept
        while the backbone is frozen; its frames (B, T', E) where scores are pooled."""
        (normalise, _), *steps = self.backbone()
        x = normalise(features)
        if augment is not None:
            x = augment(x)
        for step, _ in steps:
            x = step(x)
        return x

    def classify(self, embedding: Tensor) -> Tensor:
        """Embedding (..., E), or frames (..., T', E), to logits (..., classes)."""
        if self.pooled == "frames":
            return self.head(embedding)
        return self._pool(self._judge(embedding), embedding)

    def classify_frames(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (..., T', E) to the logits of `classify`, (..., classes), and each frame's scores,
        (..., T', classes) in [0, 1]: by the same draws, where the head draws. Scores are pooled.

        A pooling of several scores a class says by `of_classes` what a frame's score is.
        """
        scores = self._judge(frames)
        merge = getattr(self.pooling, "of_classes", None)
        return self._pool(scores, frames), merge(scores) if merge else scores

    def _judge(self, frames: Tensor) -> Tensor:
        return self.head(frames).float().sigmoid()

    def _pool(self, scores: Tensor, frames: Tensor) -> Tensor:
        of_frames = getattr(self.pooling, "OF_FRAMES", False)
        pooled = self.pooling(scores, frames) if of_frames else self.pooling(scores)
        return torch.logit(pooled.float(), eps=1e-6)

    def clamped_share(self) -> float:
        """Of all outputs so far, in evaluation mode, the share that was clamped to [0, 1]."""
        outside, outputs = (getattr(self.pooling, name, 0) for name in ("outside", "outputs"))
        return float(outside) / outputs if outputs else 0.0

    def forward(
        self, features: Tensor, augment: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        """Logits (B, classes); `augment` acts on what `normalise` makes, as in the PANNs."""
        return self.classify(self.embed(features, augment))


def xavier(part: nn.Module) -> None:
    """Xavier-uniform weights and zero biases of all convolutions and linear layers."""
    for module in part.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def trainable_parameters(model: nn.Module) -> int:
    """Number of trainable values, as Table 1 counts them."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
