"""Clips that are not independent of each other: found, joined, held against folds and splits."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from vipann.errors import UserError

_SHOWN = 4


def together(*names: Sequence[str]) -> np.ndarray:
    """Number (N,) of the set of each of N clips: those that share a name, at any remove, are one.

    Each of `names` (N,) gives every clip a name of one kind (a group, a path, a checksum); all are
    compared with all, "" with none.
    """
    every = np.concatenate([np.asarray(kind, dtype=object) for kind in names])
    clips = len(names[0])
    codes, known = pd.factorize(every)
    linked = every != ""
    clip = np.tile(np.arange(clips), len(names))[linked]
    size = clips + len(known)
    graph = coo_array((np.ones(len(clip)), (clip, clips + codes[linked])), shape=(size, size))
    return connected_components(graph, directed=False)[1][:clips]


def sums_of_audio(frame: pd.DataFrame) -> pd.Series:
    """The clips' sha256, "" of files that cannot be read: being empty makes no two the same."""
    return frame["sha256"].where(frame["sample_rate"] > 0, "")


def with_copies_joined(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The clips with one `recording` for files of one sha256, and what there is to say of it.

    Joined at any remove: a copy links the recordings of both. Of their names the first in sorted
    order stays.
    """
    sums = sums_of_audio(frame)
    # An adapter that deals folds has to join copies before (`folder` does, and calls what comes of
    # it by a group of the user's, if there is one): of these nothing is left to join, and names
    # stay. All others are joined here.
    sets = together(frame["recording"], sums)
    by_set = frame["recording"].groupby(sets)
    names = frame["recording"].mask(by_set.transform("nunique") > 1, by_set.transform("min"))
    files = frame.assign(sums=sums)[sums != ""].drop_duplicates("path")
    copies, warned = files[files["sums"].duplicated(keep=False)], []
    if len(copies):
        first = copies.loc[copies["sums"] == copies["sums"].iloc[0], "path"].tolist()
        spare = len(copies) - copies["sums"].nunique()
        warned.append(
            f"{spare} of {len(files)} files are copies of others (the same sha256), such as "
            f"{first[0]} and {first[1]}: copies count as one recording."
        )
    return frame.assign(recording=names), warned


def refuse_or_report(
    frame: pd.DataFrame, source: str, folds: bool, as_published: bool
) -> list[str]:
    """What speaks against the clips' labels, folds (where they are used) and splits.

    The same part of one audio has one set of labels; one recording, and one file's audio, is in one
    fold, and not in both splits. UserError names the first two clips that break this, with the
    lines that list them. Where folds and splits are `as_published` all of it is reported instead.
    """
    sums, recording = sums_of_audio(frame), frame["recording"]
    labels = frame["labels"].map(lambda names: ", ".join(sorted(names)) or "none")
    split = frame["split"].replace("", np.nan)
    part = frame["offset_s"].astype(str) + " " + frame["duration_s"].astype(str)
    sides = [(sums.where(sums == "", sums + " " + part), labels, "labels")]
    sides += [(key, frame["fold"], "fold") for key in (sums, recording) if folds]
    sides += [(key, split, "split") for key in (sums, recording)]
    warned, reported = [], set[tuple]()
    for key, side, what in sides:
        # Copies that are apart divide their recording too: that is reported once.
        of = [(pair, (what, recording.iloc[pair[0]])) for pair in apart(key, side)]
        pairs = [pair for pair, divided in of if divided not in reported]
        reported.update(divided for _, divided in of)
        if not pairs:
            continue
        lines = []
        for one, other in pairs[:_SHOWN]:
            by_name = f"are of one recording or group, {recording.iloc[one]!r}"
            why = by_name if key is recording else "hold the same audio (one sha256)"
            places = [
                ("" if as_published else f"{row.get('origin') or source}: ")
                + f"{row['path']} ({what} {side.iloc[at]})"
                for at, row in ((at, frame.iloc[at]) for at in (one, other))
            ]
            lines.append(f"{places[0]} and {places[1]} {why}")
        if not as_published:
            more = f" ({len(pairs)} such pairs in all)" if len(pairs) > 1 else ""
            raise UserError(f"{lines[0]}. {_REMEDIES[what]}{more}.")
        more = f", and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
        warned.append(f"As published, and kept so: {'; '.join(lines)}{more}.")
    return warned


_REMEDIES = {
    "labels": "Keep one of them, or give both the same labels",
    "fold": "Give them one fold, or leave folds out of the table to have them dealt",
    "split": "A network would be scored on what it was trained on: give them one split",
}


def apart(key: pd.Series, side: pd.Series) -> list[tuple[int, int]]:
    """Positions of two clips of each key with more than one side ("" is no key, NaN no side)."""
    counts = (key != "").to_numpy() & side.notna().to_numpy()
    table = pd.DataFrame({"key": key.to_numpy(), "side": side.to_numpy(), "at": range(len(key))})
    table = table[counts].drop_duplicates(["key", "side"])
    table = table[table["key"].duplicated(keep=False)]
    return [tuple(at.iloc[:2]) for _, at in table.groupby("key", sort=False)["at"]]
