"""Events: where a class is heard, from when to when, and how far to trust that."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vipann.errors import UserError
from vipann.survey.calibrated import applied, maps_of
from vipann.survey.held_out import HeldOut, percentiles
from vipann.survey.windows import END, MEASURES, RECORDING, START, probabilities_of

PERCENTILES = tuple(f"percentile_{name}" for name in MEASURES)
COLUMNS = (
    *(RECORDING, START, END, "class", "probability", "peak_start_seconds", "windows"),
    *(*MEASURES, *PERCENTILES),
)
_MEANING = {
    "threshold": "threshold",
    "precision": "threshold_precision",
    "precision_low": "threshold_precision_low",
    "precision_high": "threshold_precision_high",
}
_SLACK_SECONDS = 1e-6


@dataclass(frozen=True)
class Merging:
    """When windows in which a class is detected are one event.

    gap_seconds: windows that overlap, touch, or are no further apart; least_windows: an event of
    fewer is left out.
    """

    gap_seconds: float = 0.0
    least_windows: int = 1

    def __post_init__(self) -> None:
        for name, least in (("gap_seconds", 0), ("least_windows", 1)):
            if not (value := getattr(self, name)) >= least:
                raise UserError(f"{name}: {value:g} is not allowed; must be {least} or more")


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


def with_meaning(events: pd.DataFrame, held_out: HeldOut, thresholds: pd.DataFrame) -> pd.DataFrame:
    """The events with what their probabilities are worth, after the column `probability`.

    calibrated_probability: of held-out clips with such a score for the class, the share that hold
    it (`calibrated.maps_of`); threshold: of the class; threshold_precision and its ends _low and
    _high: of held-out clips at or above the threshold, the share that hold the class
    (`thresholds.threshold_table`).
    """
    index = events["class"].map({name: at for at, name in enumerate(held_out.classes)})
    maps = maps_of(held_out)[:, index.to_numpy(np.int64)]
    worth = applied(maps, events["probability"].to_numpy(np.float64))
    meaning = {"calibrated_probability": worth}
    of_class = thresholds.set_index("class")
    for column, name in _MEANING.items():
        meaning[name] = events["class"].map(of_class[column]).to_numpy(np.float64)
    first = list(events.columns).index("probability") + 1
    names = [*events.columns[:first], *meaning, *events.columns[first:]]
    return events.assign(**meaning)[names]


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
