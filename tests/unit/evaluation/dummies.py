"""Small predictions with known properties."""

import numpy as np

from vipann.evaluation.predictions import UNCERTAINTIES, Predictions


def labels_of(targets, classes):
    return np.eye(classes, dtype=np.uint8)[targets]


def random_predictions(seed=0, clips=30, classes=4, replications=3, task="multiclass", **changes):
    """Probabilities that lean towards the labels; ties among the uncertainties."""
    rng = np.random.default_rng(seed)
    shape = (replications, clips, classes)
    if task == "multiclass":
        labels = labels_of(rng.integers(0, classes, clips), classes)
        raw = rng.random(shape) + 0.4 * labels
        probability = (raw / raw.sum(axis=-1, keepdims=True)).astype(np.float32)
    else:
        labels = (rng.random((clips, classes)) < 0.4).astype(np.uint8)
        labels[0], labels[1] = 1, 0
        probability = ((rng.random(shape) + labels) / 2.001).astype(np.float32)
    measures = {name: np.round(rng.random(shape[:2]), 1) for name in UNCERTAINTIES}
    fields = {
        "mean_probability": probability,
        **measures,
        "labels": labels,
        "clip_id": np.array([f"c{index}" for index in range(clips)]),
        "clip_seconds": 5.0,
        "recording": np.array([f"r{index}" for index in range(clips)]),
        "task": task,
        "dataset": "own",
        "scored_dataset": "own",
        "strategy": "flip",
        "phase": "finetuned",
        "fold": 1,
        "mc_samples": 2,
        "seed": 1,
        "classes": tuple(f"class{index}" for index in range(classes)),
    }
    return Predictions(**{**fields, **changes})


def outside_predictions(seed=100, clips=20, classes=4, **changes):
    labels = np.zeros((clips, 0), np.uint8)
    changes = {"scored_dataset": "ships", **changes}
    return random_predictions(seed, clips, classes, labels=labels, **changes)
