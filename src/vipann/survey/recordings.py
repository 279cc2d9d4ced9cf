"""The recordings of a survey: which there are, and which have been heard already.

Standard library and pyarrow only: planning lists them too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vipann.audio.walk import find_audio
from vipann.errors import UserError


@dataclass(frozen=True)
class Recording:
    """A file: what it is called (its path below the folder of recordings, with forward slashes),
    where it lies, and by what a change of it is noticed: size (bytes) and time (ns)."""

    name: str
    path: Path
    size: int
    modified: int

    @property
    def stamp(self) -> tuple[str, int, int]:
        return self.name, self.size, self.modified


def find_recordings(places: Sequence[Path | str], outside: Path | None = None) -> list[Recording]:
    """The audio files in these folders, at any depth, and these files, by name.

    A folder's files are called by their path below it, a file by its own name. What lies in the
    folder `outside` is left out: a survey's own clips, where it is among the recordings.

    Raises:
        UserError: a place is not there, or is `outside` itself, there is no audio in any, or two
            files have one name.
    """
    found: dict[str, Recording] = {}
    skipped: list[str] = []
    for place in map(Path, places):
        if not place.exists():
            raise UserError(f"{place} does not exist: name folders of recordings, or files.")
        names = [place.name]
        if place.is_dir():
            own = _below(place, outside)
            audio = find_audio(place)
            names = [name for name in audio.audio if not (own and name.startswith(own))]
            skipped.append(f"{place} holds {audio.skipped_text() or 'nothing'}")
        for name in names:
            path = place / name if place.is_dir() else place
            if name in found:
                raise UserError(
                    f"two recordings are called {name}: {found[name].path} and {path}. Survey the "
                    "folder that both lie in, or each by itself."
                )
            facts = path.stat()
            found[name] = Recording(name, path, facts.st_size, facts.st_mtime_ns)
    if not found:
        raise UserError(f"there are no recordings to survey: {'; '.join(skipped)}.")
    return [found[name] for name in sorted(found)]


def _below(place: Path, folder: Path | None) -> str:
    """How names of what lies in `folder` begin below `place`; "" where it lies elsewhere."""
    if folder is None or not folder.resolve().is_relative_to(place.resolve()):
        return ""
    if folder.resolve() == place.resolve():
        raise UserError(
            f"{place} holds the recordings: give the survey a folder of its own (--out), or its "
            "clips would be among them."
        )
    return f"{folder.resolve().relative_to(place.resolve()).as_posix()}/"


def in_parts(recordings: Sequence[Recording], most_bytes: float) -> list[list[Recording]]:
    """Neighbours by name together, each part of at most `most_bytes`, or of one recording.

    What comes later by name, as a season goes on, leaves the earlier parts as they are.
    """
    return list(_parts(recordings, most_bytes))


def _parts(recordings: Sequence[Recording], most_bytes: float) -> Iterator[list[Recording]]:
    part: list[Recording] = []
    size = 0
    for one in recordings:
        if part and size + one.size > most_bytes:
            yield part
            part, size = [], 0
        part.append(one)
        size += one.size
    if part:
        yield part


def unheard(
    recordings: Sequence[Recording], heard: Mapping[str, tuple[int, int]]
) -> list[Recording]:
    """Those that are new or have changed: `heard` has sizes and times by name."""
    return [one for one in recordings if heard.get(one.name) != (one.size, one.modified)]
