"""The Audio Spectrogram Transformer (Gong et al. 2021): a ViT on patches of the spectrogram.

Its layers are torchvision's, of ViT-B/16 by default. The thesis starts from DeiT-base-384, which
torchvision does not have: ImageNet's weights are those of its own ViT-B/16 here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.vision_transformer import EncoderBlock

from vipann.models.dropout import Dropout
from vipann.models.encoders._blocks import make_convertible
from vipann.models.network import AudioEncoder, Step
from vipann.registry import Rate

# torchvision's, IMAGENET1K_V1, of pictures of 224 x 224.
IMAGENET = {
    "file": "vit_b_16-c867db91.pth",
    "url": "https://download.pytorch.org/models/vit_b_16-c867db91.pth",
    "sha256": ["c867db91"],
}
IMAGENET_LEFT = ("heads.",)
IMAGENET_SETTINGS = {"width": 768, "layers": 12, "heads": 12, "feed_forward": 3072}
_PATCH = 16
# Of a clip: one patch.
LEAST_FRAMES = 16


@dataclass(frozen=True)
class Settings:
    """Of the config's `model.ast`."""

    width: Annotated[
        int, "Channels of a patch (thesis, §6.3).", {"minimum": 2, "maximum": 16384}
    ] = 768
    layers: Annotated[int, "Of attention (ViT-B).", {"minimum": 1, "maximum": 64}] = 12
    heads: Annotated[int, "Of a layer (ViT-B).", {"minimum": 1, "maximum": 64}] = 12
    feed_forward: Annotated[
        int, "Channels inside a layer (ViT-B).", {"minimum": 1, "maximum": 65536}
    ] = 3072
    time_stride: Annotated[
        int, "Frames from patch to patch (thesis, Table 6.3).", {"minimum": 1, "maximum": 16}
    ] = 10
    frequency_stride: Annotated[
        int, "Bands from patch to patch (thesis, Table 6.3).", {"minimum": 1, "maximum": 16}
    ] = 10
    columns: Annotated[
        int,
        "Patches in time with learned positions, 101 of 1,024 frames; others between them.",
        {"minimum": 1, "maximum": 4096},
    ] = 101
    class_tokens: Annotated[
        int,
        "Whose mean is the only frame (DeiT and AST: 2, ViT: 1); 0: frames are columns of patches.",
        {"minimum": 0, "maximum": 2},
    ] = 2
    dropout: Annotated[Rate, "Of tokens, weights of attention and layers; published: 0."] = 0.0


def fault(settings: Mapping[str, Any], bands: int) -> tuple[str, str] | None:
    """Which setting does not fit the others or the features' bands, and why."""
    heads, width = settings["heads"], settings["width"]
    if bands < 16:
        return "frequency_stride", f"patches are 16 bands high, and features have {bands}"
    return (
        ("heads", f"{heads} heads cannot share width ({width}) equally") if width % heads else None
    )


class Tokens(nn.Module):
    """Patches (B, E, rows, columns), with positions, behind class tokens: (B, 1 + rows * columns,
    E) with one of these.

    Positions are learned for a grid, and bilinear between its points for clips of other lengths.
    """

    def __init__(self, width: int, grid: tuple[int, int], class_tokens: int) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.empty(width, *grid))
        self.count = class_tokens
        if class_tokens:
            self.classes = nn.Parameter(torch.empty(class_tokens, width))
            self.class_positions = nn.Parameter(torch.empty(class_tokens, width))
        for parameter in self.parameters():
            nn.init.trunc_normal_(parameter, std=0.02)

    def forward(self, patches: Tensor) -> Tensor:
        tokens = (patches + resized(self.positions, patches.shape[2:])).flatten(2).transpose(1, 2)
        if not self.count:
            return tokens
        classes = (self.classes + self.class_positions).expand(len(tokens), -1, -1)
        return torch.cat([classes.to(tokens.dtype), tokens], dim=1)


