"""What a reader of the counts of hours and days should be told: one line each, of all periods."""

import warnings
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from vipann.errors import DataWarning
from vipann.evaluation.resampling import LEAST_RECORDINGS
from vipann.survey.held_out import HeldOut
from vipann.tasks import Task

CountsBy = Literal["held_out", "audit"]
# Counts are no whole numbers: less than a window above is no more than that.
_EXCESS_WINDOWS = 1.0


def warn_of_counts(
    tables: Mapping[str, pd.DataFrame], task: Task, known: HeldOut, counts_by: CountsBy
) -> None:
    """Warn where counts cannot be true, and where they have no interval.

    tables: of `counts.Tally.table`, by period (hour, day); task: of the model; known, counts_by:
    the clips that say what a score is worth, and where they come from.
    """
    if all(table.empty for table in tables.values()):
        return
    if task == "multiclass":
        _warn_of_excess(tables, counts_by)
    recordings = len(np.unique(known.recording))
    if recordings < LEAST_RECORDINGS:
        whose = "labelled clips of the audit" if counts_by == "audit" else "held-out clips"
        warnings.warn(
            f"counts have no interval (low and high are empty): the {whose} are of {recordings} "
            f"recordings, and how far counts would move with others takes {LEAST_RECORDINGS}.",
            DataWarning,
            stacklevel=3,
        )


def _warn_of_excess(tables: Mapping[str, pd.DataFrame], counts_by: CountsBy) -> None:
    """Of a network that gives each window one label: where a period's counts add up to more than
    its windows."""
    sums = pd.concat(
        table.groupby("start").agg({"count": "sum", "windows": "first"}).assign(period=period)
        for period, table in tables.items()
    )
    above = (sums["count"] - sums["windows"]).astype(np.float64)
    found = sums[above >= _EXCESS_WINDOWS]
    if found.empty:
        return
    worst = sums.iloc[int(above.to_numpy().argmax())]
    more = f" ({len(found) - 1} more hours and days are so)" if len(found) > 1 else ""
    way_out = {
        "held_out": "label the review and count by its audit (counts_by: audit, --counts-by audit)",
        "audit": "label more clips of an audit (review.audit, --audit) under another review name",
    }
    warnings.warn(
        f"in the {worst['period']} from {worst.name} the counts of the classes add up to "
        f"{worst['count']:.1f} in {worst['windows']} windows, of which each holds one class at "
        f"most{more}: counts are made class by class, as if classes were as frequent as among the "
        f"clips that say what a score is worth. To have them nearer to the truth, "
        f"{way_out[counts_by]}.",
        DataWarning,
        stacklevel=4,
    )
