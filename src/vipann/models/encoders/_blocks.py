"""What encoders with attention share: torch's blocks made of layers that Flipout and Monte Carlo
dropout can reach, and positions in time."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vipann.models.dropout import Dropout


class SelfAttention(nn.Module):
    """Scaled dot-product self-attention of several heads (Vaswani et al. 2017): (B, T, E) to the
    same.

    torch's nn.MultiheadAttention keeps three of its four layers in one tensor, which is no
    nn.Linear. This one has four, and stands in its place in the blocks of torch, torchvision and
    torchaudio: it takes what they pass, batch first and without masks.

    Raises:
        ValueError: `width` is no multiple of `heads`.
    """

    batch_first = True
    in_proj_bias = None  # so that torch's encoder layer leaves its fused path, for packed weights

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{width} channels cannot be shared by {heads} heads")
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.dropout = Dropout(dropout)

    def forward(self, query: Tensor, *_: Tensor, **__: Any) -> tuple[Tensor, None]:
        """The output, and no weights."""
        of_heads = [
            layer(query).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        ]
        mixed = self._mix(*of_heads)
        return self.out(mixed.transpose(1, 2).flatten(2)), None

    def _mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Of (B, heads, T, E / heads)."""
        if not self.dropout.is_active:
            return F.scaled_dot_product_attention(query, key, value)
        # torch's fused operation draws its dropout for the batch, and not for each clip.
        weights = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])
        return self.dropout(weights.softmax(dim=3)) @ value


class ConvOverTime(nn.Module):
    """nn.Conv1d as an nn.Conv2d of height T and width 1: (B, C, T) to (B, C', T')."""

    def __init__(self, conv: nn.Conv1d) -> None:
        super().__init__()
        geometry: dict[str, Any] = {
            "kernel_size": (conv.kernel_size[0], 1),
            "stride": (conv.stride[0], 1),
            "padding": (int(conv.padding[0]), 0),
            "dilation": (conv.dilation[0], 1),
        }
        channels, bias = (conv.in_channels, conv.out_channels), conv.bias is not None
        self.conv = nn.Conv2d(*channels, **geometry, groups=conv.groups, bias=bias)
        copy_weights(conv.weight.unsqueeze(3), conv.bias, self.conv)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x.unsqueeze(3)).squeeze(3)


def make_convertible(block: nn.Module) -> nn.Module:
    """Replace, in place, what Flipout or Monte Carlo dropout cannot reach by what they can, with
    the same weights and output: nn.MultiheadAttention, nn.Conv1d and nn.Dropout below `block`.

    Attention is batch first afterwards, whatever it was.
    """
    for name, layer in list(block.named_modules()):
        for kind, replacement in _REPLACED.items():
            if isinstance(layer, kind):
                block.set_submodule(name, replacement(layer).train(layer.training))
    return block


def _unpacked(packed: nn.MultiheadAttention) -> SelfAttention:
    attention = SelfAttention(packed.embed_dim, packed.num_heads, packed.dropout)
    layers = (attention.query, attention.key, attention.value)
    assert packed.in_proj_weight is not None
    parts = zip(packed.in_proj_weight.chunk(3), packed.in_proj_bias.chunk(3), layers, strict=True)
    for weight, bias, layer in parts:
        copy_weights(weight, bias, layer)
    copy_weights(packed.out_proj.weight, packed.out_proj.bias, attention.out)
    return attention


_REPLACED: dict[type[nn.Module], Callable[[Any], nn.Module]] = {
    nn.MultiheadAttention: _unpacked,
    nn.Conv1d: ConvOverTime,
    nn.Dropout: lambda layer: Dropout(layer.p),
}


@torch.no_grad()
def copy_weights(weight: Tensor, bias: Tensor | None, layer: Any) -> None:
    layer.weight.copy_(weight)
    if bias is not None:
        layer.bias.copy_(bias)


def with_positions(x: Tensor) -> Tensor:
    """(B, 1, T, M) times sqrt(M), plus sines and cosines of the time (thesis, section 6.3).

    PE(t, 2i) = sin(t / 10000^(2i / M)) and PE(t, 2i + 1) = cos of the same (Vaswani et al. 2017).
    """
    frames, bands = x.shape[2:]
    time = torch.arange(frames, device=x.device, dtype=torch.float32).unsqueeze(1)
    band = torch.arange(bands, device=x.device)
    angles = time * 10000.0 ** (-(band - band % 2) / bands)
    positions = torch.where(band % 2 == 0, angles.sin(), angles.cos())
    return x * math.sqrt(bands) + positions.to(x.dtype)
