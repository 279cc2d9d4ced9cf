"""How well an uncertainty tells out-of-distribution clips from the model's own."""

import numpy as np
from sklearn.metrics import auc, roc_curve

DETECTION_RATE = 0.95
DETECTION_METRICS = ("auroc", "aupr", "fpr95")


def detection_scores(inside: np.ndarray, outside: np.ndarray) -> dict[str, float]:
    """AUROC, AUPR and FPR95 of an uncertainty, out-of-distribution clips being the positives.

    inside: (N,) uncertainty of the model's own test clips; outside: (M,) of the others; higher is
    more uncertain. `auroc`: P(an outside clip is the more uncertain one), ties half; 0.5 is chance.
    `aupr`: average precision, sum of (R_n - R_(n-1)) P_n; chance is M / (N + M). `fpr95`: the share
    of inside clips raised as outside at the highest threshold that finds 95 % of the outside; lower
    is better. NaN for all where either set is empty.
    """
    if not len(inside) or not len(outside):
        return dict.fromkeys(DETECTION_METRICS, float("nan"))
    truth = np.repeat([0, 1], [len(inside), len(outside)])
    score = np.concatenate([inside, outside]).astype(np.float64)
    # One sorting of the clips for all three: scikit-learn's own checks cost more than this.
    false, found, _ = roc_curve(truth, score, drop_intermediate=False)
    raised = found[1:] * len(outside), false[1:] * len(inside)
    precision = raised[0] / (raised[0] + raised[1])
    return {
        "auroc": float(auc(false, found)),
        "aupr": float(np.diff(found) @ precision),
        "fpr95": float(false[np.argmax(found >= DETECTION_RATE)]),
    }
