"""Maps of probabilities against other implementations, and what they bring on planted networks."""

import numpy as np
import pandas as pd
import pytest
from dummies import labels_of, random_predictions
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, log_expit, log_softmax, softmax
from scipy.stats import norm
from sklearn.metrics import log_loss

from vipann.errors import UserError
from vipann.evaluation.calibration import calibration_error, confidence_and_outcome
from vipann.evaluation.predictions import write_predictions
from vipann.evaluation.recalibrated import (
    COLUMNS,
    Fold,
    calibration_error_of,
    fold_of,
    halves_of,
    recalibrated_tables,
    write_recalibrated,
)
from vipann.evaluation.recalibration import METHODS, UNCHANGED, fit, log_odds
from vipann.evaluation.splits import random_halves
from vipann.scores import negative_log_likelihood


def planted(seed, clips=4000, classes=6, overconfidence=2.5):
    """Labels drawn from softmax(logits), and what a network says whose logits are too large."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (clips, classes))
    draws = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((clips, 1))).sum(axis=1)
    return labels_of(draws, classes), overconfidence * logits


def planted_labels(seed, clips=4000, classes=5, slope=2.0, shift=1.0):
    """Multi-label: the truth is sigmoid(x), the network says sigmoid(slope x + shift)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(-1.5, 1.5, (clips, classes))
    labels = (rng.random(x.shape) < expit(x)).astype(np.uint8)
    return labels, expit(slope * x + shift), x


def test_the_temperature_of_overconfident_logits_is_found_again():
    labels, logits = planted(0)
    found = fit("temperature", labels, softmax(logits, axis=1).astype(np.float32), "multiclass")
    assert found.temperature == pytest.approx(2.5, rel=0.05)

    def unlikely(t):
        nll = -log_softmax(logits / t[0], axis=1)[labels == 1].sum()
        return nll - norm(0, 0.5).logpdf(np.log(t[0]))

    best = minimize(unlikely, [1.0], method="Nelder-Mead", options={"xatol": 1e-6}).x[0]
    assert found.temperature == pytest.approx(best, rel=1e-4)
    applied = found.apply(softmax(logits, axis=1))
    np.testing.assert_allclose(applied, softmax(logits / found.temperature, axis=1), atol=1e-6)
    assert (applied.argmax(axis=1) == logits.argmax(axis=1)).all()


def test_clips_without_a_mistake_do_not_make_a_network_certain():
    """A good network, on so few clips that it errs on none of them, and on many others."""
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 1, (20_000, 10))
    logits[np.arange(20_000), rng.integers(0, 10, 20_000)] += 8
    draws = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    right = np.flatnonzero(draws == logits.argmax(axis=1))[:60]
    p, labels = softmax(logits, axis=1), labels_of(draws, 10)
    found = fit("temperature", labels[right], p[right], "multiclass")
    assert 0.5 < found.temperature < 1.5
    before, after = (negative_log_likelihood(labels, q, "multiclass") for q in (p, found.apply(p)))
    assert after.mean() < before.mean() * 1.2


def test_the_temperature_of_labels_is_the_best_of_their_logits():
    labels, probability, _ = planted_labels(1, shift=0.0)
    found = fit("temperature", labels, probability, "multilabel")
    assert found.temperature == pytest.approx(2.0, rel=0.05)
    sign = np.where(labels > 0, 1, -1)

    def mean_nll(t):
        return -log_expit(sign * log_odds(probability) / t[0]).mean()

    best = minimize(mean_nll, [1.0], method="Nelder-Mead", options={"xatol": 1e-6}).x[0]
    assert found.temperature == pytest.approx(best, rel=1e-3)


def test_platts_line_is_the_best_one_for_his_targets():
    labels, probability, _ = planted_labels(2, clips=300)
    found = fit("platt", labels, probability, "multilabel").apply(probability)
    for index, there in enumerate(labels.T):
        x, positives = log_odds(probability[:, index]), there.sum()
        target = np.where(there, (positives + 1) / (positives + 2), 1 / (300 - positives + 2))

        def loss(line, x=x, target=target):
            z = line[0] * x + line[1]
            return -(target * log_expit(z) + (1 - target) * log_expit(-z)).mean()

        slope, shift = minimize(loss, [1.0, 0.0]).x
        np.testing.assert_allclose(found[:, index], expit(slope * x + shift), atol=1e-4)


