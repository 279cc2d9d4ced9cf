"""Scores against sklearn and against formulas spelled out by hand."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    precision_recall_fscore_support,
    roc_auc_score,
)

from vipann import scores


def random_tagging(seed, clips=40, classes=6):
    rng = np.random.default_rng(seed)
    labels = (rng.random((clips, classes)) < 0.3).astype(np.uint8)
    labels[0], labels[1] = 1, 0
    # Two decimals, so that scores tie.
    return labels, np.round(rng.random((clips, classes)) * 0.5 + labels * 0.3, 2)


def average_precision_by_hand(positive, score):
    """Mean over positives of the precision among all clips scored at least as high."""
    return np.mean([positive[score >= mine].mean() for mine in score[positive]])


def auc_by_hand(positive, score):
    """Share of (positive, negative) pairs in the right order, a tie counting half."""
    gaps = score[positive][:, None] - score[~positive][None, :]
    return np.mean((gaps > 0) + 0.5 * (gaps == 0))


@pytest.mark.parametrize("seed", range(5))
def test_map_and_auc_agree_with_their_definitions_and_scikit_learn(seed):
    labels, score = random_tagging(seed)
    pairs = [(labels[:, c].astype(bool), score[:, c]) for c in range(labels.shape[1])]
    found = scores.multilabel_scores(labels, score)
    assert found["mAP"] == pytest.approx(np.mean([average_precision_by_hand(*p) for p in pairs]))
    assert found["mAP"] == pytest.approx(average_precision_score(labels, score, average="macro"))
    assert found["AUC"] == pytest.approx(np.mean([auc_by_hand(*pair) for pair in pairs]))
    assert found["AUC"] == pytest.approx(roc_auc_score(labels, score, average="macro"))
    assert found["d_prime"] == pytest.approx(2**0.5 * NormalDist().inv_cdf(found["AUC"]))


def test_classes_without_a_positive_are_left_out_and_counted():
    labels, score = random_tagging(0)
    empty = np.zeros((len(labels), 2), np.uint8)
    wider, wider_score = np.hstack([labels, empty]), np.hstack([score, score[:, :2]])
    narrow = scores.multilabel_scores(labels, score)
    assert scores.multilabel_scores(wider, wider_score) == pytest.approx(narrow)
    assert scores.classes_left_out(wider) == 2
    nothing = scores.multilabel_scores(empty, score[:, :2])
    assert np.isnan(list(nothing.values())).all()


def test_a_class_that_every_clip_has_keeps_its_ap_and_loses_its_auc():
    labels, score = random_tagging(3)
    everywhere = np.hstack([labels, np.ones((len(labels), 1), np.uint8)])
    narrow = scores.multilabel_scores(labels, score)
    wider = scores.multilabel_scores(everywhere, np.hstack([score, score[:, :1]]))
    assert wider["AUC"] == pytest.approx(narrow["AUC"])
    assert wider["mAP"] == pytest.approx((6 * narrow["mAP"] + 1) / 7)


@given(auc=st.floats(0.001, 0.999))
def test_d_prime_is_the_normal_quantile_times_root_two(auc):
    assert scores.d_prime(auc) == pytest.approx(2**0.5 * NormalDist().inv_cdf(auc), abs=1e-6)


def test_d_prime_of_the_papers_auc_and_at_the_ends():
    # Table 3: AUC printed with three decimals, so d' is known to about 0.02.
    for auc, printed in ((0.973, 2.732), (0.975, 2.762), (0.972, 2.708)):
        assert scores.d_prime(auc) == pytest.approx(printed, abs=0.02)
    assert scores.d_prime(0.5) == pytest.approx(0)
    assert 6.7 < scores.d_prime(1.0) < 6.73
    assert scores.d_prime(0.0) == pytest.approx(-scores.d_prime(1.0))


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_accuracy_does_not_depend_on_the_order_of_clips(seed):
    rng = np.random.default_rng(seed)
    targets, predicted = rng.integers(0, 3, (2, 17))
    order = rng.permutation(17)
    hits = sum(a == b for a, b in zip(targets.tolist(), predicted.tolist(), strict=True))
    assert scores.accuracy(targets, predicted) == pytest.approx(hits / 17)
    assert scores.accuracy(targets[order], predicted[order]) == scores.accuracy(targets, predicted)


@settings(max_examples=30)
@given(
    arrays(np.uint8, (12, 3), elements=st.integers(0, 1)),
    arrays(np.float32, (12, 3), elements=st.sampled_from([0.1, 0.2, 0.5, 0.75, 0.9])),
)
def test_thresholds_have_the_highest_f1_of_all_there_are(labels, probability):
    found = scores.f1_thresholds(labels, probability)
    for index, threshold in enumerate(found):
        truth, p = labels[:, index], probability[:, index]
        if not truth.any():
            assert threshold == np.inf
            continue
        by_threshold = {t: f1_score(truth, p >= t) for t in np.unique(p)}
        assert by_threshold[threshold] == pytest.approx(max(by_threshold.values()))


@settings(max_examples=30)
@given(arrays(np.uint8, (9, 3), elements=st.integers(0, 1)), arrays(bool, (9, 3)))
def test_micro_scores_are_scikit_learns(labels, predicted):
    found = scores.micro_scores(labels, predicted)
    expected = precision_recall_fscore_support(
        labels, predicted, average="micro", zero_division=np.nan
    )
    np.testing.assert_allclose(list(found.values()), expected[:3])
