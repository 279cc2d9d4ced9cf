"""Dropout that can stay on at inference, for Monte Carlo dropout (Gal and Ghahramani 2016)."""

import torch.nn.functional as F
from torch import Tensor, nn

from vipann.models.clip_rng import drawing_for_clips, kept


class Dropout(nn.Module):
    """Dropout at rate `p`, active in training and, with `monte_carlo`, at inference too.

    Without `in_monte_carlo`, Monte Carlo dropout leaves it off.
    """

    def __init__(self, p: float, in_monte_carlo: bool = True) -> None:
        super().__init__()
        self.p = p
        self.in_monte_carlo = in_monte_carlo
        self.monte_carlo = False

    @property
    def is_active(self) -> bool:
        """Whether it changes what it is given."""
        return self.p > 0 and (self.training or self.monte_carlo)

    def forward(self, x: Tensor) -> Tensor:
        if self.is_active and drawing_for_clips():
            return (x * kept(self.p, x)).mul_(1 / (1 - self.p))
        return F.dropout(x, self.p, training=self.is_active)


def enable_monte_carlo_dropout(model: nn.Module) -> None:
    """Keep the model's dropout on at inference, where it takes part in Monte Carlo dropout."""
    for module in model.modules():
        if isinstance(module, Dropout):
            module.monte_carlo = module.in_monte_carlo
