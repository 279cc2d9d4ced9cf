"""Poolings over time: (..., T, C) to (..., C), of an encoder's frames or of classes' scores.

Each function or class without `_` in front is a choice of `model.pooling`; a class `AutoPool` is
`auto_pool` there. Its settings are its keyword-only parameters (`vipann.registry`), read from the
config's `model.<name>`. A class is a module made with the number of channels C:
`AutoPool(channels, *, ...)`.

With `OF_FRAMES` it pools scores by what it sees in the frames: made with the frames' E channels
too, as `Pool(classes, frame_channels, *, ...)`, it takes scores (..., T, scores) and frames
(..., T, E) to (..., classes); `scores` says how many the head makes of each frame.
"""

from typing import Annotated

import torch
from torch import Tensor, nn

_SMALLEST = 1e-7


def mean(frames: Tensor) -> Tensor:
    """The mean over time."""
    return frames.mean(dim=-2)


def maximum(frames: Tensor) -> Tensor:
    """The maximum over time.

    Its gradient reaches one frame (*Audio Visual Event Detection*, section 4.2.2).
    """
    return frames.amax(dim=-2)


def linear_softmax(scores: Tensor) -> Tensor:
    """A mean of scores, weighted by themselves: sum_t y_t^2 / sum_t y_t, y in [0, 1].

    Its gradient (2 y_t - y) / sum_t y_t, with y the pooled score, raises frames above y / 2 and
    lowers those below where the clip is positive (*Audio Visual Event Detection*, section 4.2.2).
    The published code (https://github.com/MaigoAkisame/cmu-thesis) has no floor, and no mean of
    frames whose scores all underflow to 0. Here no weight is below 1e-7, so that the mean is 0.
    """
    weights = scores.clamp(min=_SMALLEST)
    return (scores * weights).sum(dim=-2) / weights.sum(dim=-2)


def exp_softmax(scores: Tensor) -> Tensor:
    """A mean of scores, weighted by their exponentials: sum_t y_t exp(y_t) / sum_t exp(y_t).

    y in [0, 1]. Its gradient exp(y_t) (1 + y_t - y) / sum_t exp(y_t), with y the pooled score, is
    positive for all frames (*Audio Visual Event Detection*, section 4.2.2).
    """
    return (scores * scores.softmax(dim=-2)).sum(dim=-2)


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


class SoftmaxAttention(nn.Module):
    """A mean of scores, weighted by the softmax over time of a linear layer of the frames.

    Each class has its own weights. *Audio Visual Event Detection*, section 4.2.2, leaves open what
    makes them sum to 1, and names Kong et al. (2018), who divide by their sum, as
    `multi_head_attention` does with sigmoids; the published code of the chapter takes the softmax
    (https://github.com/MaigoAkisame/cmu-thesis).
    """

    OF_FRAMES = True

    def __init__(self, channels: int, frame_channels: int) -> None:
        super().__init__()
        self.scores = channels
        self.attention = nn.Linear(frame_channels, channels)

    def forward(self, scores: Tensor, frames: Tensor) -> Tensor:
        weights = self.attention(frames).softmax(dim=-2, dtype=scores.dtype)
        return (scores * weights).sum(dim=-2)


class MultiHeadAttention(nn.Module):
    """PSLA's (section II-C, figure 2): sum_h w_h sum_t a_htc y_htc, of H heads.

    y: scores in [0, 1]; a: sigmoids of a linear layer of the frames, divided by their sum over
    frames; w: learned, 1 / H at first, and not constrained: the sum may leave [0, 1]. The published
    code trains no w where H is 1, and draws the layers' start otherwise. `outside` of `outputs`
    were not in [0, 1] in evaluation mode.
    """

    OF_FRAMES = True

    def __init__(
        self,
        channels: int,
        frame_channels: int,
        *,
        heads: Annotated[int, "How many (PSLA, §II-C).", {"minimum": 1, "maximum": 64}] = 4,
    ) -> None:
        super().__init__()
        self.scores = channels * heads
        self.attention = nn.Linear(frame_channels, self.scores)
        weights = torch.full((heads,), 1 / heads)
        self.head_weight = nn.Parameter(weights) if heads > 1 else None
        self.outputs, self.outside = 0, torch.zeros((), dtype=torch.long)

    def forward(self, scores: Tensor, frames: Tensor) -> Tensor:
        weights = self.attention(frames).float().sigmoid().clamp(_SMALLEST, 1 - _SMALLEST)
        pooled = (scores * weights).sum(dim=-2) / weights.sum(dim=-2)
        if self.head_weight is None:
            return pooled
        heads = pooled.unflatten(-1, (len(self.head_weight), -1))
        out = (heads * self.head_weight[:, None]).sum(dim=-2)
        if not self.training:
            self.outputs += out.numel()
            self.outside = self.outside.to(out.device) + ((out < 0) | (out > 1)).sum()
        return out

    def of_classes(self, scores: Tensor) -> Tensor:
        """Scores (..., heads * classes) of a frame to one a class, (..., classes) in [0, 1]: the
        heads' weighted sum, as over a clip."""
        if self.head_weight is None:
            return scores
        heads = scores.unflatten(-1, (len(self.head_weight), -1))
        return (heads * self.head_weight[:, None]).sum(dim=-2).clamp(0.0, 1.0)
