"""The words of tables and figures beyond the paper."""

from collections.abc import Mapping
from typing import Any

from vipann.papers.vi_pann.printed import PHASE_NAMES, STRATEGY_NAMES, UNCERTAINTY_NAMES

__all__ = [
    "KEYS",
    "LAPLACE_NAME",
    "PHASE_NAMES",
    "STRATEGY_NAMES",
    "UNCERTAINTY_NAMES",
    "network_words",
]

# A Laplace approximation is no strategy of training.
LAPLACE_NAME = f"{STRATEGY_NAMES['det']}, Laplace"
# What a row of a results file says first: which network.
KEYS = ["dataset", "strategy", "phase"]


def network_words(row: Mapping[str, Any]) -> str:
    """A network in words, "Det-Flip fine-tuned"; row: with its strategy and phase."""
    return f"{STRATEGY_NAMES[row['strategy']]} {PHASE_NAMES[row['phase']].lower()}"
