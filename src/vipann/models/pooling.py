"""Poolings over time: (..., T, C) to (..., C), of an encoder's frames or of classes' scores.

Each function or class without `_` in front is a choice of `model.pooling`; a class `AutoPool` is
`auto_pool` there. Its settings are its keyword-only parameters (`vipann.registry`), read from the
config's `model.<name>`. A class is a module made with the number of channels C:
`AutoPool(channels, *, ...)`.
"""

from torch import Tensor, nn

_SMALLEST = 1e-7


def mean(frames: Tensor) -> Tensor:
    """The mean over time."""
    return frames.mean(dim=-2)


def max_plus_mean(frames: Tensor) -> Tensor:
    """The maximum plus the mean over time, as the PANNs pool (Kong et al. 2020)."""
    return frames.amax(dim=-2) + frames.mean(dim=-2)


class Attention(nn.Module):
    """A mean with a weight for each channel and frame: a sigmoid, divided by its sum over frames.

    As in Kong et al., "Weakly labelled AudioSet tagging with attention neural networks" (2019).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = nn.Conv2d(channels, channels, 1)

    def forward(self, frames: Tensor) -> Tensor:
        x = frames.flatten(0, -3).transpose(1, 2).unsqueeze(3)
        weights = self.attention(x).sigmoid()
        total = weights.sum(dim=(2, 3)).clamp(min=_SMALLEST)
        return ((x * weights).sum(dim=(2, 3)) / total).unflatten(0, frames.shape[:-2])
