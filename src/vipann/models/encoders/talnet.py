"""TALNet (Wang, Li and Metze 2019), the thesis's CRNN: ten convolutions and a bidirectional GRU.

The GRU stays deterministic in Flipout networks: bayesian-torch has no layer for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from torch import Tensor, nn

from vipann.models.dropout import Dropout
from vipann.models.encoders._conv_stack import ConvSettings, ConvStack
from vipann.models.network import AudioEncoder, Step, xavier
from vipann.registry import Rate

# Of a clip; two poolings halve their number.
LEAST_FRAMES = 4


@dataclass(frozen=True)
class Settings(ConvSettings):
    """Of the config's `model.talnet`."""

    dropout: Annotated[Rate, "Before and after the GRU; published: 0."] = 0.0


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
    if 2 * width % bands or width % 2:
        return (
            "width",
            f"{width} does not fit {bands} bands: an even multiple of {bands / 2:g} does",
        )
    return None


class Encoder(AudioEncoder):
    """Log-mel (B, T, M) to frames (B, T / 4, width); T / 2 with one pooling."""

    def __init__(self, settings: Settings, bands: int) -> None:
        super().__init__()
        self.size = settings.width
        self.convolutions = ConvStack(settings, bands)
        self.dropout1 = Dropout(settings.dropout)
        half = self.size // 2
        self.gru = nn.GRU(self.size, half, batch_first=True, bidirectional=True)
        self.dropout2 = Dropout(settings.dropout)

    def initialise(self) -> None:
        """Xavier-uniform convolutions, orthogonal matrices and zero biases in the GRU."""
        xavier(self)
        for parameter in self.gru.parameters():
            if parameter.dim() == 2:
                nn.init.orthogonal_(parameter)
            else:
                nn.init.zeros_(parameter)

    def convolve(self, x: Tensor) -> Tensor:
        return self.convolutions(x, self.memory_format)

    def recur(self, x: Tensor) -> Tensor:
        """Frames to frames (B, T', width), each of what comes before and after it."""
        return self.dropout2(self.gru(self.dropout1(x))[0])

    def steps(self) -> list[Step]:
        return [
            (self.normalise, []),
            (self.convolve, [self.convolutions]),
            (self.recur, [self.dropout1, self.gru, self.dropout2]),
        ]
