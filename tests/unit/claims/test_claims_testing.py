"""The tests of significance against scipy's and formulas by hand."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from vipann.claims import testing
from vipann.claims.testing import Test

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def test_the_corrected_t_is_scipys_with_a_wider_error():
    # 5 folds: one tests and four train, so 1/5 becomes 1/5 + 1/4.
    differences = np.array([0.01, 0.03, 0.02, 0.05, 0.015])
    plain = stats.ttest_1samp(differences, 0.005, alternative="greater").statistic
    expected = stats.t.sf(plain * np.sqrt((1 / 5) / (1 / 5 + 1 / 4)), 4)
    found = testing.over_folds(differences, 4, 0.005)
    assert found.p == pytest.approx(expected)
    assert "5 folds" in found.method
    # Two of ten folds, each trained on nine; on eight where one validates.
    for training in (9, 8):
        found = testing.over_folds(differences[:2], training)
        t = 0.02 / np.sqrt(differences[:2].var(ddof=1) * (1 / 2 + 1 / training))
        assert found.p == pytest.approx(stats.t.sf(t, 1))


def test_the_correction_keeps_its_level_where_the_plain_test_does_not():
    rng = np.random.default_rng(0)
    # Folds that share clips: differences correlated by 1 / folds, as the correction assumes.
    shared = rng.normal(size=(3000, 1)) * np.sqrt(0.2)
    samples = shared + rng.normal(size=(3000, 5)) * np.sqrt(0.8)
    corrected = np.mean([testing.over_folds(row, 4).p < 0.05 for row in samples])
    plain = np.mean(stats.ttest_1samp(samples, 0, axis=1, alternative="greater").pvalue < 0.05)
    assert corrected < 0.065
    assert plain > 0.09


def test_equal_differences_are_tested_by_sign_and_one_fold_not_at_all():
    assert testing.over_folds([0.1] * 5, 4).p == pytest.approx(1 / 32)
    assert testing.over_folds([0.0] * 5, 4).p == 1
    assert testing.over_folds([0.3], 4).p is None


def test_counts_are_compared_by_a_z_test():
    found = testing.over_counts(0.87, 0.79, 100)
    z = 0.08 / np.sqrt((0.87 * 0.13 + 0.79 * 0.21) / 100)
    assert found.p == pytest.approx(1 - stats.norm.cdf(z))
    low, high = testing.wilson(0.87, 100)
    assert (low, high) == pytest.approx((0.7902, 0.9224), abs=1e-3)


def test_recordings_are_compared_by_welch():
    rng = np.random.default_rng(1)
    inside, outside = rng.normal(0, 1, 40), rng.normal(0.8, 2, 30)
    expected = stats.ttest_ind(outside, inside, equal_var=False, alternative="greater").pvalue
    assert testing.over_recordings(inside, outside).p == pytest.approx(expected)
    assert testing.over_recordings(inside, outside, -5.0).p < 1e-6


def test_too_few_recordings_give_no_p():
    rng = np.random.default_rng(1)
    found = testing.over_recordings(rng.normal(size=40), rng.normal(9.0, 1.0, 4))
    assert found.p is None
    assert "4 recordings" in found.method


def adjusted_by_closed_testing(p_values):
    """Holm by its definition: the largest Bonferroni p of all intersections with a hypothesis."""
    places = range(len(p_values))
    sets = [c for n in range(1, len(p_values) + 1) for c in combinations(places, n)]
    return [
        max(min(1.0, len(s) * min(p_values[j] for j in s)) for s in sets if place in s)
        for place in places
    ]


@given(p_values=P_VALUES)
@settings(max_examples=60)
def test_holm_is_closed_testing_with_bonferroni(p_values):
    found = testing.holm(p_values)
    assert found == pytest.approx(adjusted_by_closed_testing(p_values))
    assert all(new >= old for new, old in zip(found, p_values, strict=True))


def test_claims_without_a_test_do_not_count_in_holm():
    np.testing.assert_array_equal(testing.holm([0.01, None, 0.04]), [0.02, np.nan, 0.04])
    assert np.isnan(testing.holm([None])).all()


def test_all_of_takes_the_worst_and_any_of_pays_for_its_choice():
    tests = [Test(0.01, "a"), Test(0.2, "b")]
    assert testing.all_of(tests).p == 0.2
    assert testing.any_of(tests).p == pytest.approx(0.02)
    assert testing.all_of([*tests, Test(None, "none")]).p is None
    assert testing.any_of([Test(None, "none")]).method == "none"


def test_the_contrary_is_tested_by_the_other_tail():
    differences = [0.01, 0.03, 0.02, 0.05, 0.015]
    for test, flipped in (
        (testing.over_folds(differences, 4), testing.over_folds([-d for d in differences], 4)),
        (testing.over_folds([0.1] * 5, 4), testing.over_folds([-0.1] * 5, 4)),
        (testing.over_counts(0.87, 0.79, 100), testing.over_counts(0.79, 0.87, 100)),
    ):
        assert test.reversed().p == pytest.approx(flipped.p)
        assert test.reversed().reversed() == test
    rng = np.random.default_rng(1)
    inside, outside = rng.normal(0, 1, 40), rng.normal(0.3, 2, 30)
    contrary = testing.over_recordings(inside, outside).reversed().p
    assert contrary == pytest.approx(testing.over_recordings(outside, inside).p)


def test_one_wrong_inequality_refutes_all_of_them_and_pays_for_its_choice():
    tests = [Test(0.01, "a", 0.99), Test(0.98, "b", 0.02), Test(0.4, "c", 0.6)]
    assert testing.all_of(tests).contrary == pytest.approx(0.06)
    assert testing.any_of(tests).contrary == 0.99
    assert testing.all_of([*tests, Test(0.1, "d")]).contrary is None


def test_a_gain_is_held_against_those_of_random_orders():
    by_chance = np.linspace(-0.01, 0.03, 199)
    found = testing.over_random_orders(0.05, by_chance, 40, 40)
    assert (found.p, found.contrary) == (1 / 200, 1.0)
    assert testing.over_random_orders(0.0, by_chance, 40, 40).p == pytest.approx(
        151 / 200, abs=0.006
    )
    assert "199 random orders" in found.method
    assert testing.over_random_orders(0.05, by_chance, 40, 20).p is None
    assert testing.over_random_orders(0.05, by_chance, 4, 4).p is None


def test_the_smallest_p_values_are_reported_as_bounds():
    assert Test(1e-30, "").p_text == "p < 1e-06"
    assert Test(0.034, "").p_text == "p = 0.034"
    assert Test(None, "").p_text == ""