def test_isotonic_is_the_best_increasing_function_within_what_clips_can_tell():
    labels, probability, _ = planted_labels(2, clips=300)
    found = fit("isotonic", labels, probability, "multilabel").apply(probability)
    for index, there in enumerate(labels.T):
        order = np.argsort(probability[:, index])
        best = isotonic_regression(there[order].astype(float)).x
        np.testing.assert_allclose(found[order, index], best.clip(1 / 302, 301 / 302), atol=1e-9)


def test_platt_undoes_a_slope_and_a_shift():
    labels, probability, x = planted_labels(3, clips=20000)
    found = fit("platt", labels, probability, "multilabel").apply(probability)
    np.testing.assert_allclose(found, expit(x), atol=0.04)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_a_class_without_both_answers_stays_as_it_is(method):
    labels, probability, _ = planted_labels(4, clips=50)
    labels[:, 1], labels[:, 3] = 0, 1
    found = fit(method, labels, probability, "multilabel")
    assert found.left == 2
    applied = found.apply(probability)
    np.testing.assert_array_equal(applied[:, [1, 3]], probability[:, [1, 3]])
    assert np.isfinite(log_loss(labels[:, 0], applied[:, 0]))


@settings(max_examples=25)
@given(st.integers(0, 1000), st.sampled_from(METHODS["multilabel"]))
def test_maps_by_class_keep_the_order_of_clips(seed, method):
    """Of a network that is better than chance."""
    labels, probability, _ = planted_labels(seed, clips=200, classes=1)
    found = fit(method, labels, probability, "multilabel").apply(probability)
    order = np.argsort(probability[:, 0])
    assert (np.diff(found[order, 0]) >= -1e-12).all()
    before, after = (negative_log_likelihood(labels, p, "multilabel") for p in (probability, found))
    assert after.mean() <= before.mean() + 0.01


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 9), st.booleans())
def test_the_resampled_calibration_error_is_that_of_the_clips_drawn(seed, bins, is_multilabel):
    one = random_predictions(seed, task="multilabel" if is_multilabel else "multiclass")
    pairs = [confidence_and_outcome(one.labels, p, one.task) for p in one.mean_probability]
    counts = np.random.default_rng(seed).integers(0, 4, (3, 30))
    counts[:, 0] = 1
    statistic = calibration_error_of(pairs, bins)
    for replication, (confidence, outcome) in enumerate(pairs):
        found = statistic(replication, counts.astype(float), np.ones((3, 0)))
        for value, count in zip(found, counts, strict=True):
            drawn = (np.repeat(part, count, axis=0) for part in (confidence, outcome))
            assert value == pytest.approx(calibration_error(*drawn, bins), abs=1e-6)


def overconfident(seed, fold, clips=400, **changes):
    labels, logits = planted(seed, clips, 4)
    noise = np.random.default_rng(seed).normal(0, 0.1, (3, clips, 4))
    probability = softmax(logits + noise, axis=2).astype(np.float32)
    names = np.array([f"{seed}/{index // 2}" for index in range(clips)])
    fields = {"mean_probability": probability, "labels": labels, "recording": names, "fold": fold}
    return random_predictions(seed, clips, **fields | changes)


def value(frame, method, metric, column="value", fold="all"):
    own = frame[(frame["method"] == method) & (frame["fold"] == fold)]
    return own.set_index("metric").loc[metric, column]


def test_scores_before_and_after_and_what_they_change():
    folds = [Fold(overconfident(10 + k, k), overconfident(20 + k, k)) for k in (1, 2)]
    frame, bars = recalibrated_tables(folds, bins=10, resamples=200, seed=3)
    assert list(frame.columns) == COLUMNS
    assert set(frame["fold"]) == {"1", "2", "all"}
    for metric in ("ece", "classwise_ece", "nll", "brier"):
        before, after = (value(frame, m, metric) for m in (UNCHANGED, "temperature"))
        assert value(frame, "temperature", metric, "change") == pytest.approx(after - before)
        assert value(frame, "temperature", metric, "change_high") < 0
        low, high = (value(frame, "temperature", metric, side) for side in ("low", "high"))
        assert 0 <= low < after < high
    labels = np.concatenate([one.test.labels for one in folds])
    p = np.concatenate([one.test.mean_probability for one in folds], axis=1)
    nll = [-np.log(one[labels > 0]).mean() for one in p.astype(float)]
    errors = [calibration_error(one, labels, 10) for one in p]
    assert value(frame, UNCHANGED, "nll") == pytest.approx(np.mean(nll))
    assert value(frame, UNCHANGED, "classwise_ece") == pytest.approx(np.mean(errors), rel=1e-4)
    mean = np.mean([value(frame, "temperature", "temperature", fold=k) for k in ("1", "2")])
    assert value(frame, "temperature", "temperature") == pytest.approx(mean)
    assert mean == pytest.approx(2.5, rel=0.2)
    assert set(frame["recordings"][frame["fold"] == "all"]) == {400}
    cases = bars.groupby("method")["cases"].sum()
    assert cases.to_dict() == pytest.approx({UNCHANGED: 800, "temperature": 800})


