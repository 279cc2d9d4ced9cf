"""Events are cut from the scores of frames: where a class is heard, from when to when."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from vipann.evaluation.frames import ClipFrames, read_frame_facts, read_frames
from vipann.files import replacing

COLUMNS = ["clip_id", "class", "onset_s", "offset_s", "score", "aleatoric", "epistemic"]
# What follows each other in time, of one class.
_ALONG_TIME = np.array([[0, 1, 0], [0, 1, 0], [0, 1, 0]])
_MEANS = ("probability", "aleatoric", "epistemic")
_ROUNDING = 1e-6  # of a number of frames
_DIGITS = 6  # of seconds: no last bit reaches into another segment


@dataclass(frozen=True)
class Cutting:
    """How events are cut: the config's `events`.

    median_filter_s: length of the median filter over a class's scores, 0 for none; it counts as the
    next odd number of frames at or above it. high, low: an event is a stretch of frames that score
    `low` or more, at least one of them `high` or more (hysteresis). merge_gap_s: stretches that are
    no further apart are one. min_duration_s: those that are shorter are then left out.
    """

    high: float
    low: float
    median_filter_s: float
    merge_gap_s: float
    min_duration_s: float


def write_events(predictions: Path, cutting: Cutting, out: Path) -> None:
    """Cut the events of all clips of a predictions file, and write them as csv, columns `COLUMNS`.

    Raises:
        UserError: the file holds no scores of frames.
    """
    facts = read_frame_facts(predictions)
    found = events(read_frames(predictions), facts.classes, facts.clip_seconds, cutting)
    with replacing(out) as beside:
        found.to_csv(beside, index=False)


def events(
    clips: Iterable[ClipFrames], classes: Iterable[str], clip_seconds: float, cutting: Cutting
) -> pd.DataFrame:
    """A row an event, by clip, class and onset, with the columns `COLUMNS`.

    onset_s, offset_s: seconds from the clip's start; a clip's frames share its seconds evenly.
    score: mean over the event's frames of their probabilities as the network gave them, in [0, 1].
    aleatoric, epistemic: the same means of the class's own uncertainty, in [0, ln 2] nats.
    """
    names, rows = list(classes), []
    for clip in clips:
        frame_s = clip_seconds / len(clip.probability)
        active = active_frames(clip.probability, frame_s, cutting)
        for frames, index in _stretches(active):
            values = (getattr(clip, name)[frames, index].mean() for name in _MEANS)
            times = (round(n * frame_s, _DIGITS) for n in (frames.start, frames.stop))
            rows.append((clip.clip_id, names[index], *times, *values))
    return pd.DataFrame(rows, columns=COLUMNS)


def active_frames(probability: np.ndarray, frame_s: float, cutting: Cutting) -> np.ndarray:
    """Which frames lie in an event, by class: (T', C) bool of scores (T', C)."""
    smoothed = probability
    if (length := _at_least(cutting.median_filter_s, frame_s)) > 1:
        length += 1 - length % 2
        smoothed = ndimage.median_filter(probability, size=(length, 1), mode="nearest")
    numbered, count = ndimage.label(smoothed >= cutting.low, structure=_ALONG_TIME)
    peaks = ndimage.maximum(smoothed, numbered, np.arange(count + 1))
    active = (numbered > 0) & (np.asarray(peaks)[numbered] >= cutting.high)
    gap = math.floor(cutting.merge_gap_s / frame_s + _ROUNDING)
    for frames, index in _stretches(~active):
        is_between = frames.start > 0 and frames.stop < len(active)
        if is_between and frames.stop - frames.start <= gap:
            active[frames, index] = True
    least = _at_least(cutting.min_duration_s, frame_s)
    for frames, index in _stretches(active):
        if frames.stop - frames.start < least:
            active[frames, index] = False
    return active


def _at_least(seconds: float, frame_s: float) -> int:
    """The fewest frames that last so long."""
    return math.ceil(seconds / frame_s - _ROUNDING)


def _stretches(chosen: np.ndarray) -> list[tuple[slice, int]]:
    """The stretches of consecutive chosen frames, and the class of each, by class and time."""
    found = ndimage.find_objects(ndimage.label(chosen, structure=_ALONG_TIME)[0])
    return sorted(((f, c.start) for f, c in found), key=lambda pair: (pair[1], pair[0].start))
