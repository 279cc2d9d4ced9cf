"""Events: where a class is heard, from when to when, and how far to trust that."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vipann.survey.held_out import HeldOut, percentiles
from vipann.survey.windows import END, MEASURES, RECORDING, START, probabilities_of

PERCENTILES = tuple(f"percentile_{name}" for name in MEASURES)
COLUMNS = (
    *(RECORDING, START, END, "class", "probability", "peak_start_seconds", "windows"),
    *(*MEASURES, *PERCENTILES),
)
_SLACK_SECONDS = 1e-6


@dataclass(frozen=True)
class Merging:
    """When windows in which a class is detected are one event.

    gap_seconds: windows that overlap, touch, or are no further apart; least_windows: an event of
    fewer is left out.
    """

    gap_seconds: float = 0.0
    least_windows: int = 1


def events_of(
    windows: pd.DataFrame,
    classes: Sequence[str],
    thresholds: np.ndarray,
    merging: Merging,
    held_out: HeldOut,
) -> pd.DataFrame:
    """A row an event, by recording, start and class, with the columns `COLUMNS`.

    windows: a windows table, sorted by recording and start; thresholds: (C,), a class is detected
    in a window where its probability is as high. start_seconds, end_seconds: of the event in its
    recording; probability and the measures are those of the window in which the class is most
    probable, which starts at peak_start_seconds; percentile_<measure>: the percentage of held-out
    clips whose measure is lower.
    """
    probability = probabilities_of(windows, classes)
    found = [
        _events_of_class(windows, probability[:, index], thresholds[index], merging).assign(
            **{"class": name}
        )
        for index, name in enumerate(classes)
    ]
    events = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    for measure, column in zip(MEASURES, PERCENTILES, strict=True):
        among = held_out.measures[measure].to_numpy(np.float64)
        events[column] = percentiles(events[measure].to_numpy(np.float64), among)
    events = events.sort_values([RECORDING, START, "class"], ignore_index=True)
    return events[list(COLUMNS)]


def _events_of_class(
    windows: pd.DataFrame, probability: np.ndarray, threshold: float, merging: Merging
) -> pd.DataFrame:
    chosen = windows.loc[probability >= threshold, [RECORDING, START, END, *MEASURES]]
    chosen = chosen.assign(probability=probability[probability >= threshold])
    # Windows of a recording may differ in length at its end, so an earlier one may end last.
    until = chosen.groupby(RECORDING, sort=False)[END].cummax().shift()
    is_new = (chosen[RECORDING] != chosen[RECORDING].shift()) | (
        chosen[START] > until + merging.gap_seconds + _SLACK_SECONDS
    )
    event = is_new.cumsum().to_numpy()
    groups = chosen.groupby(event, sort=True)
    peaks = chosen.loc[groups["probability"].idxmax()].reset_index(drop=True)
    extent = groups.agg(start=(START, "min"), end=(END, "max"), windows=(START, "size"))
    found = peaks.rename(columns={START: "peak_start_seconds"}).assign(
        **{
            START: extent["start"].to_numpy(),
            END: extent["end"].to_numpy(),
            "windows": extent["windows"].to_numpy(),
        }
    )
    return found[found["windows"] >= merging.least_windows]
