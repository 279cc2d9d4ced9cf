"""The rows of every score of a predictions file."""

import numpy as np
import pytest

from vipann.evaluation import metrics
from vipann.evaluation.predictions import UNCERTAINTIES, Predictions
from vipann.scores import multilabel_scores


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


def test_metrics_of_multilabel_predictions_are_its_scores_and_the_classes_without_a_positive():
    labels, score = random_tagging(7)
    wider, wider_score = np.pad(labels, ((0, 0), (0, 2))), np.hstack([score, score[:, :2]])
    frame = metrics.metrics_of(predictions("multilabel", wider, wider_score[None]))
    values = frame.set_index("metric")["value"].to_dict()
    assert values.items() >= multilabel_scores(labels, score).items()
    assert values["classes_left_out"] == 2
    assert "accuracy" not in values


def test_clips_without_labels_give_uncertainties_alone():
    probability = np.full((1, 5, 4), 0.25)
    found = metrics.metrics_of(
        predictions("multiclass", np.zeros((5, 0), np.uint8), probability, scored_dataset="ships")
    )
    assert set(found["metric"]) == {f"mean_{name}" for name in UNCERTAINTIES}
    assert set(found["scored_dataset"]) == {"ships"}
