"""Whether an ogg or a flac is several files joined, of which libsndfile reads the first alone."""

import functools
import re
from pathlib import Path
from typing import BinaryIO

from vipann.audio.headers import after_id3

_BLOCK = 1 << 20
_FIRST_PAGE = 2
# How a stream starts: an ogg's page that is marked so, a flac's name with the head of its first
# part, which has 34 bytes.
_STARTS = {"OGG": rb"OggS\0[\2\3\6\7]", "FLAC": rb"fLaC[\0\x80]\0\0\x22"}
_START_BYTES = 8


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
