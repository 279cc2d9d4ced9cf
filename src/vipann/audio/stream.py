"""Long recordings as a stream of mono samples: an hour of audio never lies in memory whole."""

import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import soundfile
import soxr

from vipann.audio.decode import mixed_down, opened
from vipann.audio.walk import FFMPEG_SUFFIXES
from vipann.errors import MissingProgramError, UserError

_BLOCK = 1 << 18
# Sun's au: its header of six big-endian words needs no length, so that it can go through a pipe.
_AU_HEADER, _AU_FLOATS = struct.Struct(">4s5I"), 6


class MonoStream(NamedTuple):
    """A recording at its own rate (Hz) and what is read of it: (n,) float32 at a time."""

    source_rate: int
    blocks: Iterator[np.ndarray]


@contextmanager
def mono_stream(path: Path) -> Iterator[MonoStream]:
    """Open a recording of any format that `vipann.audio.decode.opened` takes, to be read once.

    Channels are averaged. What only ffmpeg reads comes through a pipe from it.

    Raises:
        UserError: as `opened`, at the start or while blocks are read.
    """
    if path.suffix.lower() in FFMPEG_SUFFIXES:
        with _piped(path) as stream:
            yield stream
    else:
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
        yield mixed_down(block)


@contextmanager
def _piped(path: Path) -> Iterator[MonoStream]:
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path.absolute())]
    command += ["-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "-"]
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said)
        except FileNotFoundError:
            raise MissingProgramError(
                f"{path} can be read with ffmpeg only, which is not on PATH: install ffmpeg, or "
                "convert the file to flac."
            ) from None
        with process:
            assert process.stdout is not None
            try:
                yield _au_stream(path, process, said)
            finally:
                process.kill()


def _au_stream(path: Path, process: subprocess.Popen[bytes], said: IO[bytes]) -> MonoStream:
    assert process.stdout is not None
    pipe = process.stdout
    header = pipe.read(_AU_HEADER.size)
    if len(header) < _AU_HEADER.size:
        raise _refused(path, process, said)
    magic, offset, _, encoding, rate, channels = _AU_HEADER.unpack(header)
    if (magic, encoding) != (b".snd", _AU_FLOATS):
        raise UserError(f"{path} cannot be read as audio: ffmpeg gives {magic!r}, {encoding}.")
    pipe.read(offset - _AU_HEADER.size)

    def blocks() -> Iterator[np.ndarray]:
        frame = 4 * channels
        while block := pipe.read(_BLOCK // channels * frame):
            samples = np.frombuffer(block[: len(block) // frame * frame], ">f4")
            yield mixed_down(samples.reshape(-1, channels).astype(np.float32))
        if process.wait():
            raise _refused(path, process, said)

    return MonoStream(rate, blocks())


def _refused(path: Path, process: subprocess.Popen[bytes], said: IO[bytes]) -> UserError:
    process.wait()
    said.seek(0)
    lines = said.read().decode(errors="replace").splitlines() or ["ffmpeg says nothing of it"]
    return UserError(f"{path} cannot be read as audio: {'; '.join(lines).rstrip('.')}.")
