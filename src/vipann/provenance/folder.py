"""Stamps of a user's own folder and table, which can change behind the workflow's back.

Snakemake looks at a folder's own modification time, which a clip replaced in it leaves alone.
Standard library only, so that the Snakefile parses anywhere.
"""

import functools
import hashlib
import os
from pathlib import Path


@functools.cache
def folder_stamp(folder: Path | str) -> str:
    """Hex digest (16 digits) over the files below `folder`: relative path, size and time (ns).

    Nothing is read but the folder's entries, hidden ones left out. A folder that is not there has
    a stamp too.
    """
    lines = sorted(_entries(os.fspath(folder), ""))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


@functools.cache
def file_stamp(path: Path | str) -> str:
    """Hex digest (16 digits) of a file's bytes; "none" where it cannot be read. For small files."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
    except OSError:
        return "none"


def _entries(folder: str, prefix: str) -> list[str]:
    try:
        listed = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return ["none"]
    lines = []
    for entry in listed:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            lines += _entries(entry.path, f"{prefix}{entry.name}/")
        elif entry.is_file():
            facts = entry.stat()
            lines.append(f"{prefix}{entry.name} {facts.st_size} {facts.st_mtime_ns}")
    return lines