def test_the_interval_of_the_change_covers_as_often_as_it_says():
    """Of the NLL, whose change on endless clips is known; 30 test sets of one network."""
    calibration = overconfident(1, 1)
    labels, logits = planted(99, 200_000, 4)
    p = softmax(logits, axis=1)
    warm = fit("temperature", calibration.labels, calibration.mean_probability[0], "multiclass")
    truth = log_loss(labels.argmax(1), warm.apply(p)) - log_loss(labels.argmax(1), p)
    hits = 0
    for seed in range(30):
        labels, logits = planted(1000 + seed, 100, 4)
        same = {"mean_probability": softmax(logits, axis=1)[None].astype(np.float32)}
        names = np.arange(100).astype(str)
        test = random_predictions(seed, 100, replications=1, labels=labels, recording=names, **same)
        frame, _ = recalibrated_tables([Fold(calibration, test)], 10, 60, seed)
        low, high = (value(frame, "temperature", "nll", f"change_{s}") for s in ("low", "high"))
        hits += low <= truth <= high
    assert hits >= 25


def test_several_labels_a_clip_are_halved_by_recording(tmp_path):
    labels, probability, _ = planted_labels(7, clips=600, classes=4)
    names = np.array([f"video{index // 3}" for index in range(600)])
    one = random_predictions(
        clips=600,
        task="multilabel",
        labels=labels,
        mean_probability=probability[None].astype(np.float32),
        **{name: np.zeros((1, 600)) for name in ("total", "aleatoric", "epistemic")},
        recording=names,
        fold=0,
        strategy="det",
    )
    halves = halves_of(one, 5)
    assert not np.intersect1d(halves.calibration.recording, halves.test.recording).size
    assert len(halves.calibration.clip_id) + len(halves.test.clip_id) == 600
    assert len(np.unique(halves.calibration.recording)) == 100
    write_predictions(one, tmp_path / "one.h5")
    outputs = {"scores": tmp_path / "a.parquet", "reliability": tmp_path / "b.parquet"}
    write_recalibrated([[(tmp_path / "one.h5", None)]], 10, 100, 5, outputs)
    frame = pd.read_parquet(outputs["scores"])
    assert set(frame["method"]) == {UNCHANGED, "temperature", "platt", "isotonic"}
    assert set(frame["fold"]) == {"all"}
    assert set(frame["passes"]) == {1}
    for method in METHODS["multilabel"]:
        assert value(frame, method, "nll", "change_high") < 0
    expected = negative_log_likelihood(
        halves.test.labels, halves.test.mean_probability[0], "multilabel"
    )
    assert value(frame, UNCHANGED, "nll") == pytest.approx(expected.mean())


def test_a_recording_on_both_sides_is_refused():
    calibration, test = overconfident(1, 1), overconfident(2, 1)
    with pytest.raises(UserError, match=r"own/flip/finetuned, fold 1: 200 recordings"):
        fold_of(test, test)
    with pytest.raises(UserError, match="another network"):
        fold_of(overconfident(1, 2), test)
    assert fold_of(calibration, test).test is test


@settings(max_examples=25)
@given(st.integers(0, 100), st.integers(2, 15))
def test_halves_are_of_whole_recordings(seed, recordings):
    rng = np.random.default_rng(seed)
    recording = np.repeat(np.arange(recordings).astype(str), rng.integers(1, 5, recordings))
    halves = random_halves(recording, 20, rng)
    for half in halves:
        assert len(np.unique(recording[half])) == recordings // 2
        assert not np.intersect1d(recording[half], recording[~half]).size
