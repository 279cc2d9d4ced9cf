"""What the header of an audio file promises, held against the bytes that are there.

libsndfile reads as many samples as a file has room for, or as its header counts, whichever are
fewer, and says nothing: a copy that broke off is a shorter recording to it, and so is one whose
size did not fit into its header.
"""

import functools
import math
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# Sizes that writers put down where they don't know it yet: all ones, or just below 2 GiB or 4 GiB.
_UNKNOWN = ((0x7FFF0000, 0x80010000), (0xFFFF0000, 1 << 32), (1 << 62, 1 << 64))
# Where the last page of an ogg mostly lies, and where it always does.
_OGG_TAILS = (8192, 2 * (27 + 255 + 255 * 255))
_FIRST_PAGE, _LAST_PAGE = 2, 4
# How a stream starts: an ogg's page that is marked so, a flac's name with the head of its first
# part, which has 34 bytes.
_STARTS = {"OGG": rb"OggS\0[\2\3\6\7]", "FLAC": rb"fLaC[\0\x80]\0\0\x22"}
_START_BYTES = 8
_BLOCK = 1 << 20
_W64_RIFF, _W64_DATA = b"riff\x2e\x91\xcf\x11", b"data\xf3\xac\xd3\x11"


@dataclass(frozen=True)
class SampleBytes:
    """Where the samples of a file lie: bytes that the header `promised`, and that are `there`.

    promised None: the header leaves it open. uncounted: bytes after those promised that belong to
    none of the header's other parts and are not all zeros, so samples that it does not count.
    """

    promised: int | None
    there: int
    uncounted: int


@dataclass(frozen=True)
class _Layout:
    """How a container writes its parts: length of their names, format of their sizes."""

    start: int
    name: int
    size: str
    # Whether a size counts the part's own head, and to which multiple parts are filled up.
    counts_head: bool = False
    align: int = 2
    data: bytes = b"data"
    # Bytes at the start of the samples' part that are none.
    before: int = 0


_LAYOUTS = {
    b"RIFF": _Layout(12, 4, "<I"),
    b"RIFX": _Layout(12, 4, ">I"),
    b"RF64": _Layout(12, 4, "<I"),
    b"BW64": _Layout(12, 4, "<I"),
    b"FORM": _Layout(12, 4, ">I", data=b"SSND", before=8),
    b"caff": _Layout(8, 4, ">Q", align=1, before=4),
    b"riff": _Layout(40, 16, "<Q", counts_head=True, align=8, data=_W64_DATA),
}


def sample_bytes(path: Path) -> SampleBytes | None:
    """The bytes of samples of a wav, rf64, w64, aiff, caf, au or sph file; None of any other."""
    with path.open("rb") as stream:
        total = os.fstat(stream.fileno()).st_size
        begin = after_id3(stream, 0)
        stream.seek(begin)
        head = stream.read(40)
        if head[:4] == b".snd" and len(head) >= 12:
            start, promised = struct.unpack(">II", head[4:12])
            return _held_against(stream, begin + start, promised, total, align=1, layout=None)
        if head.startswith(b"NIST_1A"):
            return _sphere_bytes(stream, begin, total)
        layout = _LAYOUTS.get(head[:4])
        if layout is None or (head[:4] == b"riff" and not head.startswith(_W64_RIFF)):
            return None
        size_in_ds64 = None
        for name, start, size in _parts(stream, layout, begin + layout.start, total):
            if name == b"ds64":
                stream.seek(start + 8)
                size_in_ds64 = struct.unpack("<Q", stream.read(8).ljust(8, b"\0"))[0]
            if name.startswith(layout.data):
                if size == 0xFFFFFFFF and size_in_ds64 is not None:
                    size = size_in_ds64
                return _held_against(stream, start, size, total, layout.align, layout)
    return None


def _sphere_bytes(stream: BinaryIO, begin: int, total: int) -> SampleBytes | None:
    """The same of a NIST SPHERE file, whose header is text: a field, its type and value a line."""
    stream.seek(begin + 8)
    length = stream.read(8).strip()
    if not length.isdigit():
        return None
    fields = dict(re.findall(rb"^(\w+) -\w+ (\d+)$", stream.read(int(length) - 16), re.MULTILINE))
    counted = (b"sample_count", b"channel_count", b"sample_n_bytes")
    if not all(name in fields for name in counted):
        return None
    promised = math.prod(int(fields[name]) for name in counted)
    return _held_against(stream, begin + int(length), promised, total, align=1, layout=None)


