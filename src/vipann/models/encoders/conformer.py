"""The Conformer (Gulati et al. 2020): torchaudio's layers, attention and convolutions over time.

The thesis takes the large one of Srivastava et al. 2021, of which it prints twelve layers, 768
channels, twelve heads and 88.1 M parameters. The rest is not printed: 1,024 channels in the
feed-forward parts are the only usual number that comes to it, and a kernel of 15 frames comes to it
exactly, 88,114,703 with 64 bands and a linear head of 527 classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from torch import Tensor, nn
from torchaudio.models.conformer import ConformerLayer

from vipann.models.encoders._blocks import make_convertible
from vipann.models.network import AudioEncoder, Step
from vipann.registry import Rate


@dataclass(frozen=True)
class Settings:
    """Of the config's `model.conformer`."""

    width: Annotated[
        int, "Channels of a frame (thesis, §6.3).", {"minimum": 2, "maximum": 16384}
    ] = 768
    layers: Annotated[int, "Of attention (thesis, §6.3).", {"minimum": 1, "maximum": 64}] = 12
    heads: Annotated[int, "Of a layer (thesis, §6.3).", {"minimum": 1, "maximum": 64}] = 12
    feed_forward: Annotated[
        int, "Channels inside a layer (from Table 6.2).", {"minimum": 1, "maximum": 65536}
    ] = 1024
    kernel: Annotated[
        int, "Frames of a convolution, odd (from Table 6.2).", {"minimum": 1, "maximum": 255}
    ] = 15
    dropout: Annotated[Rate, "Of weights of attention and of layers' parts (Table 6.1)."] = 0.1


def fault(settings: Mapping[str, Any], bands: int) -> tuple[str, str] | None:
    """Which setting does not fit the others or the features' bands, and why."""
    heads, width, kernel = (settings[key] for key in ("heads", "width", "kernel"))
    if kernel % 2 == 0:
        return "kernel", f"{kernel} is not odd"
    return (
        ("heads", f"{heads} heads cannot share width ({width}) equally") if width % heads else None
    )


class Layer(ConformerLayer):
    """torchaudio's layer, batch first and without masks: (B, T, width) to the same."""

    def forward(self, x: Tensor, key_padding_mask: None = None) -> Tensor:
        x = x + 0.5 * self.ffn1(x)
        heard, _ = self.self_attn(self.self_attn_layer_norm(x))
        x = x + self.self_attn_dropout(heard)
        x = x + self.conv_module(x)
        return self.final_layer_norm(x + 0.5 * self.ffn2(x))


class Encoder(AudioEncoder):
    """Log-mel (B, T, M) to frames (B, T, width). Its convolutions tell the order of frames: there
    are no positions."""

    def __init__(self, settings: Settings, bands: int) -> None:
        super().__init__()
        self.size = settings.width
        self.linear = nn.Linear(bands, self.size)
        sizes = (self.size, settings.feed_forward, settings.heads, settings.kernel)
        layers = (Layer(*sizes, dropout=settings.dropout) for _ in range(settings.layers))
        self.layers = nn.Sequential(*map(make_convertible, layers))

    def initialise(self) -> None:
        """torch and torchaudio have drawn the start."""

    def embed(self, x: Tensor) -> Tensor:
        """(B, 1, T, M) to (B, T, width)."""
        return self.linear(x.squeeze(1))

    def steps(self) -> list[Step]:
        return [
            (self.normalise, []),
            (self.embed, [self.linear]),
            (self.layers, [self.layers]),
        ]
