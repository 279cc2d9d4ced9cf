"""Datasets of the paper whose adapters are declared, and not part of this version."""

from typing import NoReturn

from vipann.errors import UserError

_DATASETS = {
    "dcase2013": (
        "DCASE2013 acoustic scenes (100 stereo clips of 30 s, 10 classes)",
        "https://archive.org/details/dcase2013_scene_classification",
    ),
    "shipsear": (
        "ShipsEar (90 hydrophone recordings, 11 vessel types and background noise)",
        "on request from its authors, https://underwaternoise.atlanttic.uvigo.es",
    ),
    "audioset": (
        "AudioSet (2.1 million labelled segments of YouTube videos, 527 classes)",
        "lists at https://research.google.com/audioset/download.html; the audio itself has "
        "to be obtained by the user",
    ),
}


def refuse(name: str) -> NoReturn:
    """Raise the UserError that says which dataset this is, where it lies, what to use instead."""
    title, place = _DATASETS[name]
    raise UserError(
        f"The adapter {name!r} is not part of this version. Dataset: {title}. Where it lies: "
        f"{place}. Instead, place the audio yourself and use `adapter: folder` with "
        "`options.path` (class folders, or a CSV with path, label(s), fold and split)."
    )
