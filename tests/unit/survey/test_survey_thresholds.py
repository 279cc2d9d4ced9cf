"""Thresholds at a wished precision, intervals over recordings, and maps from scores to shares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from season_harness import held_out_table
from sklearn.linear_model import LogisticRegression

from vipann.errors import UserError
from vipann.survey.calibrated import applied, fit_platt
from vipann.survey.held_out import held_out_of, percentiles
from vipann.survey.shares import share_of
from vipann.survey.thresholds import (
    even_score,
    lowest_threshold,
    threshold_table,
    thresholds_of,
)

SCORES = st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=30)


@given(SCORES, st.floats(0.05, 1), st.integers(0, 7))
def test_the_threshold_is_the_lowest_of_that_precision(clips, precision, floor):
    score = np.array([one for one, _ in clips], np.float64)
    present = np.array([there for _, there in clips], bool)
    found = lowest_threshold(score, present, precision, floor)
    levels = [t for t in sorted(set(score)) if t >= floor]
    right = [t for t in levels if present[score >= t].mean() >= precision]
    assert found == (right[0] if right else np.inf)


def test_the_table_counts_by_hand():
    score = np.repeat([0.9, 0.8, 0.8, 0.7, 0.3, 0.1], 10)
    whale = np.repeat([True, True, False, True, False, False], 10)
    recording = np.repeat(["a", "a", "b", "c", "d", "e"], 10)
    probability, present = np.stack([1 - score, score], 1), np.stack([~whale, whale], 1)
    held_out = held_out_of(held_out_table(probability, present, recording), "here")
    table = threshold_table(held_out, 0.75).set_index("class")
    whale_row = table.loc["whale"]
    assert whale_row["threshold"] == np.float32(0.7)
    assert (whale_row["precision"], whale_row["recall"]) == (0.75, 1.0)
    assert (whale_row["detections"], whale_row["recordings"], whale_row["present"]) == (40, 3, 30)
    fixed = threshold_table(held_out, 0.75, {"whale": 0.85}).set_index("class")
    assert fixed.loc["whale", "threshold"] == 0.85
    assert fixed.loc["whale", "recall"] == pytest.approx(1 / 3)
    assert np.isnan(fixed.loc["whale", "wished_precision"])
    assert fixed.loc["seal"].equals(table.loc["seal"])
    with pytest.raises(UserError, match="no class 'walrus'"):
        threshold_table(held_out, 0.75, {"walrus": 0.5})


def test_what_is_more_likely_absent_is_not_detected():
    # Two classes far apart: a threshold of 0.02 would be right nine times in ten as well.
    whale = np.arange(100) < 50
    score = np.where(whale, 0.97, 0.01) + 0.0001 * np.arange(100)
    score[95:] = 0.02
    probability, present = np.stack([1 - score, score], 1), np.stack([~whale, whale], 1)
    held_out = held_out_of(held_out_table(probability, present, np.arange(100)), "here")
    table = threshold_table(held_out, 0.9).set_index("class")
    assert lowest_threshold(score, whale, 0.9) < 0.03
    assert table.loc["whale", "threshold"] == np.float32(0.97)
    fitted = fit_platt(held_out.probability[:, 1], whale)
    assert applied(fitted, np.array(even_score(score, whale))) == pytest.approx(0.5, abs=1e-3)


def test_a_class_that_never_reaches_the_precision_is_not_detected():
    probability = np.tile([[0.5, 0.5]], (6, 1))
    present = np.array([[True, False], [False, True]] * 3)
    held_out = held_out_of(held_out_table(probability, present, list("abcdef")), "here")
    table = threshold_table(held_out, 0.9)
    assert np.isinf(thresholds_of(table, ["whale", "seal"])).all()
    assert table["detections"].tolist() == [0, 0]
    assert table["precision"].isna().all()


def test_one_case_a_recording_is_clopper_and_pearsons_interval():
    outcome = np.arange(40) < 30
    found = share_of(outcome, np.arange(40))
    # The variance is p (1 - p) / (n - 1): 39 independent cases, 29.25 of them hits.
    low, high = stats.beta.ppf(0.025, 29.25, 10.75), stats.beta.ppf(0.975, 30.25, 9.75)
    assert found[:3] == pytest.approx((0.75, low, high))


def test_recordings_that_are_alike_count_as_one_case_each():
    each = np.arange(20) < 15
    alike = share_of(np.repeat(each, 10), np.repeat(np.arange(20), 10))
    single = share_of(each, np.arange(20))
    assert (alike.value, alike.cases, alike.recordings) == (0.75, 200, 20)
    assert (alike.low, alike.high) == pytest.approx((single.low, single.high), abs=0.03)
    # Without an error: the rule of three, by recordings.
    sure = share_of(np.ones(200, bool), np.repeat(np.arange(20), 10))
    assert (sure.low, sure.high) == pytest.approx((0.025 ** (1 / 20), 1.0))


def test_the_interval_covers_the_truth_of_clustered_cases():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(300):
        share = rng.beta(4, 2, 25)
        outcome = rng.random((25, 8)) < share[:, None]
        found = share_of(outcome.ravel(), np.repeat(np.arange(25), 8))
        covered += found.low <= 4 / 6 <= found.high
    assert 0.92 <= covered / 300 <= 1.0


@pytest.mark.parametrize(("recordings", "clips"), [(2, 4), (4, 3), (8, 1)])
@pytest.mark.parametrize("share", [0.1, 0.8])
def test_the_interval_covers_the_truth_of_small_samples(recordings, clips, share):
    rng, covered = np.random.default_rng(1), 0
    names = np.repeat(np.arange(recordings), clips)
    for _ in range(150):
        found = share_of(rng.random(len(names)) < share, names)
        covered += found.low <= share <= found.high
    assert covered / 150 >= 0.95


def test_too_little_for_an_interval():
    assert np.isnan(share_of(np.zeros(0, bool), np.zeros(0, str))[:3]).all()
    assert share_of(np.array([True, False]), np.array(["a", "a"]))[:3] == (0.5, 0.0, 1.0)


def test_platts_map_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    p = rng.beta(0.5, 0.5, 400)
    y = rng.random(400) < applied(np.array([0.6, -0.4]), p)
    weight = rng.integers(0, 3, 400)
    found = fit_platt(p, y, weight)
    ones, zeros = weight[y].sum(), weight[~y].sum()
    target = np.where(y, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    x = np.log(np.clip(p, 1e-6, 1 - 1e-6) / (1 - np.clip(p, 1e-6, 1 - 1e-6)))
    both = np.concatenate([x, x])[:, None], np.repeat([1, 0], 400)
    shares = np.concatenate([weight * target, weight * (1 - target)])
    other = LogisticRegression(C=1e8, tol=1e-10).fit(*both, shares)
    assert found == pytest.approx([other.coef_[0, 0], other.intercept_[0]], abs=1e-4)


@pytest.mark.parametrize("present", [np.zeros(30, bool), np.ones(30, bool), np.arange(30) >= 15])
def test_scores_that_separate_a_class_have_a_finite_map(present):
    fitted = fit_platt(np.linspace(0, 1, 30), present)
    worth = applied(fitted, np.linspace(0, 1, 101))
    assert np.isfinite(fitted).all()
    assert ((worth > 0) & (worth < 1)).all()


def test_percentiles_by_hand():
    among = np.array([1.0, 2.0, 2.0, 4.0, np.nan])
    found = percentiles(np.array([0.0, 2.0, 3.0, 9.0, np.nan]), among)
    assert found == pytest.approx([0, 50, 75, 100, np.nan], nan_ok=True)
    assert np.isnan(percentiles(np.array([1.0]), np.array([np.nan]))).all()


def test_a_table_that_lacks_a_column_is_named():
    table = held_out_table(np.full((2, 2), 0.5), np.eye(2), ["a", "b"])
    with pytest.raises(UserError, match=r"model/held_out\.parquet lacks the column 'label:seal'"):
        held_out_of(table.drop(columns="label:seal"), "model/held_out.parquet")