def _parts(
    stream: BinaryIO, layout: _Layout, position: int, total: int
) -> Iterator[tuple[bytes, int, int]]:
    """Name, position of the content and size of each part from `position` on."""
    head = layout.name + struct.calcsize(layout.size)
    while position + head <= total:
        stream.seek(position)
        found = stream.read(head)
        (size,) = struct.unpack(layout.size, found[layout.name :])
        size -= head if layout.counts_head else 0
        yield found[: layout.name], position + head, size
        position += head + -(-max(size, 0) // layout.align) * layout.align


def _held_against(
    stream: BinaryIO, start: int, size: int, total: int, align: int, layout: _Layout | None
) -> SampleBytes:
    before = layout.before if layout else 0
    there = max(0, total - start - before)
    if any(low <= size < high for low, high in _UNKNOWN):
        return SampleBytes(None, there, 0)
    size = max(size, before)
    promised = size - before
    if promised >= there:
        return SampleBytes(promised, there, 0)
    # What follows starts at a multiple of `align`, but some writers forget to fill up to it.
    ends = {start + size, start + -(-size // align) * align}
    uncounted = min(_uncounted(stream, layout, end, total) for end in ends)
    return SampleBytes(promised, promised, uncounted)


def _uncounted(stream: BinaryIO, layout: _Layout | None, position: int, total: int) -> int:
    """Bytes from the first one after `position` on that is neither a named part's nor zero."""
    if layout is not None:
        for name, start, size in _parts(stream, layout, position, total):
            # Four samples may read as a name, but hardly also as a size that ends within the file.
            is_named = name[:4].isascii() and name[:4].decode("ascii").isprintable()
            # A second file that was joined is no part of the first.
            is_named = is_named and name[:4] not in _LAYOUTS
            # One byte more is a padding that was counted and not written.
            if not is_named or not 0 <= size <= total - start + 1:
                break
            position = start + -(-max(size, 0) // layout.align) * layout.align
    stream.seek(min(after_id3(stream, position), total))
    while block := stream.read(_BLOCK):
        # What is filled up with zeros, as some recorders do to the end of a block, is no sound.
        if rest := block.lstrip(b"\0"):
            return total - stream.tell() + len(rest)
    return 0


def after_id3(stream: BinaryIO, position: int) -> int:
    """Position (bytes) after the ID3v2 tags, if there are any, that start at `position`."""
    stream.seek(position)
    while (tag := stream.read(10)).startswith(b"ID3") and len(tag) == 10:
        sizes = [byte & 0x7F for byte in tag[6:]]
        position += 10 + (sizes[0] << 21 | sizes[1] << 14 | sizes[2] << 7 | sizes[3])
        position += 10 if tag[5] & 0x10 else 0
        stream.seek(position)
    return position


def ogg_is_whole(path: Path) -> bool:
    """Whether the last page of an ogg file is complete and marked as the last one of its stream."""
    with path.open("rb") as stream:
        total = os.fstat(stream.fileno()).st_size
        for length in _OGG_TAILS:
            stream.seek(max(0, total - length))
            tail = stream.read()
            if (page := tail.rfind(b"OggS")) >= 0:
                break
    if page < 0:
        # More than two pages of something else behind: nothing that says that it is cut.
        return True
    head = tail[page : page + 27]
    if len(head) < 27 or not head[5] & _LAST_PAGE:
        return False
    lengths = tail[page + 27 : page + 27 + head[26]]
    return len(lengths) == head[26] and page + 27 + head[26] + sum(lengths) <= len(tail)


def is_joined(path: Path, kind: str) -> bool:
    """Whether in an "OGG" or "FLAC" another stream starts after the first; False of other kinds.

    Reads the file in full, once for all clips that are cut from it.
    """
    if kind not in _STARTS:
        return False
    facts = path.stat()
    return _is_joined(path, kind, facts.st_size, facts.st_mtime_ns)


@functools.lru_cache(maxsize=4096)
def _is_joined(path: Path, kind: str, _size: int, _time: int) -> bool:
    with path.open("rb") as stream:
        position = after_id3(stream, 0)
        # Streams side by side, as sound and picture, all start before the first goes on.
        stream.seek(_after_first_pages(stream, position) if kind == "OGG" else position + 1)
        tail = b""
        while block := stream.read(_BLOCK):
            if re.search(_STARTS[kind], tail + block):
                return True
            tail = (tail + block)[1 - _START_BYTES :]
    return False


def _after_first_pages(stream: BinaryIO, position: int) -> int:
    while True:
        stream.seek(position)
        head = stream.read(27)
        if len(head) < 27 or head[:4] != b"OggS" or not head[5] & _FIRST_PAGE:
            return position
        position += 27 + head[26] + sum(stream.read(head[26]))
