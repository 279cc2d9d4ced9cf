"""Dropout that can stay on at inference, for Monte Carlo dropout (Gal and Ghahramani 2016)."""

import torch.nn.functional as F
from torch import Tensor, nn

from vipann.models.draws import drawing_for_clips, kept


class Dropout(nn.Module):
    """Dropout at rate `p`, active in training and, with `monte_carlo`, at inference too.

    `in_block` marks the dropout inside the bottlenecks, which the published code keeps off in
    Monte Carlo mode.
    """

    def __init__(self, p: float, in_block: bool = False) -> None:
        super().__init__()
        self.p = p
        self.in_block = in_block
        self.monte_carlo = False

    def forward(self, x: Tensor) -> Tensor:
        active = self.p > 0 and (self.training or self.monte_carlo)
        if active and drawing_for_clips():
            return (x * kept(self.p, x)).mul_(1 / (1 - self.p))
        return F.dropout(x, self.p, training=active)


def enable_monte_carlo_dropout(model: nn.Module, in_blocks: bool = False) -> None:
    """Keep the model's dropout on at inference; `in_blocks` includes the bottlenecks' own."""
    for module in model.modules():
        if isinstance(module, Dropout):
            module.monte_carlo = in_blocks or not module.in_block
