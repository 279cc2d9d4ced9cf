"""How well out-of-distribution clips are detected: by an uncertainty, and without any network.

An uncertainty that finds them may have found no more than that they are louder, shorter or cut off
at another frequency. So the same clips are scored by what can be measured of them directly (the
shortcuts), and an uncertainty knows something of what is to be heard where it does better.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
from sklearn.metrics import auc, roc_curve

from vipann.errors import UserError
from vipann.features.measures import read_measures

DETECTION_RATE = 0.95
DETECTION_METRICS = ("auroc", "aupr", "fpr95")
# Of `vipann.features.measures`, in the order of a table's rows.
SHORTCUTS = {
    "level_db": "Level (dB)",
    "quiet_share": "Share of near-silent frames",
    "band_edge_hz": "Upper band edge",
    "source_seconds": "Duration",
    "padding_share": "Padding share",
    "source_rate": "Sample rate of the source",
}
SHORTCUT_COLUMNS = ["dataset", "score", "auroc", "separation", "folds", "own_clips", "ood_clips"]


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


def shortcut_scores(dataset: str, own: Path, outside: Path, folds: Sequence[int]) -> pd.DataFrame:
    """AUROC of each shortcut, of the test clips of `folds` against all out-of-distribution clips.

    own, outside: feature files; folds: those that networks were tested on, [0] for the split
    "eval". Columns: `SHORTCUT_COLUMNS`; auroc: P(an out-of-distribution clip has the higher value),
    ties half, mean over folds as of the uncertainties; separation: max(auroc, 1 - auroc), in
    [0.5, 1], as a shortcut may point either way. No rows where the features were not made from
    audio.

    Raises:
        UserError: the two files' clips are of different length.
    """
    mine, others = _read(own), _read(outside)
    if mine.clip_seconds != others.clip_seconds:
        raise UserError(
            f"{own} holds clips of {mine.clip_seconds:g} s and {outside} clips of "
            f"{others.clip_seconds:g} s: they cannot be compared. Delete them and run again."
        )
    tested = [mine.fold == fold if fold else mine.evaluated for fold in folds]
    rows = []
    measured = set(mine.measures) & set(others.measures)
    for score in (name for name in SHORTCUTS if name in measured):
        inside, beside = (side.measures[score].to_numpy(np.float64) for side in (mine, others))
        areas = [detection_scores(inside[chosen], beside)["auroc"] for chosen in tested]
        area = float(np.mean(areas))
        clips = int(np.sum(tested)), len(beside)
        rows.append((dataset, score, area, max(area, 1 - area), len(folds), *clips))
    return pd.DataFrame(rows, columns=SHORTCUT_COLUMNS)


class _Clips(NamedTuple):
    """What counts of a feature file here; its labels and names may be gigabytes."""

    clip_seconds: float
    fold: np.ndarray
    evaluated: np.ndarray
    measures: pd.DataFrame


def _read(path: Path) -> _Clips:
    with h5py.File(path, "r") as file:
        seconds, fold = float(file.attrs["clip_seconds"]), file["fold"][()]
        return _Clips(seconds, fold, file["split"][()] == b"eval", read_measures(file))
