"""Stamps of audio and tables that the user owns, which can change behind the workflow's back.

Snakemake looks at a folder's own modification time, which a clip replaced in it leaves alone.
Standard library only, so that the Snakefile parses anywhere.
"""

import functools
import hashlib
from pathlib import Path

from vipann.audio.walk import find_audio
from vipann.files import digest


@functools.cache
def folder_stamp(folder: Path | str) -> str:
    """Hex digest (16 digits) over the audio files below `folder`: relative path, size, time (ns).

    Nothing is read but the folders' entries; other files, and hidden ones, count for nothing. A
    folder that is not there has a stamp too. UserError where `find_audio` refuses the folder.
    """
    lines = [f"{name} {_size_and_time(Path(folder, name))}" for name in find_audio(folder).audio]
    if not Path(folder).is_dir():
        lines = ["none"]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


@functools.cache
def file_stamp(path: Path | str) -> str:
    """Hex digest (16 digits) of a file's bytes; "none" where it cannot be read. For small files."""
    try:
        return digest(path)[:16]
    except OSError:
        return "none"


def large_file_stamp(path: Path | str) -> str:
    """Size and time (ns) of a file that is too large to read at each plan; "none" without it."""
    return _size_and_time(Path(path))


def _size_and_time(path: Path) -> str:
    try:
        facts = path.stat()
    except OSError:
        return "none"
    return f"{facts.st_size} {facts.st_mtime_ns}"
