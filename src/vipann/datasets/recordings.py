"""Recordings of any length below a folder: found, and cut into clips."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from vipann.audio.probe import AudioFile
from vipann.audio.walk import AUDIO_SUFFIXES, find_audio, printable
from vipann.datasets.manifest import clip_row
from vipann.errors import UserError

READABLE = AUDIO_SUFFIXES
_UNREADABLE = (
    *(".wma", ".mkv", ".mov", ".avi", ".amr", ".3gp"),
    *(".voc", ".svx", ".8svx", ".ircam", ".paf", ".pvf", ".avr", ".sds"),
)


def find_recordings(folder: Path, *, classes: bool = False) -> list[str]:
    """Audio files below `folder`, hidden ones left out: posix paths relative to it, sorted.

    What is skipped is printed. UserError names what `find_audio` refuses, and files of a format
    that cannot be read; where its folders are `classes`, two names of one, as one class would be
    empty.
    """
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
    return found.audio


def cut(
    audio: AudioFile,
    labels: Sequence[str],
    clip_seconds: float,
    *,
    windows: bool,
    whole: bool = False,
    fold: int = 0,
    split: str = "",
    origin: str = "",
) -> Iterator[dict[str, object]]:
    """Rows of a recording: consecutive windows of clip_seconds, or its first clip_seconds alone.

    A clip id is the file's path, with `#000`.. for windows. The rest of a recording is a window
    if it is at least half of one, or, of `whole` windows, never; a recording has at least one.
    """
    about = {"fold": fold, "split": split, "origin": origin}
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
