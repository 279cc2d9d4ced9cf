"""A share of cases with its interval, where cases of one recording are alike."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from vipann.evaluation.interval import LEVEL


class Share(NamedTuple):
    """A share in [0, 1], the ends of its interval, and of how many cases and recordings it is."""

    value: float
    low: float
    high: float
    cases: int
    recordings: int


def share_of(outcome: np.ndarray, recording: np.ndarray) -> Share:
    """The share of true `outcome` (N,) bool, at 95 % over recordings (N,).

    Korn and Graubard's interval (1998, Survey Methodology 24): Clopper and Pearson's for as many
    independent cases as would give the variance that recordings, drawn whole, do give, less what
    estimating it costs by Student's t. Where all outcomes are alike a recording counts as one case.
    Without a case all of it is NaN, with one recording the interval is [0, 1].
    """
    cases = len(outcome)
    if not cases:
        return Share(np.nan, np.nan, np.nan, 0, 0)
    _, number = np.unique(recording, return_inverse=True)
    sizes = np.bincount(number)
    hits = np.bincount(number, weights=np.asarray(outcome, np.float64))
    recordings, value = len(sizes), float(hits.sum() / cases)
    if recordings < 2:
        return Share(value, 0.0, 1.0, cases, recordings)
    variance = _variance(hits - value * sizes, cases)
    independent: float = recordings
    if variance > 0:
        tail = (1 + LEVEL) / 2
        lost = (stats.t.ppf(tail, cases - 1) / stats.t.ppf(tail, recordings - 1)) ** 2
        independent = min(value * (1 - value) / variance * lost, cases)
    low, high = _clopper_pearson(value * independent, independent)
    return Share(value, low, high, cases, recordings)


def _variance(residuals: np.ndarray, cases: int) -> float:
    """Of a ratio of sums over recordings, by linearisation; 0 where there is no residual."""
    recordings = len(residuals)
    found = recordings / (recordings - 1) * float((residuals**2).sum()) / cases**2
    return found if found > np.finfo(float).eps else 0.0


def _clopper_pearson(hits: float, cases: float) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    low = 0.0 if hits <= 0 else float(stats.beta.ppf(tail, hits, cases - hits + 1))
    high = 1.0 if hits >= cases else float(stats.beta.ppf(1 - tail, hits + 1, cases - hits))
    return low, high
