"""AUROC, AUPR and FPR95 against scikit-learn, torchmetrics and pairs counted by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score
from torchmetrics.functional.classification import binary_specificity_at_sensitivity

from vipann.evaluation.detection import detection_scores

VALUES = st.lists(st.integers(0, 6), min_size=1, max_size=25)


@pytest.mark.parametrize("decimals", [1, 8])
@pytest.mark.parametrize("seed", range(3))
def test_all_three_agree_with_other_libraries(seed, decimals):
    rng = np.random.default_rng(seed)
    inside, outside = rng.normal(0, 1, 80).round(decimals), rng.normal(1, 2, 50).round(decimals)
    found = detection_scores(inside, outside)
    truth, score = np.repeat([0, 1], [80, 50]), np.r_[inside, outside]
    assert found["auroc"] == pytest.approx(roc_auc_score(truth, score))
    assert found["aupr"] == pytest.approx(average_precision_score(truth, score))
    # torchmetrics squeezes scores that are no probabilities itself; ranks are such.
    ranks = np.unique(score, return_inverse=True)[1] / len(score)
    specificity, _ = binary_specificity_at_sensitivity(
        torch.tensor(ranks), torch.tensor(truth), min_sensitivity=0.95
    )
    assert found["fpr95"] == pytest.approx(1 - float(specificity), abs=1e-6)


@given(inside=VALUES, outside=VALUES)
@settings(max_examples=60)
def test_auroc_counts_pairs_and_turns_round_with_the_scores(inside, outside):
    one, other = np.array(inside, float), np.array(outside, float)
    gaps = other[:, None] - one[None, :]
    found = detection_scores(one, other)
    assert found["auroc"] == pytest.approx(np.mean((gaps > 0) + 0.5 * (gaps == 0)))
    assert detection_scores(-one, -other)["auroc"] == pytest.approx(1 - found["auroc"])
    assert all(0 <= value <= 1 for value in found.values())
    shuffled = detection_scores(one[::-1], np.sort(other))
    assert shuffled == pytest.approx(found)


@given(inside=VALUES, outside=VALUES)
@settings(max_examples=40)
def test_fpr95_is_the_share_raised_at_the_threshold(inside, outside):
    one, other = np.array(inside, float), np.array(outside, float)
    reaching = [t for t in {*inside, *outside} if np.mean(other >= t) >= 0.95]
    assert detection_scores(one, other)["fpr95"] == pytest.approx(np.mean(one >= max(reaching)))


def test_sets_apart_and_sets_alike():
    apart = detection_scores(np.arange(5.0), np.arange(10.0, 15.0))
    assert apart == {"auroc": 1.0, "aupr": 1.0, "fpr95": 0.0}
    alike = detection_scores(np.zeros(6), np.zeros(2))
    assert alike == {"auroc": 0.5, "aupr": 0.25, "fpr95": 1.0}
    assert all(np.isnan(v) for v in detection_scores(np.zeros(3), np.zeros(0)).values())
