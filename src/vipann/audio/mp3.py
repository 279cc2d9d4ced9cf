"""Whether an mp3 says how long it is, and the frames of one that does not.

The length of an mp3 without a Xing, Info or VBRI header is guessed from its first bit rate, and
files that were joined have the header of the first. libsndfile stops at that length; given the
frames through a pipe, past any header, it decodes all of them.
"""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vipann.audio.headers import after_id3

_SEARCHED_BYTES = 1 << 16
_PIPE_BYTES = 1 << 16
# By how much a file may differ from its header, which not all writers count alike: 1 %, as mpg123
# allows, and tags that are not known here.
_MISSING_SHARE = 0.01
_MISSING_S = 0.05
_UNCOUNTED_S = 1.0
# A first frame that holds no sound but numbers of frames and bytes, or of bytes and frames; and
# what follows these in it: a table of contents, the encoder's own remarks.
_BEFORE = rb"(?:[^\xff]|\xff(?![\xe2-\xff]))*+(?P<frame>\xff[\xe2-\xff]..)"
_XING = re.compile(
    _BEFORE + rb"(?:.{9}|.{17}|.{32})(?:Xing|Info)...(?P<flags>.)(?P<frames>.{4})(?P<size>.{4})",
    re.DOTALL,
)
_VBRI = re.compile(_BEFORE + rb".{32}VBRI.{6}(?P<size>.{4})(?P<frames>.{4})", re.DOTALL)
_XING_REST, _VBRI_REST = 140, 8


@dataclass(frozen=True)
class Mp3Length:
    """What an mp3's first frame says.

    first: position (bytes) from which on its frames are sound. promised_s: its length in seconds
    by its header, None where it has none. there_s: that of the bytes that are there.
    is_cut_short: whether the header promises more than the file holds.
    """

    first: int
    promised_s: float | None = None
    there_s: float = 0.0
    is_cut_short: bool = False

    @property
    def is_trusted(self) -> bool:
        """Whether the header says how long the file is: that it holds no second more."""
        return self.promised_s is not None and self.there_s < self.promised_s + _UNCOUNTED_S


def mp3_length(path: Path, rate: int) -> Mp3Length:
    """Read the first frame of an mp3 of `rate` Hz."""
    with path.open("rb") as stream:
        total = os.fstat(stream.fileno()).st_size
        start = after_id3(stream, 0)
        stream.seek(start)
        head = stream.read(_SEARCHED_BYTES)
        behind = _tags_behind(stream, total)
    found = _XING.match(head) or _VBRI.match(head)
    if not found:
        return Mp3Length(start)
    frame, is_xing = found["frame"], found.re is _XING
    # The next frame is of the same version and layer, with or without a checksum.
    alike = re.compile(b"\xff[" + re.escape(bytes([frame[1] | 1, frame[1] & ~1])) + b"]")
    after = alike.search(head, found.end() + (_XING_REST if is_xing else _VBRI_REST))
    first = start + (after or found).start()
    frames, size = int.from_bytes(found["frames"]), int.from_bytes(found["size"])
    if not frames or not size or (is_xing and found["flags"][0] & 3 != 3):
        return Mp3Length(first)
    promised_s = frames * (1152 if frame[1] >> 3 & 3 == 3 else 576) / rate
    there = total - behind - start - found.start("frame")
    missing_s = (1 - (there + behind) / size) * promised_s
    is_cut_short = missing_s > max(_MISSING_S, _MISSING_SHARE * promised_s)
    return Mp3Length(first, promised_s, promised_s * there / size, is_cut_short)


def _tags_behind(stream: BinaryIO, total: int) -> int:
    """Bytes of the tags (ID3v1, APE) at the end of a file."""
    stream.seek(max(0, total - 160))
    tail = stream.read()
    behind = 128 if tail[-128:-125] == b"TAG" else 0
    footer = tail[len(tail) - behind - 32 : len(tail) - behind]
    if footer.startswith(b"APETAGEX"):
        has_head = footer[23] & 0x80
        behind += int.from_bytes(footer[12:16], "little") + (32 if has_head else 0)
    return behind


@contextmanager
def frames_through_pipe(path: Path, first: int) -> Iterator[int]:
    """Descriptor of a pipe that gives the bytes of a file from position `first` on."""
    reading, writing = os.pipe()

    def feed() -> None:
        with path.open("rb") as stream, os.fdopen(writing, "wb", buffering=0) as pipe:
            stream.seek(first)
            try:
                while block := stream.read(_PIPE_BYTES):
                    pipe.write(block)
            except BrokenPipeError:
                # The reader has all that it wanted.
                pass

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    try:
        yield reading
    finally:
        os.close(reading)
        feeder.join()
