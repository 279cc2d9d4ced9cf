"""What is confused with what, and how often a stated probability comes true."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from vipann.evaluation.calibration import bin_sums, confidence_and_outcome
from vipann.evaluation.predictions import Predictions

_NETWORK = ("dataset", "strategy", "phase")
CONFUSION_COLUMNS = [*_NETWORK, "fold", "target", "predicted", "clips"]
RELIABILITY_COLUMNS = [*_NETWORK, "low", "high", "cases", "confidence", "outcome"]


def confusion_table(one: Predictions) -> pd.DataFrame:
    """Clips per class and predicted class of one fold, the mean over replications.

    Columns: dataset, strategy, phase, fold, target, predicted (class names), clips. Pairs that do
    not occur are left out, but the diagonal is always there.
    """
    classes = np.arange(len(one.classes))
    targets = np.tile(one.targets, one.replications)
    counts = confusion_matrix(targets, one.predicted.ravel(), labels=classes) / one.replications
    target, predicted = np.nonzero((counts > 0) | np.eye(len(classes), dtype=bool))
    names = np.asarray(one.classes, dtype=object)
    frame = pd.DataFrame({"target": names[target], "predicted": names[predicted]})
    frame["clips"] = counts[target, predicted]
    return one.described(frame, CONFUSION_COLUMNS)


def reliability_table(folds: Sequence[Predictions], bins: int) -> pd.DataFrame:
    """Mean confidence and share of outcomes in bins of equal width, cases of all folds together.

    A case is a clip and its most probable class, or multi-label a clip and one of its classes; see
    `vipann.evaluation.calibration`. Columns: dataset, strategy, phase, low, high (the bin's edges),
    cases (mean over replications), confidence, outcome (NaN in an empty bin).
    """
    sums = np.zeros((3, bins))
    for one in folds:
        for probability in one.mean_probability:
            pair = confidence_and_outcome(one.labels, probability, one.task)
            for column, came_true in zip(*(np.ascontiguousarray(x.T) for x in pair), strict=True):
                found = bin_sums(column, came_true, bins)
                sums += np.array(found) / one.replications
    cases, confidences, outcomes = sums
    edges = np.linspace(0.0, 1.0, bins + 1)
    with np.errstate(invalid="ignore"):
        means = {"confidence": confidences / cases, "outcome": outcomes / cases}
    frame = pd.DataFrame({"low": edges[:-1], "high": edges[1:], "cases": cases, **means})
    return folds[0].described(frame, RELIABILITY_COLUMNS)
