"""Whether an mp3 says how long it is, and the frames of one that does not.

The length of an mp3 without a Xing, Info or VBRI header is guessed from its first bit rate, and
files that were joined have the header of the first. libsndfile stops at that length; given the
frames through a pipe, past any header, it decodes all of them.
"""

import os
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
_BITRATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


@dataclass(frozen=True)
class Mp3Header:
    """What an mp3's first frame says.

    first: position (bytes) of the first frame of sound. promised_s: length in seconds by its
    header, None where it has none. promised_bytes, there_bytes: of its frames, by the header and in
    the file, tags at its end left out. tag_bytes: of these.
    """

    first: int
    promised_s: float | None = None
    promised_bytes: int = 0
    there_bytes: int = 0
    tag_bytes: int = 0

    @property
    def there_s(self) -> float:
        """Seconds that the file holds, by its bytes; only where the header tells a length."""
        return self.promised_s * self.there_bytes / self.promised_bytes

    @property
    def is_cut_short(self) -> bool:
        """Whether the header promises more than the file holds."""
        if self.promised_s is None:
            return False
        share = (self.there_bytes + self.tag_bytes) / self.promised_bytes
        missing_s = (1 - share) * self.promised_s
        return missing_s > max(_MISSING_S, _MISSING_SHARE * self.promised_s)

    @property
    def is_trusted(self) -> bool:
        """Whether the header says how long the file is: that it holds no second more."""
        return self.promised_s is not None and self.there_s < self.promised_s + _UNCOUNTED_S


@dataclass(frozen=True)
class _Frame:
    """Of one frame: its length (bytes), samples, rate (Hz), where a Xing header would lie."""

    length: int
    samples: int
    rate: int
    xing_at: int


def mp3_header(path: Path) -> Mp3Header | None:
    """Read the header of an mp3; None where its first 64 KiB after the tags hold no frame."""
    with path.open("rb") as stream:
        total = os.fstat(stream.fileno()).st_size
        start = after_id3(stream, 0)
        stream.seek(start)
        head = stream.read(_SEARCHED_BYTES)
        behind = _tags_behind(stream, total)
    for at in range(len(head) - 4):
        if head[at] != 0xFF or (frame := _frame(head[at : at + 4])) is None:
            continue
        following = head[at + frame.length : at + frame.length + 4]
        if len(following) == 4 and _frame(following) is None:
            continue
        return _header(head[at : at + frame.length], frame, start + at, total, behind)
    return None


def _header(content: bytes, frame: _Frame, position: int, total: int, behind: int) -> Mp3Header:
    after = position + frame.length
    if content[frame.xing_at : frame.xing_at + 4] in (b"Xing", b"Info"):
        fields = content[frame.xing_at + 4 : frame.xing_at + 16]
        has_both = len(fields) == 12 and fields[3] & 3 == 3
        frames, size = fields[4:8], fields[8:12]
    elif content[36:40] == b"VBRI":
        size, frames = content[46:50], content[50:54]
        has_both = True
    else:
        return Mp3Header(position)
    if not has_both or not int.from_bytes(size) or not int.from_bytes(frames):
        return Mp3Header(after)
    seconds = int.from_bytes(frames) * frame.samples / frame.rate
    there = total - behind - position
    return Mp3Header(after, seconds, int.from_bytes(size), there, behind)


def _frame(head: bytes) -> _Frame | None:
    """What the four bytes of a frame's head say; None if they are none."""
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    is_frame = head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and version != 1 and layer != 4
    if not is_frame or bitrate in (0, 15) or rate == 3:
        return None
    hertz = _RATES[version][rate]
    mpeg = 1 if version == 3 else 2
    bits = 1000 * _BITRATES[mpeg, min(layer, 3 if mpeg == 1 else 2)][bitrate - 1]
    padding = head[2] >> 1 & 1
    if layer == 1:
        return _Frame(4 * (12 * bits // hertz + padding), 384, hertz, 0)
    samples = 576 if layer == 3 and mpeg == 2 else 1152
    is_mono = head[3] >> 6 == 3
    side = {(1, False): 32, (1, True): 17, (2, False): 17, (2, True): 9}[mpeg, is_mono]
    return _Frame(samples // 8 * bits // hertz + padding, samples, hertz, 4 + side)


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
