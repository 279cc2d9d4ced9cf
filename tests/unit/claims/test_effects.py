"""Effects of claims: by how much a number is beyond what its test asks, with an interval."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import transfer_run
from scipy import stats

from vipann.claims import testing
from vipann.claims.judgement import FAILS
from vipann.claims.ledger import ledger
from vipann.claims.testing import Effect, Test
from vipann.papers.vi_pann.claims import PAPER, views_of

VALUES = st.lists(st.floats(-1, 1).map(lambda x: round(x, 3)), min_size=3, max_size=8)


def is_dual(test):
    """Whether the interval leaves out zero exactly where a tail has less than 2.5 %."""
    beyond = min(test.p, test.contrary) < 0.025
    return beyond == (test.effect.low > 0 or test.effect.high < 0)


@given(VALUES, st.sampled_from([0.0, 0.05, -0.1]), st.integers(1, 9))
@settings(max_examples=60)
def test_an_interval_says_what_the_test_over_folds_says(values, margin, training_folds):
    test = testing.over_folds(values, training_folds, margin)
    assert test.effect.value == pytest.approx(np.mean(values) - margin)
    assert test.effect.low is None or is_dual(test)


@given(VALUES, VALUES)
@settings(max_examples=60)
def test_an_interval_says_what_the_test_over_seeds_says(better, worse):
    test = testing.over_seeds(pd.Series(better), pd.Series(worse), 0.01)
    assert test.effect.value == pytest.approx(np.mean(better) - np.mean(worse) - 0.01)
    assert test.effect.low is None or np.isnan(test.p) or is_dual(test)


def test_intervals_by_hand():
    found = testing.over_folds([0.1, 0.2, 0.3], 4, margin=0.05).effect
    half = stats.t.ppf(0.975, 2) * 0.1 * np.sqrt(1 / 3 + 1 / 4)
    assert [found.value, found.low, found.high] == pytest.approx([0.15, 0.15 - half, 0.15 + half])
    found = testing.over_counts(0.9, 0.8, 100).effect
    half = 1.959964 * np.sqrt((0.9 * 0.1 + 0.8 * 0.2) / 100)
    assert [found.value, found.low, found.high] == pytest.approx([0.1, 0.1 - half, 0.1 + half])
    low, high = stats.binomtest(80, 100).proportion_ci(method="wilson")
    found = testing.over_count(0.8, 100, 0.7).effect
    assert [found.value, found.low, found.high] == pytest.approx([0.1, low - 0.7, high - 0.7])
    found = testing.over_random_orders(0.5, np.arange(1001) / 1000, 40, 40).effect
    assert [found.value, found.low, found.high] == pytest.approx([0, -0.475, 0.475])


def test_recordings_have_welchs_interval():
    rng = np.random.default_rng(2)
    inside, outside = rng.normal(0, 1, 40), rng.normal(1, 3, 25)
    found = testing.over_recordings(inside, outside).effect
    expected = stats.ttest_ind(outside, inside, equal_var=False).confidence_interval()
    assert [found.low, found.high] == pytest.approx([expected.low, expected.high])
    few = testing.over_recordings(inside, outside[:3]).effect
    assert few == Effect(pytest.approx(outside[:3].mean() - inside.mean()))


def test_one_number_has_an_effect_without_an_interval_and_the_contrary_the_other_sign():
    assert testing.over_folds([0.3], 4, 0.1).effect == Effect(pytest.approx(0.2))
    assert testing.over_seeds(pd.Series([0.5]), pd.Series([0.3])).effect.value == pytest.approx(0.2)
    assert Test(0.1, "t", 0.9, Effect(0.2, 0.1, 0.4)).reversed().effect == Effect(-0.2, -0.4, -0.1)


def test_of_several_comparisons_the_deciding_ones_effect_is_told():
    tests = [Test(0.01, "a", effect=Effect(0.3)), Test(0.2, "b", effect=Effect(0.1))]
    assert testing.all_of(tests).effect == Effect(0.1)
    assert testing.any_of(tests).effect == Effect(0.3)
    untested = [Test(None, "c", effect=Effect(value)) for value in (0.4, -0.2)]
    assert testing.all_of(untested).effect == Effect(-0.2)
    assert testing.any_of(untested).effect == Effect(0.4)
    assert testing.all_of([*tests, Test(None, "none")]).effect is None


def test_the_ledger_tells_effects_from_the_claims_side_and_its_rule():
    counts = pd.DataFrame(columns=["table", "dataset", "strategy", "parameters", "macs"])
    scores = {("flip", "finetuned"): 0.5, ("det", "finetuned"): 0.9}
    frame = ledger(PAPER, views_of(None, [transfer_run(scores)], counts))
    row = frame.set_index("claim").loc["bayesian_competitive"]
    assert row["verdict"] == FAILS
    assert row["effect"] < 0, "the verdict's test is of the contrary, the effect of the claim"
    rules = {claim.key: claim.rule for claim in PAPER.claims}
    assert (frame["rule"] == frame["claim"].map(rules)).all()
