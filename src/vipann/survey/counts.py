"""How often a class is heard an hour and a day, with an interval that carries the calibration.

A count of windows above a threshold misses what lies below and takes errors for detections. Here
the number of windows that hold the class is estimated from all their probabilities: each is mapped
to what such a score was worth among clips whose labels are known (`vipann.survey.calibrated`), and
the sum of these is the count. Its interval at 95 % covers which windows hold the class, given those
probabilities, and how far the map would move with other clips: it is fitted to resamples of their
recordings, and from each the number of windows is drawn.

What it cannot know: where the known clips are not like the season, or classes are rarer there than
among them, the map is off, and so is the count. The audit's clips are of the season itself.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from vipann.evaluation.interval import LEVEL
from vipann.evaluation.resampling import LEAST_RECORDINGS, Resamples
from vipann.survey.calibrated import applied, fit_platt
from vipann.survey.held_out import HeldOut
from vipann.survey.windows import END, RECORDING, START, probabilities_of

COLUMNS = ("start", "class", "recorded_seconds", "windows", "count", "low", "high", "detections")
PERIODS = {"hour": "h", "day": "D"}
# Equal in ln(p / (1 - p)) from LEAST on: scores near 0 are most of a season.
CELLS = 120
_LEAST_SCORE = 1e-6
_SLACK_SECONDS = 1e-6


def apart(windows: pd.DataFrame) -> np.ndarray:
    """(N,) bool: of each recording the first window, and each next that does not overlap the last
    one chosen. windows: sorted by recording and start."""
    chosen = np.zeros(len(windows), bool)
    recordings = windows[RECORDING].to_numpy(object)
    starts, ends = (windows[name].to_numpy(np.float64) for name in (START, END))
    last, until = None, -np.inf
    for place, (name, start) in enumerate(zip(recordings, starts, strict=True)):
        if name != last or start >= until - _SLACK_SECONDS:
            chosen[place], last, until = True, name, ends[place]
    return chosen


class Tally:
    """Windows of a season by period, class and score, added shard by shard."""

    def __init__(self, classes: Sequence[str], thresholds: np.ndarray, period: str) -> None:
        self.classes, self.thresholds, self.period = list(classes), thresholds, period
        edge = np.log(_LEAST_SCORE / (1 - _LEAST_SCORE))
        self._edges = 1 / (1 + np.exp(-np.linspace(edge, -edge, CELLS + 1)))[1:-1]
        self._cells: dict[pd.Timestamp, np.ndarray] = {}
        self._sums = np.zeros(CELLS), np.zeros(CELLS)
        self._detections: dict[pd.Timestamp, np.ndarray] = {}
        self._seconds: dict[pd.Timestamp, float] = {}

    def add(self, windows: pd.DataFrame, starts: Mapping[str, datetime]) -> None:
        """Count windows, of recordings whose start is known, by the period in which they start.

        windows: that do not overlap, see `apart`.
        """
        windows = windows[windows[RECORDING].isin(list(starts))]
        if windows.empty:
            return
        begun = {name: pd.Timestamp(starts[name]) for name in windows[RECORDING].unique()}
        after = pd.to_timedelta(windows[START], unit="s")
        first = windows[RECORDING].map(begun)
        times = (first + after).dt.tz_convert(next(iter(begun.values())).tz)
        periods = times.dt.tz_localize(None).dt.floor(PERIODS[self.period])
        probability = probabilities_of(windows, self.classes).astype(np.float64)
        cell = np.searchsorted(self._edges, probability, side="right")
        for sums, values in zip(self._sums, (np.ones_like(probability), probability), strict=True):
            sums += np.bincount(cell.ravel(), values.ravel(), CELLS)
        length = (windows[END] - windows[START]).to_numpy(np.float64)
        for period, rows in windows.groupby(periods.to_numpy()).indices.items():
            key = pd.Timestamp(period)
            counts = self._cells.setdefault(key, np.zeros((len(self.classes), CELLS), np.int64))
            for index in range(len(self.classes)):
                counts[index] += np.bincount(cell[rows, index], minlength=CELLS)
            detected = (probability[rows] >= self.thresholds).sum(axis=0)
            self._detections[key] = self._detections.get(key, 0) + detected
            self._seconds[key] = self._seconds.get(key, 0.0) + float(length[rows].sum())

    def table(self, known: HeldOut, resamples: int, seed: int) -> pd.DataFrame:
        """A row a period that was recorded and a class, with the columns `COLUMNS`.

        start: of the period, by the clock of the starts' zone; recorded_seconds: heard in it;
        windows: that do not overlap; count, low, high: how many of these hold the class (module
        docstring), the interval NaN where the known clips are of fewer than five recordings;
        detections: how many reach the threshold.
        """
        periods = sorted(self._cells)
        blank = pd.DataFrame(columns=list(COLUMNS))
        if not periods:
            return blank
        rng = np.random.default_rng(seed)
        resampled = Resamples(known.recording, resamples, rng)
        sums, weighted = self._sums
        middle = np.divide(weighted, sums, out=np.full(CELLS, 0.5), where=sums > 0)
        found = []
        for index, name in enumerate(self.classes):
            counts = np.array([self._cells[period][index] for period in periods])
            mean, low, high = _estimate(counts, middle, known, index, resampled, rng)
            about = {
                "start": [period.isoformat() for period in periods],
                "class": name,
                "recorded_seconds": [self._seconds[period] for period in periods],
                "windows": counts.sum(axis=1),
                "count": mean,
                "low": low,
                "high": high,
                "detections": [int(self._detections[period][index]) for period in periods],
            }
            found.append(pd.DataFrame(about))
        joined = pd.concat(found, ignore_index=True)
        return joined.sort_values(["start", "class"], ignore_index=True)[list(COLUMNS)]


def _estimate(
    counts: np.ndarray,
    middle: np.ndarray,
    known: HeldOut,
    index: int,
    resampled: Resamples,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expected number (P,) of windows with the class, and its interval, of counts (P, CELLS)."""
    score, present = known.probability[:, index], known.present[:, index]
    mean = counts @ applied(fit_platt(score, present), middle)
    if resampled.recordings < LEAST_RECORDINGS:
        return mean, np.full(len(mean), np.nan), np.full(len(mean), np.nan)
    used = np.flatnonzero(counts.any(axis=0))
    drawn = np.empty((resampled.resamples, len(counts)), np.int64)
    for number in range(resampled.resamples):
        weight = resampled.weights(np.array([number]))[0]
        worth = applied(fit_platt(score, present, weight), middle[used])
        drawn[number] = rng.binomial(counts[:, used], worth).sum(axis=1)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return mean, low, high
