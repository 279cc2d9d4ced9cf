"""The words of tables and figures beyond the paper."""

from vipann.papers.vi_pann.printed import PHASE_NAMES, STRATEGY_NAMES, UNCERTAINTY_NAMES

__all__ = ["KEYS", "PHASE_NAMES", "STRATEGY_NAMES", "UNCERTAINTY_NAMES"]

# What a row of a results file says first: which network.
KEYS = ["dataset", "strategy", "phase"]
