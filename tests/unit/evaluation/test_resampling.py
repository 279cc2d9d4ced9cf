"""The bootstrap's weighted scores against the plain ones on clips that are really repeated."""

import numpy as np
import pytest
from beyond_dummies import outside_predictions, random_predictions
from scipy import stats
from sklearn.metrics import roc_auc_score

from vipann.evaluation import resampling
from vipann.evaluation.retention import retention_curve

FRACTIONS = [0.1, 0.25, 0.5, 0.75, 1.0]


@pytest.fixture
def drawn():
    """Three resamples of 30 own and 20 other clips: which clips, and their weights."""
    rng = np.random.default_rng(4)
    own, other = rng.integers(0, 30, (3, 30)), rng.integers(0, 20, (3, 20))
    weights = [
        np.array([np.bincount(r, minlength=n) for r in d], float)
        for d, n in ((own, 30), (other, 20))
    ]
    return own, other, *weights


def test_weights_count_the_clips_that_were_drawn(drawn):
    own, other, weights, others = drawn
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


def test_the_interval_of_a_mean_is_scipys():
    values = np.random.default_rng(2).normal(size=(1, 60))
    found = resampling.bootstrap(
        {"mean": resampling.mean_of(values)}, 60, 0, 1, 4000, np.random.default_rng(5)
    )
    expected = stats.bootstrap((values[0],), np.mean, n_resamples=4000, method="percentile", rng=7)
    interval = expected.confidence_interval
    assert resampling.interval(found["mean"]) == pytest.approx(tuple(interval), abs=0.03)


def test_every_replication_has_its_share_of_the_resamples():
    # Replication r scores r on every clip, so that nothing but the replication varies.
    values = np.repeat(np.arange(4.0)[:, None], 9, axis=1)
    found = resampling.bootstrap(
        {"mean": resampling.mean_of(values)}, 9, 0, 4, 100, np.random.default_rng(0)
    )
    assert np.bincount(found["mean"].astype(int)).tolist() == [25, 25, 25, 25]


def test_chunks_change_nothing(monkeypatch):
    values = np.random.default_rng(3).random((2, 12))

    def run():
        rng = np.random.default_rng(9)
        return resampling.bootstrap({"m": resampling.mean_of(values)}, 12, 5, 2, 50, rng)["m"]

    whole = run()
    monkeypatch.setattr(resampling, "_COUNTS_AT_ONCE", 17 * 50)
    assert run() == pytest.approx(whole)
    monkeypatch.setattr(resampling, "_COUNTS_AT_ONCE", 17 * 4)
    # Other draws, the same distribution.
    assert run().mean() == pytest.approx(whole.mean(), abs=0.1)
