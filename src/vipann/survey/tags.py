"""Windows as a short table to read: the most probable classes of each, and how sure that is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
import pandas as pd

from vipann.evaluation.predictions import UNCERTAINTIES
from vipann.survey.calibrated import applied, maps_of
from vipann.survey.held_out import HeldOut
from vipann.survey.windows import END, RECORDING, START, Shard, probabilities_of

# Characters: of " 0.30 (0.70)", of an uncertainty, and of a name that still tells classes apart.
_SCORES, _NATS, _LEAST_NAME = 12, 6, 8
_GAP = "  "
_CALIBRATED = (
    "0.30 (0.70) means: a probability of 0.30; of the model's held-out clips with such a score for "
    "this class, a share of 0.70 held it (calibrated)."
)
_UNCERTAINTIES = (
    "total = aleat. + epist., in nats: uncertainty, of what is ambiguous in the sound (aleatoric) "
    "and of what the networks disagree on (epistemic)."
)


def tags_of(shard: Shard, held_out: HeldOut, top: int) -> pd.DataFrame:
    """A row a window and class: recording, start, end (s), class, probability,
    calibrated_probability (of the model's held-out clips with such a score, the share that hold the
    class), total, aleatoric, epistemic (nats, of the window); the `top` most probable classes of
    each, in that order."""
    windows, classes = shard.windows, np.array(shard.about.classes)
    top = min(top, len(classes))
    probability = probabilities_of(windows, list(classes))
    order = np.argsort(-probability, axis=1, kind="stable")[:, :top]
    worth = applied(maps_of(held_out), probability)
    rows = windows[[RECORDING, START, END, *UNCERTAINTIES]].loc[
        windows.index.repeat(top).to_numpy()
    ]
    rows = rows.rename(columns={START: "start", END: "end"}).reset_index(drop=True)
    rows.insert(3, "class", classes[order].ravel())
    for place, (name, values) in enumerate(
        {"probability": probability, "calibrated_probability": worth}.items(), 4
    ):
        rows.insert(place, name, np.take_along_axis(values, order, axis=1).ravel())
    return rows


def lines_of(tags: pd.DataFrame, width: int) -> Iterator[str]:
    """The tags as a table for a terminal of `width` characters, no line of which is longer.

    A heading a recording, and a line a window with its classes side by side; where they have no
    room, a line a class below each other. Names are shortened where one alone has none, and the
    uncertainties left out before that. The last lines say what the numbers are.
    """
    form = _Form.of(tags, width)
    for recording, mine in tags.groupby("recording", sort=False):
        yield _shortened(str(recording), width)
        yield form.line("start", "end", ("total", "aleat.", "epist."), "probability (calibrated)")
        for (start, end), one in mine.groupby(["start", "end"], sort=False):
            times = f"{start:.3f}", f"{end:.3f}"
            nats = tuple(f"{one[name].iloc[0]:.3f}" for name in UNCERTAINTIES)
            first, *below = form.said(one)
            yield form.line(*times, nats, first)
            for said in below:
                yield form.line("", "", ("",) * len(nats), said)
    yield ""
    yield from wrap(_CALIBRATED, width)
    if form.nats:
        yield from wrap(_UNCERTAINTIES, width)


@dataclass(frozen=True)
class _Form:
    """How a table of tags fits a terminal: characters of a time and of a name; whether the
    uncertainties have room, and a window's classes side by side."""

    width: int
    time: int
    name: int
    nats: bool
    side_by_side: bool

    @classmethod
    def of(cls, tags: pd.DataFrame, width: int) -> "_Form":
        time = max([len("start"), *(len(f"{end:.3f}") for end in tags["end"])])
        longest = max(map(len, tags["class"]), default=1)
        classes = int(tags.groupby(["recording", "start"]).size().max()) if len(tags) else 1
        after_times = width - (2 * time + 1) - len(_GAP) - _SCORES
        after_nats = after_times - len(UNCERTAINTIES) * (_NATS + 1)
        nats = after_nats >= min(longest, _LEAST_NAME)
        room = after_nats if nats else after_times
        side_by_side = classes * (longest + _SCORES + len(_GAP)) <= room + _SCORES + len(_GAP)
        return cls(width, time, max(1, min(longest, room)), nats, side_by_side)

    def said(self, one: pd.DataFrame) -> list[str]:
        """A window's classes with their scores: in one line, or in a line each."""
        rows = zip(one["class"], one["probability"], one["calibrated_probability"], strict=True)
        cells = [
            f"{_shortened(name, self.name):{self.name}} {p:.2f} ({worth:.2f})"
            for name, p, worth in rows
        ]
        return [_GAP.join(cells)] if self.side_by_side else cells

    def line(self, start: str, end: str, nats: Sequence[str], said: str) -> str:
        times = f"{start:>{self.time}} {end:>{self.time}}"
        own = "".join(f" {value:>{_NATS}}" for value in nats) if self.nats else ""
        return f"{times}{own}{_GAP}{said}"[: self.width].rstrip()


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "\u2026"
