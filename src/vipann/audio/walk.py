"""The audio files below a folder. Standard library only: planning lists them too."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from vipann.errors import UserError

# Suffixes of what libsndfile reads, and its names of the formats. Headerless ones (raw, sd2) and
# those whose suffix mostly means something else (mat, mpc, xi) are left out, and rare ones of
# which a copy that broke off cannot be distinguished from a whole file (voc, 8svx, ircam, paf).
LIBSNDFILE_SUFFIXES = {
    **dict.fromkeys((".wav", ".wave", ".bwf"), "WAV"),
    ".rf64": "RF64",
    ".w64": "W64",
    ".flac": "FLAC",
    **dict.fromkeys((".ogg", ".oga", ".opus"), "OGG"),
    **dict.fromkeys((".mp3", ".mp2"), "MP3"),
    **dict.fromkeys((".aif", ".aiff", ".aifc"), "AIFF"),
    **dict.fromkeys((".au", ".snd"), "AU"),
    ".caf": "CAF",
    **dict.fromkeys((".sph", ".nist"), "NIST"),
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

    def skipped_counts(self) -> list[tuple[str, int]]:
        """Suffixes of what was skipped and how many files have them, the most first."""
        counts = sorted(self.skipped.items(), key=lambda item: (-item[1], item[0]))
        return [(name or "without suffix", count) for name, count in counts]

    def skipped_text(self) -> str:
        """The same in words: "12 .txt, 1 without suffix"."""
        return ", ".join(f"{count} {name}" for name, count in self.skipped_counts())


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
        elif printable(name) != name:
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


def _files(root: str, found: FoundAudio) -> Iterator[str]:
    """Paths below `root` of everything that is no folder and not hidden; notes links in `found`."""

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            raise UserError(
                f"{printable(error.filename)} cannot be read ({error.strerror}): make the folder "
                f"readable, or move it out of {printable(root)}."
            ) from None

    # What lies in the folder itself first; then what links lead to, in the order of their finding.
    starts, seen = [root], dict[str, str]()
    for start in starts:
        for folder, folders, files in os.walk(start, onerror=refuse):
            below, real = os.path.relpath(folder, root), os.path.realpath(folder)
            if real in seen:
                folders.clear()
                found.skipped["links to folders read already"] += 1
                leads_up = os.path.commonpath([os.path.realpath(root), real]) == real
                if "/" not in below and not leads_up:
                    found.doubled.append((below, seen[real]))
                continue
            seen[real] = below
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            paths = [Path(folder, name) for name in folders]
            starts.extend(str(path) for path in paths if path.is_symlink())
            for name in sorted(files):
                if not name.startswith("."):
                    yield name if below == "." else f"{below}/{name}"