class Encoder(AudioEncoder):
    """Log-mel (B, T, M) to frames: (B, 1, width) of class tokens or, without them, the means over
    frequency (B, 1 + (T - 16) // time_stride, width)."""

    def __init__(self, settings: Settings, bands: int) -> None:
        super().__init__()
        self.size, self.class_tokens = settings.width, settings.class_tokens
        stride = (settings.frequency_stride, settings.time_stride)
        self.rows = 1 + (bands - _PATCH) // settings.frequency_stride
        self.patches = nn.Conv2d(1, self.size, _PATCH, stride=stride)
        nn.init.trunc_normal_(self.patches.weight, std=1 / _PATCH)
        if self.patches.bias is not None:
            nn.init.zeros_(self.patches.bias)
        self.tokens = Tokens(self.size, (self.rows, settings.columns), settings.class_tokens)
        self.dropout = Dropout(settings.dropout)
        sizes = (settings.heads, self.size, settings.feed_forward)
        rates = (settings.dropout, settings.dropout)
        blocks = (EncoderBlock(*sizes, *rates) for _ in range(settings.layers))
        self.layers = nn.Sequential(*map(make_convertible, blocks))
        self.norm = nn.LayerNorm(self.size, eps=1e-6)

    def initialise(self) -> None:
        """torchvision has drawn the layers' start."""

    def embed(self, x: Tensor) -> Tensor:
        """(B, 1, T, M) to tokens (B, N, width): frequency is the height of the picture."""
        x = x.transpose(2, 3).contiguous(memory_format=self.memory_format)
        return self.tokens(self.patches(x))

    def attend(self, x: Tensor) -> Tensor:
        """Tokens to frames."""
        x = self.norm(self.layers(self.dropout(x)))
        if self.class_tokens:
            return x[:, : self.class_tokens].mean(dim=1, keepdim=True)
        return x.unflatten(1, (self.rows, -1)).mean(dim=1)

    def steps(self) -> list[Step]:
        return [
            (self.normalise, []),
            (self.embed, [self.patches, self.tokens]),
            (self.attend, [self.dropout, self.layers, self.norm]),
        ]


def resized(grid: Tensor, size: tuple[int, ...] | torch.Size) -> Tensor:
    """A grid (E, rows, columns) of another size: bilinear where it is larger or smaller."""
    if grid.shape[1:] == torch.Size(size):
        return grid
    return F.interpolate(grid.unsqueeze(0), tuple(size), mode="bilinear").squeeze(0)


def imagenet_tensors(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's tensors by our names; those that are unknown keep theirs.

    As AST does, the middle rows of positions are taken where the picture has more of them, and what
    is missing is interpolated. The class token is that of all of ours.
    """
    renamed = {"conv_proj.": "patches.", "encoder.ln.": "norm.", ".linear_1.": ".0."}
    renamed |= {"encoder.layers.encoder_layer_": "layers.", ".linear_2.": ".3."}
    made: dict[str, Tensor] = {}
    for name, value in state.items():
        for theirs, ours in renamed.items():
            name = name.replace(theirs, ours)
        if ".in_proj_" in name:
            for part, values in zip(("query", "key", "value"), value.chunk(3), strict=True):
                made[name.replace("in_proj_", f"{part}.")] = values
        elif name not in ("class_token", "encoder.pos_embedding"):
            made[name.replace(".out_proj.", ".out.")] = value
    if {"class_token", "encoder.pos_embedding"} <= state.keys():
        made |= _imagenet_tokens(state["class_token"], state["encoder.pos_embedding"][0], own)
    return made


def _imagenet_tokens(
    token: Tensor, positions: Tensor, own: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    side = round((len(positions) - 1) ** 0.5)
    grid = positions[1:].T.unflatten(1, (side, side))
    rows, columns = own["tokens.positions"].shape[1:]
    first = max(0, side - rows) // 2
    made = {"tokens.positions": resized(grid[:, first : first + rows], (rows, columns))}
    if "tokens.classes" in own:
        count = len(own["tokens.classes"])
        made["tokens.classes"] = token[0].expand(count, -1)
        made["tokens.class_positions"] = positions[:1].expand(count, -1)
    return made
