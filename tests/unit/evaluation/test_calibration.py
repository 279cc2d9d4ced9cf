"""Calibration errors and proper scores against torchmetrics, scikit-learn and formulas by hand."""

import numpy as np
import pytest
import torch
from beyond_dummies import random_predictions
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.functional.classification import (
    binary_calibration_error,
    multiclass_calibration_error,
)

from vipann import scores
from vipann.evaluation import calibration

SEEDS = st.integers(0, 2**32 - 1)


def multiclass(seed, clips=60, classes=5):
    one = random_predictions(seed, clips, classes, replications=1)
    return one.labels, one.mean_probability[0]


def multilabel(seed, clips=60, classes=5):
    one = random_predictions(seed, clips, classes, 1, "multilabel")
    return one.labels, one.mean_probability[0]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("bins", [5, 15])
def test_ece_is_that_of_torchmetrics(seed, bins):
    labels, probability = multiclass(seed)
    pair = calibration.confidence_and_outcome(labels, probability, "multiclass")
    expected = multiclass_calibration_error(
        torch.tensor(probability), torch.tensor(labels.argmax(1)), 5, bins, "l1"
    )
    assert calibration.calibration_error(*pair, bins) == pytest.approx(float(expected), abs=1e-6)


def test_multilabel_ece_is_the_mean_of_the_classes_binary_errors():
    labels, probability = multilabel(3)
    pair = calibration.confidence_and_outcome(labels, probability, "multilabel")
    # In torchmetrics, too, a binary confidence is the probability of the positive class.
    expected = [
        binary_calibration_error(torch.tensor(p), torch.tensor(y), 10, "l1")
        for p, y in zip(probability.T, labels.T.astype(int), strict=True)
    ]
    found = calibration.calibration_error(*pair, 10)
    assert found == pytest.approx(float(np.mean(expected)), abs=1e-6)


@pytest.mark.parametrize("adaptive", [False, True])
def test_bins_are_those_of_scikit_learns_calibration_curve(adaptive):
    labels, probability = multilabel(5, clips=100, classes=1)
    confidence, outcome = probability[:, 0].astype(float), labels[:, 0]
    strategy = "quantile" if adaptive else "uniform"
    true, stated = calibration_curve(outcome, confidence, n_bins=7, strategy=strategy)
    place = np.searchsorted(calibration.bin_edges(confidence, 7, adaptive), confidence)
    counts = np.bincount(place, minlength=7)
    expected = (counts[counts > 0] / 100) @ np.abs(true - stated)
    found = calibration.calibration_error(confidence[:, None], outcome[:, None], 7, adaptive)
    assert found == pytest.approx(expected)
    assert not adaptive or np.ptp(counts) <= 1


def test_nll_and_brier_are_scikit_learns():
    labels, probability = multiclass(8)
    p = probability.astype(float) / probability.sum(axis=1, keepdims=True, dtype=float)
    nll = scores.negative_log_likelihood(labels, p, "multiclass")
    assert nll.mean() == pytest.approx(log_loss(labels.argmax(1), p, labels=range(5)))
    brier = scores.brier(labels, p, "multiclass").mean()
    assert brier == pytest.approx(brier_score_loss(labels.argmax(1), p, labels=list(range(5))))
    labels, p = multilabel(9)
    binary = list(zip(labels.T, p.T.astype(float), strict=True))
    nll = scores.negative_log_likelihood(labels, p, "multilabel").mean()
    assert nll == pytest.approx(np.mean([log_loss(y, q) for y, q in binary]))
    brier = scores.brier(labels, p, "multilabel").mean()
    assert brier == pytest.approx(np.mean([((q - y) ** 2).mean() for y, q in binary]))


