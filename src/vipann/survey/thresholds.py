"""The threshold of each class: the lowest at which detections among held-out clips are as often
right as is wished."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from vipann.errors import UserError
from vipann.survey.calibrated import fit_platt
from vipann.survey.held_out import HeldOut
from vipann.survey.shares import share_of

COLUMNS = (
    *("class", "threshold", "wished_precision"),
    *("precision", "precision_low", "precision_high"),
    *("recall", "recall_low", "recall_high"),
    *("detections", "recordings", "present"),
)


def lowest_threshold(
    probability: np.ndarray, present: np.ndarray, precision: float, floor: float = 0.0
) -> float:
    """The lowest score t, at least `floor`, such that of the clips that score t or more the share
    `precision` or more are `present`; infinity where there is none. Arrays (N,)."""
    order = np.argsort(-probability, kind="stable")
    ranked = probability[order]
    right = np.cumsum(present[order]) / np.arange(1, len(order) + 1)
    # Clips of one score are detected together.
    is_last = np.append(np.diff(ranked) != 0, True)[: len(ranked)]
    enough = np.flatnonzero(is_last & (right >= precision) & (ranked >= floor))
    return float(ranked[enough[-1]]) if len(enough) else np.inf


def even_score(probability: np.ndarray, present: np.ndarray) -> float:
    """The score that is worth one half (`vipann.survey.calibrated`); 0 where higher scores are not
    worth more."""
    slope, offset = fit_platt(probability, present)
    return float(expit(-offset / slope)) if slope > 0 else 0.0


def threshold_table(
    held_out: HeldOut, precision: float, fixed: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """A row a class, with the columns `COLUMNS`.

    precision: what is wished of detections; fixed: thresholds that the user sets, by class. The
    others are the lowest that reach it and are worth one half: where classes are well apart, so few
    held-out clips lie between them that a threshold near 0 would reach it too.
    precision, recall: of the held-out clips at the threshold, at 95 % over recordings
    (`vipann.survey.shares`); the threshold was chosen on the same clips, so these are somewhat
    optimistic, and they hold where classes are as frequent as among those clips. detections,
    recordings: held-out clips at or above the threshold, and of how many recordings they are;
    present: clips with the class. A class that never reaches the precision has the threshold
    infinity, and is not detected.

    Raises:
        UserError: `fixed` names a class that the model does not have.
    """
    fixed = dict(fixed or {})
    if unknown := [name for name in fixed if name not in held_out.classes]:
        raise UserError(
            f"thresholds: the model has no class {unknown[0]!r}; it has "
            f"{', '.join(held_out.classes)}."
        )
    rows = []
    for index, name in enumerate(held_out.classes):
        score, present = held_out.probability[:, index], held_out.present[:, index]
        floor = even_score(score, present)
        threshold = fixed.get(name, lowest_threshold(score, present, precision, floor))
        detected = score >= threshold
        exact = share_of(present[detected], held_out.recording[detected])
        found = share_of(detected[present], held_out.recording[present])
        wished = np.nan if name in fixed else precision
        counts = (int(detected.sum()), exact.recordings, int(present.sum()))
        rows.append((name, threshold, wished, *exact[:3], *found[:3], *counts))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def thresholds_of(table: pd.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """(C,) thresholds in the order of the classes, infinity where the class is not detected."""
    return table.set_index("class").loc[list(classes), "threshold"].to_numpy(np.float64)
