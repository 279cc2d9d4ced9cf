"""A Transformer on the frames of a log-mel spectrogram (thesis, section 6.3), without convolutions.

The thesis prints its eight layers of eight heads and 28.5 M parameters, and not their width: of the
usual ones only 768, inside layers too, comes near (28,473,600 on 128 bands, without the head).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import torch.nn.functional as F
from torch import Tensor, nn

from vipann.models.dropout import Dropout
from vipann.models.encoders._blocks import make_convertible, with_positions
from vipann.models.network import AudioEncoder, Step
from vipann.registry import Rate


@dataclass(frozen=True)
class Settings:
    """Of the config's `model.transformer`."""

    width: Annotated[
        int, "Channels of a frame (from Table 6.2).", {"minimum": 2, "maximum": 16384}
    ] = 768
    layers: Annotated[int, "Of attention (thesis, §6.3).", {"minimum": 1, "maximum": 64}] = 8
    heads: Annotated[int, "Of a layer (thesis, §6.3).", {"minimum": 1, "maximum": 64}] = 8
    feed_forward: Annotated[
        int, "Channels inside a layer (from Table 6.2).", {"minimum": 1, "maximum": 65536}
    ] = 768
    pool: Annotated[
        int, "Frames of which the last max pooling makes one (code).", {"minimum": 1, "maximum": 64}
    ] = 4
    dropout: Annotated[Rate, "Of weights of attention and of layers' outputs (§6.3)."] = 0.1


def fault(settings: Mapping[str, Any], bands: int) -> tuple[str, str] | None:
    """Which setting does not fit the others or the features' bands, and why."""
    heads, width = settings["heads"], settings["width"]
    return (
        ("heads", f"{heads} heads cannot share width ({width}) equally") if width % heads else None
    )


def attention_layer(width: int, heads: int, feed_forward: int, dropout: float) -> nn.Module:
    """torch's layer of attention and two linear layers, each with residual and then layer norm:
    (B, T, width) to the same. As published, without dropout between the linear layers."""
    layer = nn.TransformerEncoderLayer(width, heads, feed_forward, dropout, batch_first=True)
    make_convertible(layer)
    layer.set_submodule("dropout", nn.Identity())
    return layer


class Encoder(AudioEncoder):
    """Log-mel (B, T, M) to frames (B, max(1, T // pool), width)."""

    def __init__(self, settings: Settings, bands: int) -> None:
        super().__init__()
        self.size, self.pool = settings.width, settings.pool
        self.linear = nn.Linear(bands, self.size)
        self.norm = nn.LayerNorm(self.size)
        self.dropout1 = Dropout(settings.dropout)
        sizes = (self.size, settings.heads, settings.feed_forward, settings.dropout)
        self.layers = nn.Sequential(*(attention_layer(*sizes) for _ in range(settings.layers)))
        self.dropout2 = Dropout(settings.dropout)

    def embed(self, x: Tensor) -> Tensor:
        """(B, 1, T, M), with its positions, to (B, T, width)."""
        return self.norm(self.linear(with_positions(x).squeeze(1)))

    def attend(self, x: Tensor) -> Tensor:
        """Frames to frames (B, T // pool, width)."""
        x = self.dropout2(self.layers(self.dropout1(x)))
        pool = min(self.pool, x.shape[1])
        return F.max_pool1d(x.transpose(1, 2), pool).transpose(1, 2)

    def steps(self) -> list[Step]:
        return [
            (self.normalise, []),
            (self.embed, [self.linear, self.norm]),
            (self.attend, [self.dropout1, self.layers, self.dropout2]),
        ]