def test_a_certain_mistake_costs_as_much_as_float32_can_tell():
    labels, sure = np.array([[1, 0]], np.uint8), np.array([[0, 1]], np.float32)
    assert scores.negative_log_likelihood(labels, sure, "multiclass")[0] == pytest.approx(
        87.34, abs=0.01
    )
    found = scores.negative_log_likelihood(labels, sure, "multilabel")[0]
    assert found == pytest.approx((87.34 + 25 * np.log(2)) / 2, abs=0.01)
    assert scores.brier(labels, sure, "multiclass")[0] == 2
    assert scores.brier(labels, sure, "multilabel")[0] == 1


def test_perfect_and_hopeless_probabilities():
    eye = np.eye(4, dtype=np.uint8)
    for probability, expected in (
        (eye.astype(float), 0.0),
        (np.roll(eye, 1, 0).astype(float), 1.0),
    ):
        pair = calibration.confidence_and_outcome(eye, probability, "multiclass")
        for adaptive in (False, True):
            assert calibration.calibration_error(*pair, 15, adaptive) == expected


@given(seed=SEEDS, adaptive=st.booleans(), task=st.sampled_from(["multiclass", "multilabel"]))
@settings(max_examples=25)
def test_errors_are_bounded_and_forget_the_order_of_clips(seed, adaptive, task):
    labels, probability = (multiclass if task == "multiclass" else multilabel)(seed, clips=23)
    probability = np.round(probability, 1)  # ties
    order = np.random.default_rng(seed).permutation(23)
    found = [
        calibration.calibration_error(*calibration.confidence_and_outcome(y, p, task), 6, adaptive)
        for y, p in ((labels, probability), (labels[order], probability[order]))
    ]
    assert 0 <= found[0] <= 1
    assert found[0] == pytest.approx(found[1], abs=1e-12)


@given(seed=SEEDS, temperature=st.floats(0.2, 5))
@settings(max_examples=25)
def test_tempering_is_undone_and_keeps_the_classes_order(seed, temperature):
    _, probability = multiclass(seed, clips=7)
    p = probability.astype(float) / probability.sum(axis=1, keepdims=True, dtype=float)
    warm = calibration.tempered(p, temperature)
    assert warm.sum(axis=1) == pytest.approx(1)
    assert (np.argsort(warm, axis=1) == np.argsort(p, axis=1)).all()
    assert calibration.tempered(warm, 1 / temperature) == pytest.approx(p)


def test_the_fitted_temperature_is_where_the_nll_has_no_slope():
    labels, probability = multiclass(11, clips=300)
    sharp = calibration.tempered(probability, 0.3)
    found = calibration.fit_temperature(labels, sharp)
    logits = torch.tensor(np.log(sharp))
    targets = torch.tensor(labels.argmax(1))

    def slope(inverse):
        beta = torch.tensor(inverse, dtype=torch.float64, requires_grad=True)
        torch.nn.functional.cross_entropy(logits * beta, targets).backward()
        return float(beta.grad)

    assert 1 / found == pytest.approx(brentq(slope, 0.05, 20), rel=1e-4)
    # Tempering before only scales what is found.
    again = calibration.fit_temperature(labels, calibration.tempered(sharp, 2.0))
    assert again == pytest.approx(found / 2, rel=1e-4)


@pytest.mark.parametrize("spread", [0.5, 4.0])
def test_a_calibrated_network_has_no_excess_however_sharp_it_is(spread):
    """The ECE itself differs between sharp and blunt networks of 40 clips."""
    rng = np.random.default_rng(1)
    excess, plain = [], []
    for _ in range(300):
        confidence = 1 / (1 + np.exp(-np.abs(rng.normal(0, spread, (40, 1)))))
        outcome = (rng.random((40, 1)) < confidence).astype(float)
        excess.append(calibration.calibration_excess(confidence, outcome, 15, rng))
        plain.append(calibration.calibration_error(confidence, outcome, 15))
    assert abs(np.mean(excess)) < 0.006
    assert np.mean(plain) > 0.03
    wrong = (rng.random((400, 1)) < 0.5).astype(float)
    assert calibration.calibration_excess(np.full((400, 1), 0.9), wrong, 15, rng) > 0.3
