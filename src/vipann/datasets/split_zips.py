"""Zip archives in several parts (a.z01, a.z02, ..., a.zip), read as one without a joined copy.

zipfile reads archives of one part. In one of several, places are counted from the start of the part
(APPNOTE 6.3.10, 4.4.13 and 4.4.24), and so have to be moved by where that part starts.
"""

import io
import re
import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from vipann.errors import UserError

_PART = re.compile(r"\.z[0-9]{2,}", re.IGNORECASE)
# The record at the end: the numbers of this part and of that with the directory, counted from 0;
# two counts of members; the directory's length and place; the length of a comment.
_END = struct.Struct("<4s4H2LH")
_END_SIGN = b"PK\5\6"
_LONGEST_COMMENT = 0xFFFF
_BUFFER_BYTES = 1 << 20


def is_part(archive: Path) -> bool:
    """Whether the name is that of a part other than the last, which is called .zip."""
    return bool(_PART.fullmatch(archive.suffix))


def parts_of(archive: Path, archives: Sequence[Path]) -> list[Path]:
    """Those of `archives` that are parts of `archive`, in order, and it itself, the last."""
    parts = [path for path in archives if is_part(path) and path.stem == archive.stem]
    return [*sorted(parts, key=lambda path: int(path.suffix[2:])), archive]


def parts_before(archive: Path) -> int:
    """How many parts of a zip archive come before this one; 0 where it is not the last of one."""
    _, record = _end_of(archive)
    return record[1] if record else 0


@contextmanager
def open_zip(parts: Sequence[Path]) -> Iterator[ZipFile]:
    """Open an archive of one or several parts.

    Raises:
        UserError: names the parts that are missing.
        BadZipFile: it is no zip archive.
    """
    archive = parts[-1]
    place, record = _end_of(archive)
    if record is None:
        raise BadZipFile("File is not a zip file")
    _, last, of_directory, _, _, length, offset, _ = record
    if last == 0 and len(parts) == 1:
        with ZipFile(archive) as packed:
            yield packed
        return
    if 0xFFFF in record[1:5] or 0xFFFFFFFF in (length, offset):
        raise BadZipFile("it has too many members in several parts: join them by `zip -s 0`")
    wanted = [archive.with_suffix(f".z{n:02d}").name for n in range(1, last + 1)]
    missing = sorted(set(wanted) - {path.name for path in parts})
    if missing or len(parts) != last + 1:
        raise UserError(
            f"{archive} is the last of {last + 1} parts, and with it are {len(parts) - 1}"
            + (f"; missing: {', '.join(missing)}" if missing else "")
            + ". List all of them among the `archives` of the dataset."
        )
    starts = [0, *accumulate(path.stat().st_size for path in parts)]
    directory_end = starts[of_directory] + offset + length
    joined = _Joined(parts, starts, directory_end, starts[last] + place)
    with io.BufferedReader(joined, _BUFFER_BYTES) as stream, ZipFile(stream) as packed:
        for member in packed.infolist():
            # zipfile has taken it to lie in the part of the directory.
            member.header_offset += starts[member.volume] - starts[of_directory]
            if hasattr(member, "_end_offset"):
                # Later Pythons keep where the next member starts, by the places that were wrong.
                member._end_offset = None
        yield packed


def _end_of(archive: Path) -> tuple[int, tuple | None]:
    """Where the end record starts in the last part, and its fields; None where there is none."""
    with archive.open("rb") as stream:
        start = stream.seek(max(0, archive.stat().st_size - _END.size - _LONGEST_COMMENT))
        tail = stream.read()
    place = tail.rfind(_END_SIGN)
    whole = 0 <= place <= len(tail) - _END.size
    return start + place, _END.unpack_from(tail, place) if whole else None


class _Joined(io.RawIOBase):
    """The parts one after the other, without what lies between the directory and the end record:
    a second record for sizes that need 64 bits, which zipfile refuses of several parts."""

    def __init__(self, parts: Sequence[Path], starts: Sequence[int], cut: int, rest: int) -> None:
        self._parts = [path.open("rb", buffering=0) for path in parts]
        self._starts, self._cut, self._gap = starts, cut, rest - cut
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origins = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}
        position = origins.get(whence, self._starts[-1] - self._gap) + offset
        if position < 0:
            raise OSError("a place before the start")
        self._position = position
        return position

    def readinto(self, buffer: memoryview) -> int:
        is_after = self._position >= self._cut
        place = self._position + is_after * self._gap
        if place >= self._starts[-1]:
            return 0
        number = bisect_right(self._starts, place) - 1
        end = self._starts[number + 1] if is_after else min(self._starts[number + 1], self._cut)
        self._parts[number].seek(place - self._starts[number])
        read = self._parts[number].readinto(memoryview(buffer)[: end - place])
        self._position += read
        return read

    def close(self) -> None:
        for part in self._parts:
            part.close()
        super().close()
