"""The bootstrap's weighted scores against the plain ones on clips that are really repeated."""

import numpy as np
import pytest
from dummies import outside_predictions, random_predictions
from scipy import stats
from sklearn.metrics import roc_auc_score

from vipann.evaluation import resampling
from vipann.evaluation.resampling import (
    Resamples,
    auroc_of,
    bootstrap,
    interval,
    mean_of,
)
from vipann.evaluation.retention import retention_curve

FRACTIONS = [0.1, 0.25, 0.5, 0.75, 1.0]


@pytest.fixture
def three_resamples():
    """Three resamples of 30 own and 20 other clips: which clips, and their weights."""
    rng = np.random.default_rng(4)
    own, other = rng.integers(0, 30, (3, 30)), rng.integers(0, 20, (3, 20))
    weights = [
        np.array([np.bincount(r, minlength=n) for r in d], float)
        for d, n in ((own, 30), (other, 20))
    ]
    return own, other, *weights


def test_weights_count_the_clips_that_were_drawn(three_resamples):
    own, other, weights, others = three_resamples
    one, outside = random_predictions(), outside_predictions()
    statistics = resampling.statistics_of(one, outside, FRACTIONS)
    right = (one.predicted == one.targets).astype(float)
    for replication in range(3):
        found = {n: s(replication, weights, others) for n, s in statistics.items()}
        for b in range(3):
            clips = own[b]
            assert found["accuracy"][b] == pytest.approx(right[replication][clips].mean())
            p = one.mean_probability[replication, np.arange(30), one.targets].astype(float)
            assert found["nll"][b] == pytest.approx(-np.log(p[clips]).mean())
            for name in ("total", "aleatoric", "epistemic"):
                inside = getattr(one, name)[replication][clips]
                curve = retention_curve(right[replication][clips], inside, FRACTIONS)
                expected = curve.mean() - curve[-1]
                assert found[f"retention_gain_{name}"][b] == pytest.approx(expected)
                beside = getattr(outside, name)[replication][other[b]]
                area = roc_auc_score(np.repeat([0, 1], [30, 20]), np.r_[inside, beside])
                assert found[f"auroc_{name}"][b] == pytest.approx(area)


def resamples(clips, count, seed=5):
    return Resamples(np.arange(clips), count, np.random.default_rng(seed))


def test_the_interval_of_a_mean_is_students():
    values = np.random.default_rng(2).normal(size=(1, 12))
    own = resamples(12, 20_000)
    found = bootstrap({"mean": mean_of(values)}, own, resamples(0, 20_000), 1)["mean"]
    low, high = interval(values.mean(), found, [[own.recordings]])
    expected = stats.ttest_1samp(values[0], 0).confidence_interval(0.95)
    assert high - low == pytest.approx(expected.high - expected.low, rel=0.05)
    assert (low, high) == pytest.approx(tuple(expected), abs=0.03)
    assert np.isnan(interval(4.0, np.arange(9.0), [[4]])).all()
    assert np.isnan(interval(4.0, np.arange(9.0), [[2, 2, 2, 2, 1]])).all()


@pytest.mark.parametrize(("folds", "recordings"), [(5, 2), (4, 2), (3, 4), (5, 10)])
def test_intervals_of_means_over_folds_cover_the_truth(folds, recordings):
    """Recordings are drawn within folds, of which each may hold two."""
    rng, covered, tries = np.random.default_rng(3), 0, 300
    for _ in range(tries):
        sets, resampled, means = [], [], []
        for _ in range(folds):
            values = np.repeat(rng.normal(size=recordings), 3)[None]
            own = Resamples(np.repeat(np.arange(recordings), 3), 400, rng)
            sets.append(own.recordings)
            means.append(values.mean())
            resampled.append(
                bootstrap({"mean": mean_of(values)}, own, resamples(0, 400), 1)["mean"]
            )
        low, high = interval(np.mean(means), np.mean(resampled, axis=0), [sets])
        covered += low <= 0 <= high
    assert covered / tries >= 0.92


def test_recordings_are_drawn_with_all_their_clips():
    recording = np.array(["a", "b", "a", "c", "b", "a"])
    weights = Resamples(recording, 500, np.random.default_rng(0)).weights(np.arange(500))
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 0] == weights[:, 5]).all()
    assert (weights[:, 1] == weights[:, 4]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert weights.mean() == pytest.approx(1.0, abs=0.1)


def test_every_replication_has_its_share_of_the_resamples():
    # Replication r scores r on every clip, so that nothing but the replication varies.
    values = np.repeat(np.arange(4.0)[:, None], 9, axis=1)
    found = bootstrap({"mean": mean_of(values)}, resamples(9, 100), resamples(0, 100), 4)
    assert np.bincount(found["mean"].round().astype(int)).tolist() == [25, 25, 25, 25]


def test_chunks_change_nothing_but_the_memory(monkeypatch):
    values = np.random.default_rng(3).random((2, 12))

    def run():
        return bootstrap({"m": mean_of(values)}, resamples(12, 50), resamples(5, 50), 2)["m"]

    whole = run()
    monkeypatch.setattr(resampling, "_COUNTS_AT_ONCE", 17 * 4)
    assert run() == pytest.approx(whole)


@pytest.mark.parametrize(("recordings", "windows", "shift"), [(12, 3, 1.0), (21, 4, 1.8)])
def test_intervals_of_auroc_cover_the_truth(recordings, windows, shift):
    """Windows of a recording are nearly the same, and five folds' networks hear the same ones."""
    rng = np.random.default_rng(0)
    truth, covered, tries = stats.norm.cdf(shift / np.sqrt(2)), 0, 250
    for _ in range(tries):
        alike = np.repeat(rng.normal(shift, np.sqrt(0.95), recordings), windows)
        outside = alike + rng.normal(0, np.sqrt(0.05), recordings * windows)
        others = Resamples(np.repeat(np.arange(recordings), windows), 150, rng)
        areas, resampled, sets = [], [], []
        for _ in range(5):
            inside = rng.normal(size=(1, 40))
            area = auroc_of(inside, outside[None])
            once = np.ones((1, 40)), np.ones((1, outside.size))
            areas.append(area(0, *once)[0])
            own = Resamples(np.arange(40), 150, rng)
            sets.append(own.recordings)
            resampled.append(bootstrap({"area": area}, own, others, 1)["area"])
        sides = [sets, [others.recordings]]
        low, high = interval(np.mean(areas), np.mean(resampled, axis=0), sides, share=True)
        covered += low <= truth <= high
    assert covered / tries >= 0.92


def test_there_is_no_interval_without_recordings_or_spread():
    areas = np.random.default_rng(0).uniform(0.8, 0.9, 100)
    own, many, few = ([total] for total in (100, 30, 4))
    assert np.isnan(interval(0.85, areas, [own, few], share=True)).all()
    assert np.isnan(interval(1.0, np.ones(100), [own, many], share=True)).all()
    low, high = interval(0.85, areas, [own, many], share=True)
    assert 0.7 < low < 0.85 < high < 0.95
