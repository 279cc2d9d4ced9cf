"""Intervals over the replications of a Monte Carlo prediction.

Replications repeat the sampling of networks as they are trained: what another training or other
clips would change is in neither interval.

- `percentile`: where replications lie. Of R the k least and the k largest are left out, k the
  largest number that leaves at least 95 % inside: none of 20 (18 of 20 would be 90 %), 2 of 40.
- `t`: where their mean lies. Its 95 % confidence interval by Student's t distribution with R - 1
  degrees of freedom, mean ± t s / sqrt(R).

The plan imports this module for the captions: scipy is imported where it is used.
"""

import math
from collections.abc import Iterable
from typing import Literal

LEVEL = 0.95
Kind = Literal["percentile", "t"]


def left_out(replications: int) -> int:
    """How many of `replications` the percentile interval leaves out at each end."""
    return math.floor(replications * (1.0 - LEVEL) / 2.0 + 1e-9)


def interval_of(values: Iterable[float], kind: Kind) -> tuple[float, float]:
    """(low, high) of the values of R replications (module docstring), which may hold NaN for none.

    (NaN, NaN) without a value, and for `t` with one, whose mean has no interval.
    """
    ranked = sorted(value for value in map(float, values) if not math.isnan(value))
    count = len(ranked)
    if count < (2 if kind == "t" else 1):
        return math.nan, math.nan
    if kind == "percentile":
        out = left_out(count)
        return ranked[out], ranked[count - 1 - out]
    from scipy.stats import t

    mean = math.fsum(ranked) / count
    variance = math.fsum((value - mean) ** 2 for value in ranked) / (count - 1)
    half = float(t.ppf((1.0 + LEVEL) / 2.0, count - 1)) * math.sqrt(variance / count)
    return mean - half, mean + half


def interval_words(replications: int, kind: Kind) -> str:
    """What the interval of so many replications is, for a caption."""
    if replications < 2:
        return "none, as there is one replication"
    if kind == "t":
        return (
            f"95 % confidence interval of the mean over the {replications} replications "
            "(Student's t)"
        )
    inside = replications - 2 * left_out(replications)
    if inside == replications:
        return f"from the least to the greatest of the {replications} replications"
    return f"the middle {inside} of the {replications} replications"
