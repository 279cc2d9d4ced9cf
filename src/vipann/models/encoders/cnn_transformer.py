"""CNN + Transformer (thesis, section 6.3): TALNet with attention in the place of its GRU.

The published code (AudioTaggingDoneRight) applies one layer twice, and so the network has the
12.1 M parameters that Table 6.2 prints; two layers of their own weights make it 18.4 M. As
a Flipout layer, the shared one draws weights at each application, of one posterior.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from torch import Tensor, nn

from vipann.models.encoders._blocks import with_positions
from vipann.models.encoders._conv_stack import ConvSettings, ConvStack
from vipann.models.encoders.transformer import attention_layer
from vipann.models.network import AudioEncoder, Step
from vipann.registry import Rate

# Of a clip; two poolings halve their number.
LEAST_FRAMES = 4


@dataclass(frozen=True)
class Settings(ConvSettings):
    """Of the config's `model.cnn_transformer`."""

    layers: Annotated[int, "Of attention (thesis, §6.3).", {"minimum": 1, "maximum": 64}] = 2
    shared: Annotated[bool, "Whether they share their weights, as in the published code."] = True
    heads: Annotated[int, "Of a layer (thesis, §6.3).", {"minimum": 1, "maximum": 64}] = 8
    feed_forward: Annotated[
        int, "Channels inside a layer (published code).", {"minimum": 1, "maximum": 65536}
    ] = 1024
    dropout: Annotated[
        Rate, "Of weights of attention and of layers' outputs; published: 0.25 and, small, 0.75."
    ] = 0.25


def fault(settings: Mapping[str, Any], bands: int) -> tuple[str, str] | None:
    """Which setting does not fit the others or the features' bands, and why."""
    convolutions, poolings, width = (settings[k] for k in ("convolutions", "poolings", "width"))
    if convolutions % poolings:
        return "convolutions", f"{convolutions} is no multiple of poolings ({poolings})"
    if bands == 0 or bands % 2**poolings:
        return (
            "poolings",
            f"{poolings} halve frequency, and {bands} bands cannot be halved so often",
        )
    if 2 * width % bands:
        return "width", f"{width} does not fit {bands} bands: a multiple of {bands / 2:g} does"
    if width % settings["heads"]:
        return "heads", f"{settings['heads']} heads cannot share width ({width}) equally"
    return None


class Encoder(AudioEncoder):
    """Log-mel (B, T, M) to frames (B, T / 4, width); T / 2 with one pooling."""

    def __init__(self, settings: Settings, bands: int) -> None:
        super().__init__()
        self.size = settings.width
        self.convolutions = ConvStack(settings, bands)
        own = 1 if settings.shared else settings.layers
        self.times = settings.layers // own
        sizes = (self.size, settings.heads, settings.feed_forward, settings.dropout)
        self.layers = nn.Sequential(*(attention_layer(*sizes) for _ in range(own)))

    def convolve(self, x: Tensor) -> Tensor:
        return self.convolutions(with_positions(x), self.memory_format)

    def attend(self, x: Tensor) -> Tensor:
        for _ in range(self.times):
            x = self.layers(x)
        return x

    def steps(self) -> list[Step]:
        return [
            (self.normalise, []),
            (self.convolve, [self.convolutions]),
            (self.attend, [self.layers]),
        ]
