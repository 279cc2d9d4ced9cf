"""Scores against sklearn and against formulas spelled out by hand."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from vipann.evaluation import metrics
from vipann.evaluation.predictions import UNCERTAINTIES, Predictions


def average_precision_by_hand(positive, score):
    """Mean over positives of the precision among all clips scored at least as high."""
    return np.mean([positive[score >= mine].mean() for mine in score[positive]])


def auc_by_hand(positive, score):
    """Share of (positive, negative) pairs in the right order, a tie counting half."""
    gaps = score[positive][:, None] - score[~positive][None, :]
    return np.mean((gaps > 0) + 0.5 * (gaps == 0))


def random_tagging(seed, clips=40, classes=6):
    rng = np.random.default_rng(seed)
    labels = (rng.random((clips, classes)) < 0.3).astype(np.uint8)
    labels[0], labels[1] = 1, 0
    # Two decimals, so that scores tie.
    return labels, np.round(rng.random((clips, classes)) * 0.5 + labels * 0.3, 2)


def predictions(task, labels, probability, **changes):
    replications, clips, classes = probability.shape
    planted = {name: np.full((replications, clips), 0.1) for name in UNCERTAINTIES}
    fields = {
        "mean_probability": probability,
        **planted,
        "labels": labels,
        "clip_id": np.array([str(index) for index in range(clips)]),
        "clip_seconds": 5.0,
        "recording": np.array([str(index) for index in range(clips)]),
        "task": task,
        "dataset": "d",
        "scored_dataset": "d",
        "strategy": "drop",
        "phase": "fixed",
        "fold": 3,
        "mc_samples": 2,
        "seed": 1,
        "classes": tuple(map(str, range(classes))),
    }
    return Predictions(**{**fields, **changes})


@pytest.mark.parametrize("seed", range(5))
def test_map_and_auc_agree_with_their_definitions(seed):
    labels, score = random_tagging(seed)
    pairs = [(labels[:, c].astype(bool), score[:, c]) for c in range(labels.shape[1])]
    precisions = [average_precision_by_hand(*pair) for pair in pairs]
    assert metrics.mean_average_precision(labels, score) == pytest.approx(np.mean(precisions))
    areas = [auc_by_hand(*pair) for pair in pairs]
    assert metrics.macro_auc(labels, score) == pytest.approx(np.mean(areas))
    assert metrics.macro_auc(labels, score) == pytest.approx(
        roc_auc_score(labels, score, average="macro")
    )


def test_classes_without_a_positive_are_left_out_and_counted():
    labels, score = random_tagging(0)
    empty = np.zeros((len(labels), 2), np.uint8)
    wider, wider_score = np.hstack([labels, empty]), np.hstack([score, score[:, :2]])
    assert metrics.mean_average_precision(wider, wider_score) == pytest.approx(
        metrics.mean_average_precision(labels, score)
    )
    assert metrics.macro_auc(wider, wider_score) == pytest.approx(metrics.macro_auc(labels, score))
    assert metrics.classes_left_out(wider) == 2
    found = metrics.metrics_of(predictions("multilabel", wider, wider_score[None]))
    assert found.set_index("metric")["value"]["classes_left_out"] == 2
    assert np.isnan(metrics.mean_average_precision(empty, score[:, :2]))
    assert np.isnan(metrics.macro_auc(empty, score[:, :2]))


def test_a_class_that_every_clip_has_keeps_its_ap_and_loses_its_auc():
    labels, score = random_tagging(3)
    everywhere = np.hstack([labels, np.ones((len(labels), 1), np.uint8)])
    wider = np.hstack([score, score[:, :1]])
    assert metrics.macro_auc(everywhere, wider) == pytest.approx(metrics.macro_auc(labels, score))
    expected = (6 * metrics.mean_average_precision(labels, score) + 1) / 7
    assert metrics.mean_average_precision(everywhere, wider) == pytest.approx(expected)


@given(auc=st.floats(0.001, 0.999))
def test_d_prime_is_the_normal_quantile_times_root_two(auc):
    assert metrics.d_prime(auc) == pytest.approx(2**0.5 * NormalDist().inv_cdf(auc), abs=1e-6)


def test_d_prime_of_the_papers_auc_and_at_the_ends():
    # Table 3: AUC printed with three decimals, so d' is known to about 0.02.
    for auc, printed in ((0.973, 2.732), (0.975, 2.762), (0.972, 2.708)):
        assert metrics.d_prime(auc) == pytest.approx(printed, abs=0.02)
    assert metrics.d_prime(0.5) == pytest.approx(0)
    assert 6.7 < metrics.d_prime(1.0) < 6.73
    assert metrics.d_prime(0.0) == pytest.approx(-metrics.d_prime(1.0))


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_accuracy_does_not_depend_on_the_order_of_clips(seed):
    rng = np.random.default_rng(seed)
    targets, predicted = rng.integers(0, 3, (2, 17))
    order = rng.permutation(17)
    hits = sum(a == b for a, b in zip(targets.tolist(), predicted.tolist(), strict=True))
    assert metrics.accuracy(targets, predicted) == pytest.approx(hits / 17)
    assert metrics.accuracy(targets[order], predicted[order]) == metrics.accuracy(
        targets, predicted
    )


def test_metrics_of_multiclass_predictions_finds_what_was_planted():
    eye = np.eye(4)
    # Replication 0 has clips 0 to 2 right, replication 1 clip 0 alone.
    probability = np.stack([eye[[0, 1, 2, 0]], eye[[0, 0, 0, 0]]])
    total = np.array([[0.0, 1.0, 2.0, 3.0], [1.0, 1.0, 1.0, 5.0]])
    found = metrics.metrics_of(
        predictions("multiclass", eye.astype(np.uint8), probability, total=total)
    )
    assert list(found.columns) == metrics.METRIC_COLUMNS
    values = found.set_index(["replication", "metric"])["value"]
    assert values[0, "accuracy"] == 0.75
    assert values[1, "accuracy"] == 0.25
    assert values[0, "mean_total"] == 1.5
    assert values[1, "mean_total"] == 2.0
    assert values[1, "mean_epistemic"] == pytest.approx(0.1)
    assert set(found["metric"]) == {"accuracy", "mean_total", "mean_aleatoric", "mean_epistemic"}
    assert found[
        ["dataset", "strategy", "phase", "fold"]
    ].drop_duplicates().to_numpy().tolist() == [["d", "drop", "fixed", 3]]


def test_metrics_of_multilabel_predictions_uses_the_macro_auc():
    labels, score = random_tagging(7)
    values = (
        metrics.metrics_of(predictions("multilabel", labels, score[None]))
        .set_index("metric")["value"]
        .to_dict()
    )
    areas = [auc_by_hand(labels[:, c].astype(bool), score[:, c]) for c in range(labels.shape[1])]
    assert values["AUC"] == pytest.approx(np.mean(areas))
    assert values["d_prime"] == pytest.approx(2**0.5 * NormalDist().inv_cdf(np.mean(areas)))
    assert "accuracy" not in values


def test_clips_without_labels_give_uncertainties_alone():
    probability = np.full((1, 5, 4), 0.25)
    found = metrics.metrics_of(
        predictions("multiclass", np.zeros((5, 0), np.uint8), probability, scored_dataset="ships")
    )
    assert set(found["metric"]) == {f"mean_{name}" for name in UNCERTAINTIES}
    assert set(found["scored_dataset"]) == {"ships"}
