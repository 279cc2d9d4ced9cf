"""Windows as a short table to read: the most probable classes of each, and how sure that is."""

from collections.abc import Iterator
from textwrap import wrap

import numpy as np
import pandas as pd

from vipann.evaluation.predictions import UNCERTAINTIES
from vipann.survey.calibrated import applied, maps_of
from vipann.survey.held_out import HeldOut
from vipann.survey.windows import END, RECORDING, START, Shard, probabilities_of

_HEAD = f"{'start':>9} {'end':>9} {'total':>6} {'aleat.':>6} {'epist.':>6}  "


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
    """The tags as a table for a terminal of `width` characters: a heading a recording, and a line a
    window, which goes on below where its classes need more room."""
    for recording, mine in tags.groupby("recording", sort=False):
        yield str(recording)
        yield f"{_HEAD}probability (calibrated)"
        for (start, end), one in mine.groupby(["start", "end"], sort=False):
            parts = zip(
                one["class"], one["probability"], one["calibrated_probability"], strict=True
            )
            said = ", ".join(f"{name} {p:.2f} ({worth:.2f})" for name, p, worth in parts)
            nats = " ".join(f"{one[name].iloc[0]:6.3f}" for name in UNCERTAINTIES)
            room = max(1, width - len(_HEAD))
            for number, line in enumerate(wrap(said, room, break_long_words=False)):
                yield (" " * len(_HEAD) if number else f"{start:9.3f} {end:9.3f} {nats}  ") + line
