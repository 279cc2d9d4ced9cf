"""How well out-of-distribution clips are told apart without any network.

An uncertainty that finds them may have found no more than that they are louder, shorter or cut off
at another frequency. So the same clips are scored by what can be measured of them directly, and an
uncertainty knows something of what is to be heard where it does better.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vipann.errors import UserError
from vipann.evaluation.detection import detection_scores
from vipann.features.store import FeatureStore

# Of `vipann.features.measures`, in the order of a table's rows.
SHORTCUTS = {
    "level_db": "Level (dB)",
    "quiet_share": "Share of near-silent frames",
    "band_edge_hz": "Upper band edge",
    "source_seconds": "Duration",
    "padding_share": "Padding share",
    "source_rate": "Sample rate of the source",
}
COLUMNS = ["dataset", "score", "auroc", "separation", "folds", "own_clips", "ood_clips"]


def shortcut_scores(dataset: str, own: Path, outside: Path, folds: Sequence[int]) -> pd.DataFrame:
    """AUROC of each shortcut, of the test clips of `folds` against all out-of-distribution clips.

    own, outside: feature files; folds: those that networks were tested on, [0] for the split
    "eval". Columns: `COLUMNS`; auroc: P(an out-of-distribution clip has the higher value), ties
    half, mean over folds as of the uncertainties; separation: max(auroc, 1 - auroc), in [0.5, 1],
    as a shortcut may point either way. No rows where the features were not made from audio.

    Raises:
        UserError: the two files' clips are of different length.
    """
    with FeatureStore(own) as mine, FeatureStore(outside) as others:
        if mine.clip_seconds != others.clip_seconds:
            raise UserError(
                f"{own} holds clips of {mine.clip_seconds:g} s and {outside} clips of "
                f"{others.clip_seconds:g} s: they cannot be compared. Delete them and run again."
            )
        tested = [mine.rows(folds=fold) if fold else mine.rows(split="eval") for fold in folds]
        rows = []
        measured = set(mine.clip_measures) & set(others.clip_measures)
        for score in (name for name in SHORTCUTS if name in measured):
            inside = mine.clip_measures[score].to_numpy(np.float64)
            beside = others.clip_measures[score].to_numpy(np.float64)
            areas = [detection_scores(inside[chosen], beside)["auroc"] for chosen in tested]
            area = float(np.mean(areas))
            clips = sum(map(len, tested)), len(beside)
            rows.append((dataset, score, area, max(area, 1 - area), len(folds), *clips))
    return pd.DataFrame(rows, columns=COLUMNS)
