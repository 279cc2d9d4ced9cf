"""Intervals over replications: what they hold, against simulation and scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from vipann.evaluation.interval import interval_of, interval_words, left_out


@pytest.mark.parametrize("replications", range(1, 130))
def test_as_many_replications_are_inside_as_the_words_say(replications):
    values = np.random.default_rng(replications).normal(size=replications)
    low, high = interval_of(values, "percentile")
    inside = int(((low <= values) & (values <= high)).sum())
    assert inside >= 0.95 * replications
    # With one more left out at each end it would be fewer.
    assert inside - 2 < 0.95 * replications
    assert inside == replications - 2 * left_out(replications)
    words = interval_words(replications, "percentile")
    assert (str(replications) if replications > 1 else "one replication") in words
    assert (f"middle {inside} of" in words) == (inside < replications)


def test_the_interval_of_the_mean_is_students_and_holds_it_in_95_of_100_runs():
    rng = np.random.default_rng(0)
    runs = rng.exponential(size=(2000, 20)) + 1
    low, high = stats.t.interval(0.95, 19, runs[0].mean(), stats.sem(runs[0]))
    assert interval_of(runs[0], "t") == pytest.approx((low, high))
    normal = [interval_of(run, "t") for run in rng.normal(2, 1, (2000, 20))]
    held = np.mean([low < 2 < high for low, high in normal])
    assert held == pytest.approx(0.95, abs=0.015)
    assert "mean over the 20" in interval_words(20, "t")


def test_what_is_not_there_has_no_interval():
    assert interval_of([3.0, math.nan], "percentile") == (3.0, 3.0)
    assert all(map(math.isnan, interval_of([3.0], "t")))
    assert all(map(math.isnan, interval_of([math.nan], "percentile")))
