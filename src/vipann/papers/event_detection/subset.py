"""Tagging of the 17 classes of DCASE 2017's challenge (Tables 4.1 and 4.2)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vipann.evaluation.predictions import Predictions, read_predictions
from vipann.evaluation.score_columns import COLUMNS, ORIGINAL
from vipann.evaluation.variant_results import NETWORK, Results, read_results
from vipann.papers import Sources
from vipann.scores import f1_thresholds, micro_scores

# Table 4.1's name -> AudioSet's.
CLASSES = {
    "Car alarm": "Car alarm",
    "Reversing beeps": "Reversing beeps",
    "Air/Truck horn": "Air horn, truck horn",
    "Train horn": "Train horn",
    "Ambulance siren": "Ambulance (siren)",
    "Screaming": "Screaming",
    "Civil defense siren": "Civil defense siren",
    "Police siren": "Police car (siren)",
    "Fire engine siren": "Fire engine, fire truck (siren)",
    "Skateboard": "Skateboard",
    "Bicycle": "Bicycle",
    "Train": "Train",
    "Motorcycle": "Motorcycle",
    "Car passing by": "Car passing by",
    "Bus": "Bus",
    "Truck": "Truck",
    "Car": "Car",
}
METRICS = ("precision", "recall", "F1")


def with_subset(sources: Sources) -> Results:
    """The run's scores, with `METRICS` of each network of `sources["predictions"]` where the
    dataset has all 17 classes.

    Counted over clips and classes together, on clips that have one of the classes, as all of the
    challenge have. Each class has its own threshold, of the highest F1 on such clips of the train
    list (`sources["train_predictions"]`, in the same order): the network learnt from these, so it
    is a threshold for scores that are surer than those of the evaluation list. Means over
    replications.
    """
    results = read_results(sources)
    paths = zip(sources.get("predictions", []), sources.get("train_predictions", []), strict=True)
    rows = [row for pair in paths for row in _rows(*pair)]
    scores = pd.concat([results.scores, pd.DataFrame(rows, columns=COLUMNS)], ignore_index=True)
    return Results(scores if rows else results.scores, results.classes)


def _rows(predictions: str, train_predictions: str) -> list[list]:
    heard, learnt = (read_predictions(Path(path)) for path in (predictions, train_predictions))
    if not set(CLASSES.values()) <= set(heard.classes):
        return []
    variant, seed = Path(predictions).parent.name, int(Path(predictions).stem.removeprefix("seed"))
    who = [NETWORK, f"{variant}/{seed}", variant, seed, None, ORIGINAL]
    found = tagged(heard, learnt, list(CLASSES.values()))
    return [[*who, metric, value] for metric, value in found.items()]


def tagged(heard: Predictions, learnt: Predictions, classes: Sequence[str]) -> dict[str, float]:
    """`METRICS` of some classes on the clips `heard`, with thresholds chosen on `learnt`."""
    (labels, probability), (own_labels, own) = (_of(one, classes) for one in (heard, learnt))
    found = [
        micro_scores(labels, now >= f1_thresholds(own_labels, before))
        for now, before in zip(probability, own, strict=True)
    ]
    return {metric: float(np.mean([one[metric] for one in found])) for metric in METRICS}


def _of(one: Predictions, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N, C) and probabilities (R, N, C) of some classes, on the clips that have one."""
    columns = [one.classes.index(name) for name in classes]
    labels = one.labels[:, columns]
    there = labels.any(axis=1)
    return labels[there], one.mean_probability[:, there][:, :, columns]
