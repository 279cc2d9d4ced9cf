"""Long recordings as a stream of mono samples: an hour of audio never lies in memory whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from vipann.audio.decode import opened

_BLOCK = 1 << 18


class MonoStream(NamedTuple):
    """A recording at its own rate (Hz) and what is read of it: (n,) float32 at a time."""

    source_rate: int
    blocks: Iterator[np.ndarray]


@contextmanager
def mono_stream(path: Path) -> Iterator[MonoStream]:
    """Open a recording of any format that `vipann.audio.decode.opened` takes, to be read once.

    Channels are averaged. What only ffmpeg reads is decoded as a whole before the first block.

    Raises:
        UserError: as `opened`, at the start or while blocks are read.
    """
    with opened(path) as file:
        yield MonoStream(file.samplerate, _blocks(file))


def resampled(stream: MonoStream, sample_rate: int) -> Iterator[np.ndarray]:
    """The blocks at `sample_rate` (Hz), by soxr (HQ) across their borders; some may be empty."""
    if stream.source_rate == sample_rate:
        yield from stream.blocks
        return
    resampler = soxr.ResampleStream(stream.source_rate, sample_rate, 1, "float32", "HQ")
    for block in stream.blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.empty(0, np.float32), last=True)


def _blocks(file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    while len(block := file.read(_BLOCK, dtype="float32")):
        # Column by column: many times as fast as mean(axis=1).
        yield block if block.ndim == 1 else np.asarray(sum(block.T)) / np.float32(block.shape[1])
