"""The audio files below a folder. Standard library only, so that the plan can look too."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from vipann.errors import UserError

# Suffixes of what libsndfile reads, and its names of the formats. Headerless ones (raw, sd2) and
# those whose suffix mostly means something else (mat, mpc, xi) are left out, and rare ones of
# which a copy that broke off cannot be told from a whole file (voc, 8svx, ircam, paf).
LIBSNDFILE_SUFFIXES = {
    ".wav": "WAV",
    ".wave": "WAV",
    ".bwf": "WAV",
    ".rf64": "RF64",
    ".w64": "W64",
    ".flac": "FLAC",
    ".ogg": "OGG",
    ".oga": "OGG",
    ".opus": "OGG",
    ".mp3": "MP3",
    ".mp2": "MP3",
    ".aif": "AIFF",
    ".aiff": "AIFF",
    ".aifc": "AIFF",
    ".au": "AU",
    ".snd": "AU",
    ".caf": "CAF",
    ".sph": "NIST",
    ".nist": "NIST",
}
# What libsndfile cannot read and ffmpeg can.
FFMPEG_SUFFIXES = (".m4a", ".mp4", ".aac", ".webm")
AUDIO_SUFFIXES = (*LIBSNDFILE_SUFFIXES, *FFMPEG_SUFFIXES)


@dataclass
class FoundAudio:
    """What lies below a folder, hidden files and folders left out.

    audio: posix paths below it, sorted. skipped: how many files of each other suffix ("" without
    one), and links to folders that are read under another path, as "links to folders read already".
    examples: one skipped file of each suffix, below the folder. doubled: links in the folder itself
    that lead to one that is read, each with the path that this is read under.
    """

    audio: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    doubled: list[tuple[str, str]] = field(default_factory=list)

    def skipped_text(self) -> str:
        """What was skipped, the most first: "12 .txt, 1 without suffix"."""
        return ", ".join(
            f"{count} {name or 'without suffix'}" for name, count in self.skipped.most_common()
        )


def find_audio(folder: str | os.PathLike) -> FoundAudio:
    """List the audio files below a folder, through links too; each real folder is read once.

    Folders of recordings are often links into a store. What lies in the folder itself is read
    before what links lead to, and a link to a parent leads nowhere. A `folder` that is not there
    holds nothing.

    Raises:
        UserError: names a folder that may not be read, or audio whose name is no UTF-8.
    """
    folder, found = os.fspath(folder), FoundAudio()
    for name in _files(folder, found):
        suffix = PurePosixPath(name).suffix.lower()
        if suffix not in AUDIO_SUFFIXES:
            found.skipped[printable(suffix)] += 1
            found.examples.setdefault(suffix, name)
        elif not _is_utf8(name):
            raise UserError(
                f"{printable(Path(folder, name))} has a name that is not UTF-8 (\\x.. "
                "stands for its odd bytes): rename it, or the folder that it lies in."
            )
        else:
            found.audio.append(name)
    found.audio.sort()
    return found


def printable(path: str | os.PathLike) -> str:
    r"""A path with bytes that are no UTF-8 written as \x.., so that it can be shown."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _files(root: str, found: FoundAudio) -> Iterator[str]:
    """Paths below `root` of everything that is no folder and not hidden; notes links in `found`."""
    folders, links, seen = [""], [], {}
    while folders or links:
        below = folders.pop() if folders else links.pop(0)
        path = Path(root, below)
        real = os.path.realpath(path)
        if real in seen:
            found.skipped["links to folders read already"] += 1
            if "/" not in below and not _leads_up(root, real):
                found.doubled.append((below, seen[real]))
            continue
        seen[real] = below
        for entry in _entries(path, root):
            if entry.name.startswith("."):
                continue
            name = f"{below}/{entry.name}" if below else entry.name
            if not _is_folder(entry):
                yield name
            elif entry.is_symlink():
                links.append(name)
            else:
                folders.append(name)


def _leads_up(root: str, real: str) -> bool:
    """Whether `real` is the folder `root` or a parent of it."""
    return os.path.commonpath([os.path.realpath(root), real]) == real


def _entries(path: Path, root: str) -> list[os.DirEntry]:
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(
            f"{printable(path)} cannot be read ({error.strerror}): make the folder readable, or "
            f"move it out of {printable(root)}."
        ) from None


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
