"""DCASE2013 acoustic scenes (Stowell et al. 2015): 100 stereo clips of 30 s in 10 classes."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pandas as pd

from vipann.audio.walk import find_audio
from vipann.datasets.manifest import ClipTable, clip_table
from vipann.datasets.recordings import listed_clips
from vipann.errors import UserError
from vipann.folds import fold_numbers

AS_PUBLISHED = True
CLASSES = (
    *("bus", "busystreet", "office", "openairmarket", "park"),
    *("quietstreet", "restaurant", "supermarket", "tube", "tubestation"),
)
_CLIPS_PER_CLASS = 10


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """The 100 clips by file name; label and number come from the name (bus01.wav to bus10.wav).

    The paper says "5 folds" and not which. Ours: the clips of a class are dealt to the folds in
    the order of their numbers, clip n to fold (n - 1) modulo the number of folds; with 5 folds
    each has 2 clips of every class. That needs no random draw, so that anyone who has the file
    names has the folds. UserError names a clip that is missing or unknown.
    """
    numbers = fold_numbers(block["folds"])
    if not numbers:
        raise UserError("adapter dcase2013: `folds` is 0; the paper has 5.")
    table = pd.DataFrame(
        {"name": f"{label}{n + 1:02d}", "label": label, "fold": numbers[n % len(numbers)]}
        for label in CLASSES
        for n in range(_CLIPS_PER_CLASS)
    )
    places = _by_name(Path(folder), set(table["name"]))
    if missing := [name for name in table["name"] if name not in places]:
        raise UserError(
            f"{folder}: {len(missing)} of the {len(table)} clips of the official archive are "
            f"missing, first {missing[0]}.wav. Check the `archives` of this dataset."
        )
    table["path"] = table["name"].map(places)
    return clip_table(listed_clips(Path(folder), table, block["clip_seconds"]), CLASSES)


def _by_name(folder: Path, names: set[str]) -> dict[str, str]:
    """Paths relative to `folder` by the clip's name."""
    places: dict[str, str] = {}
    for path in map(PurePosixPath, find_audio(folder).audio):
        if path.suffix != ".wav" or "__MACOSX" in path.parts:
            continue
        if path.stem not in names:
            raise UserError(
                f"{folder / path} is none of the official clips: their names are a scene "
                f"({', '.join(CLASSES)}) and a number from 01 to {_CLIPS_PER_CLASS}."
            )
        if path.stem in places:
            raise UserError(
                f"{folder / path}: there is a second {path.name} at {places[path.stem]}."
            )
        places[path.stem] = path.as_posix()
    return places
