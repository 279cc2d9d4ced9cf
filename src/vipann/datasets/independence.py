"""Clips that are not independent of each other: told, joined, and held against folds and splits."""

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
    sets = pd.Series(together(frame["recording"], sums), index=frame.index)
    named = pd.DataFrame({"set": sets, "name": frame["recording"]}).drop_duplicates()
    several = named[named["set"].duplicated(keep=False)].sort_values("name")
    first_name = several.drop_duplicates("set").set_index("set")["name"]
    names = frame["recording"].mask(sets.isin(first_name.index), sets.map(first_name))
    files = frame.assign(sums=sums)[sums != ""].drop_duplicates("path")
    copies = files[files["sums"].duplicated(keep=False)]
    said = []
    if len(copies):
        first = copies.loc[copies["sums"] == copies["sums"].iloc[0], "path"].tolist()
        spare = len(copies) - copies["sums"].nunique()
        said.append(
            f"{spare} of {len(files)} files are copies of others (the same sha256), such as "
            f"{first[0]} and {first[1]}: copies count as one recording."
        )
    return frame.assign(recording=names), said


def refuse_or_report(
    frame: pd.DataFrame, source: str, folds: bool, as_published: bool
) -> list[str]:
    """What speaks against the clips' labels, folds (where they are used) and splits.

    The same part of one audio has one set of labels; one recording, and one file's audio, is in one
    fold, and not in both splits. UserError names the first two clips that break this, with the
    lines that list them. Where folds and splits are `as_published` all of it is reported instead.
    """
    sums = sums_of_audio(frame)
    labels = frame["labels"].map(lambda names: ", ".join(sorted(names)) or "none")
    learning = frame["split"].replace("", np.nan)
    same_audio, recording = "hold the same audio (one sha256)", "are of one recording or group, {}"
    part = frame["offset_s"].astype(str) + " " + frame["duration_s"].astype(str)
    found = [(sums.where(sums == "", sums + " " + part), labels, "labels", same_audio)]
    if folds:
        found += [(sums, frame["fold"], "fold", same_audio)]
        found += [(frame["recording"], frame["fold"], "fold", recording)]
    found += [
        (sums, learning, "split", same_audio),
        (frame["recording"], learning, "split", recording),
    ]
    said, told = [], set()
    for key, side, what, why in found:
        # Copies that are apart divide their recording too: that is told once.
        of = [(pair, (what, frame["recording"].iloc[pair[0]])) for pair in apart(key, side)]
        pairs = [pair for pair, recording in of if recording not in told]
        told.update(recording for _, recording in of)
        if not pairs:
            continue
        lines = [
            _tell(frame, source, pair, side, what, why, as_published) for pair in pairs[:_SHOWN]
        ]
        if not as_published:
            more = f" ({len(pairs)} such pairs in all)" if len(pairs) > 1 else ""
            raise UserError(f"{lines[0]}. {_REMEDIES[what]}{more}.")
        more = f", and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
        said.append(f"As published, and kept so: {'; '.join(lines)}{more}.")
    return said


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


def _tell(
    frame: pd.DataFrame,
    source: str,
    pair: tuple[int, int],
    side: pd.Series,
    what: str,
    why: str,
    briefly: bool,
) -> str:
    places = []
    for at in pair:
        row = frame.iloc[at]
        where = "" if briefly else f"{row.get('origin') or source}: "
        places.append(f"{where}{row['path']} ({what} {side.iloc[at]})")
    return f"{places[0]} and {places[1]} {why.format(repr(frame['recording'].iloc[pair[0]]))}"
