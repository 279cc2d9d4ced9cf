"""DCASE2013 acoustic scenes (Stowell et al. 2015): 100 stereo clips of 30 s in 10 classes."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from vipann.audio.probe import inspect_all
from vipann.audio.walk import find_audio
from vipann.datasets.archives import place
from vipann.datasets.manifest import ClipTable, clip_row, clip_table
from vipann.errors import UserError
from vipann.folds import fold_numbers

CLASSES = (
    "bus",
    "busystreet",
    "office",
    "openairmarket",
    "park",
    "quietstreet",
    "restaurant",
    "supermarket",
    "tube",
    "tubestation",
)
_CLIPS_PER_CLASS = 10
_NAME = re.compile(r"([a-z]+)([0-9]{2})")


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int | None) -> None:
    """Unpack the archive; its top folder may have any name."""
    place(archives, folder)


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
    places = _by_name(Path(folder))
    listed = [
        (f"{label}{number:02d}", label, numbers[(number - 1) % len(numbers)])
        for label in CLASSES
        for number in range(1, _CLIPS_PER_CLASS + 1)
    ]
    if missing := [name for name, _, _ in listed if name not in places]:
        raise UserError(
            f"{folder}: {len(missing)} of the {len(listed)} clips of the official archive are "
            f"missing, first {missing[0]}.wav. Check the `archives` of this dataset."
        )
    files = inspect_all(Path(folder), [places[name] for name, _, _ in listed], "dcase2013")
    rows = [
        clip_row(file, name, [label], block["clip_seconds"], fold=fold)
        for file, (name, label, fold) in zip(files, listed, strict=True)
    ]
    return clip_table(rows, CLASSES)


def _by_name(folder: Path) -> dict[str, str]:
    """Paths relative to `folder` by the clip's name."""
    places: dict[str, str] = {}
    for relative in map(PurePosixPath, find_audio(folder).audio):
        if relative.suffix != ".wav" or "__MACOSX" in relative.parts:
            continue
        path = folder / relative
        match = _NAME.fullmatch(path.stem)
        if match is None or match[1] not in CLASSES or not 1 <= int(match[2]) <= _CLIPS_PER_CLASS:
            raise UserError(
                f"{path} is none of the official clips: their names are a scene "
                f"({', '.join(CLASSES)}) and a number from 01 to {_CLIPS_PER_CLASS}."
            )
        if path.stem in places:
            raise UserError(f"{path}: there is a second {path.name} at {places[path.stem]}.")
        places[path.stem] = relative.as_posix()
    return places
