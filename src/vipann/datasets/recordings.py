"""Recordings as clips: those that a table lists, and those of any length below a folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vipann.audio.probe import AudioFile, inspect_all
from vipann.audio.walk import AUDIO_SUFFIXES, find_audio, printable
from vipann.datasets.manifest import clip_row
from vipann.errors import UserError

_UNREADABLE = (
    *(".wma", ".mkv", ".mov", ".avi", ".amr", ".3gp"),
    *(".voc", ".svx", ".8svx", ".ircam", ".paf", ".pvf", ".avr", ".sds"),
)


def listed_clips(folder: Path, table: pd.DataFrame, clip_seconds: float) -> list[dict]:
    """Rows of a manifest for files that are a clip each, called by their names without suffix.

    table: columns path (below `folder`), label, fold; recording and origin if there are such.
    """
    files = inspect_all(folder, table["path"].tolist(), "clips")
    return [
        clip_row(
            audio,
            Path(row["path"]).stem,
            [row["label"]],
            clip_seconds,
            fold=row["fold"],
            origin=row.get("origin", ""),
            recording=row.get("recording", ""),
        )
        for audio, row in zip(files, table.to_dict("records"), strict=True)
    ]


def find_recordings(folder: Path, *, classes: bool = False) -> list[str]:
    """Audio files below `folder`, hidden ones left out: posix paths relative to it, sorted.

    What is skipped is printed. UserError where there is no folder or no file, names what
    `find_audio` refuses, and files of a format that cannot be read; where its folders are
    `classes`, two names of one, as one class would be empty.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; check options.path of this dataset.")
    found = find_audio(folder)
    if classes and found.doubled:
        link, other = map(printable, found.doubled[0])
        raise UserError(
            f"{printable(Path(folder, link))} and {other} beside it are the same folder: remove "
            "one of them."
        )
    if unreadable := next(filter(found.examples.get, _UNREADABLE), None):
        path = printable(Path(folder, found.examples[unreadable]))
        raise UserError(f"{path} cannot be read: convert it to wav or flac, or move it away.")
    if found.skipped:
        print(f"{folder}: skipped {found.skipped_text()}")
    if not found.audio:
        raise UserError(f"{folder}: no recordings found (looked for {', '.join(AUDIO_SUFFIXES)}).")
    return found.audio


def cut(
    audio: AudioFile,
    labels: Sequence[str],
    clip_seconds: float,
    *,
    windows: bool = True,
    whole: bool = False,
    split: str = "",
    origin: str = "",
) -> Iterator[dict[str, Any]]:
    """Rows of a recording: consecutive windows of clip_seconds, or its first clip_seconds only.

    A clip id is the file's path, with `#000`.. for windows. The rest of a recording is a window
    if it is at least half of one, or, of `whole` windows, never; a recording has at least one.
    """
    about: dict[str, Any] = {"split": split, "origin": origin}
    if not windows:
        yield clip_row(audio, audio.path, labels, clip_seconds, **about)
        return
    for number in range(_window_count(audio, clip_seconds, whole)):
        clip_id, offset_s = f"{audio.path}#{number:03d}", number * clip_seconds
        yield clip_row(audio, clip_id, labels, clip_seconds, offset_s=offset_s, **about)


def _window_count(audio: AudioFile, clip_seconds: float, whole: bool) -> int:
    if not audio.sample_rate:
        return 1
    length = clip_seconds * audio.sample_rate
    # Half a sample of slack: clip_seconds need not be a whole number of the file's samples.
    count = int((audio.frames + 0.5) // length)
    rest = audio.frames - count * length
    return max(1, count + (not whole and rest >= length / 2))
