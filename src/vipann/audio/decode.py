"""From a file to mono samples: opened, checked against what its header promises, mixed down."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile
import soxr

from vipann.audio.headers import is_joined, ogg_is_whole, sample_bytes
from vipann.audio.mp3 import frames_through_pipe, mp3_length
from vipann.audio.walk import FFMPEG_SUFFIXES, LIBSNDFILE_SUFFIXES
from vipann.errors import MissingProgramError, UserError

# What may lack of a length, or be too much, before it is no rounding of a writer's.
TOLERANCE_S = 0.05
_BLOCK = 1 << 16
# libsndfile's way to say that it does not know the number of frames is 2^63 - 1.
_UNKNOWN_FRAMES = 1 << 62
# Whose headers count bytes; and all whose length can be checked.
_COUNTED = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "NIST")
_KNOWN = {*LIBSNDFILE_SUFFIXES.values(), *_COUNTED}
_SAMPLE_BYTES = {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8} | dict.fromkeys(
    ("PCM_S8", "PCM_U8", "ULAW", "ALAW"), 1
)


class _Sequential(soundfile.SoundFile):
    """A file that is read from its start on, block by block, whatever its header says."""

    def seekable(self) -> bool:
        return False


@contextmanager
def opened(path: Path, *, in_full: bool = True) -> Iterator[soundfile.SoundFile]:
    """A file as a stream of samples whose length is what is really there.

    Where the header does not tell it, the stream is not seekable and its `frames` mean nothing.
    What libsndfile does not know (m4a, webm) is decoded by ffmpeg first. Whether an ogg or flac is
    several joined takes reading all of it, and is left open unless `in_full`.

    Raises:
        UserError: names the file, where it cannot be read or decoded, also later while it is read;
            where it is cut short, or holds samples that its header does not count, both lengths;
            where it is several files joined, or of a format whose length cannot be checked.
    """
    try:
        with ExitStack() as stack:
            stream = _open(path, stack)
            if in_full and is_joined(path, stream.format):
                raise UserError(
                    f"{path} is several {stream.format} files joined, of which only the first "
                    "would be read: split it, or encode it anew as one."
                )
            yield stream
    except soundfile.SoundFileError as error:
        raise UserError(f"{path} cannot be decoded: {str(error).rstrip('.')}.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error


def _open(path: Path, stack: ExitStack) -> soundfile.SoundFile:
    if path.suffix.lower() in FFMPEG_SUFFIXES:
        return stack.enter_context(soundfile.SoundFile(_decoded(path)))
    try:
        stream = stack.enter_context(soundfile.SoundFile(str(path)))
    except soundfile.SoundFileError:
        # What the system refuses is a "System error" to libsndfile, whatever it is.
        path.open("rb").close()
        raise
    if stream.format not in _KNOWN:
        raise UserError(
            f"{path} is in the format {stream.format}, whose length cannot be checked: convert it "
            "to wav or flac."
        )
    if stream.format in _COUNTED:
        _check_bytes(path, stream)
    elif stream.format == "OGG" and not ogg_is_whole(path):
        raise UserError(
            f"{path} is cut short: {stream.frames / stream.samplerate:.3f} s can be read, and its "
            "last page is missing."
        )
    elif stream.format == "MP3":
        length = mp3_length(path, stream.samplerate)
        if length.is_cut_short and length.promised_s is not None:
            raise _cut_short(path, length.promised_s, length.there_s)
        if not length.is_trusted:
            pipe = stack.enter_context(frames_through_pipe(path, length.first))
            return stack.enter_context(soundfile.SoundFile(pipe, closefd=False))
    if stream.frames >= _UNKNOWN_FRAMES:
        return stack.enter_context(_Sequential(str(path)))
    return stream


def _check_bytes(path: Path, stream: soundfile.SoundFile) -> None:
    """Raise UserError where a header promises more samples than there are, or fewer."""
    found = sample_bytes(path)
    if found is None:
        return
    counted = found.there if found.promised is None else min(found.promised, found.there)
    # Where a header counts no byte, as of a writer that was killed, libsndfile may read on.
    per_second = stream.samplerate * _frame_bytes(stream, counted or found.uncounted)
    promised = found.there if found.promised is None else found.promised
    if (promised - found.there) / per_second > TOLERANCE_S:
        raise _cut_short(path, promised / per_second, found.there / per_second)
    if found.uncounted / per_second > TOLERANCE_S:
        raise UserError(
            f"{path} holds more than its header says: {promised / per_second:.3f} s, and "
            f"{found.uncounted} bytes ({found.uncounted / per_second:.3f} s) follow. Its writer "
            "was stopped, the size did not fit into the header, or files were joined: write the "
            "file anew, as with `sox --ignore-length`."
        )


def _frame_bytes(stream: soundfile.SoundFile, counted: int) -> float:
    """Bytes of a frame; if compressed, the mean of what libsndfile makes of the `counted` ones."""
    if width := _SAMPLE_BYTES.get(stream.subtype):
        return stream.channels * width
    return counted / stream.frames if counted and stream.frames else stream.channels


def _cut_short(path: Path, promised_s: float, there_s: float) -> UserError:
    return UserError(
        f"{path} is cut short: its header promises {promised_s:.3f} s, and {there_s:.3f} s are "
        "there. Copy it again, or write what is there to a new file."
    )


def frames_of(stream: soundfile.SoundFile) -> int:
    """Frames of a stream of `opened`, at its start: by its header, or counted by decoding it."""
    if stream.seekable():
        return stream.frames
    return sum(len(block) for block in _blocks(stream, None))


def read_mono(
    path: Path | str, sample_rate: int, offset_s: float = 0.0, duration_s: float | None = None
) -> np.ndarray:
    """Decode at most [offset_s, offset_s + duration_s) of a file, mono float32 at `sample_rate`.

    Channels are averaged, then soxr (HQ) resamples. `duration_s` None reads to the end. Raises
    UserError, which names the file, when it cannot be decoded (see `opened`), has nothing from
    offset_s on, or holds NaN or infinity.
    """
    with opened(Path(path)) as stream:
        rate = stream.samplerate
        start = round(offset_s * rate)
        wanted = None if duration_s is None else max(1, round(duration_s * rate))
        samples = mixed_down(_read(stream, start, wanted))
    if samples.size == 0:
        raise UserError(f"{path} holds no audio from {offset_s:.3f} s on.")
    # The sum is finite only if all samples are, and quicker to compute.
    if not np.isfinite(samples.sum()) and not np.isfinite(samples).all():
        raise UserError(f"{path} holds samples that are not finite (NaN or infinity).")
    if rate != sample_rate:
        samples = soxr.resample(samples, rate, sample_rate, "HQ")
    return samples.astype(np.float32, copy=False)


def _read(stream: soundfile.SoundFile, start: int, wanted: int | None) -> np.ndarray:
    """Samples from frame `start` on, at most `wanted`: (n,) or (n, channels)."""
    if stream.seekable():
        if start > 0:
            stream.seek(min(start, stream.frames))
        return stream.read(-1 if wanted is None else wanted, dtype="float32")
    for _ in _blocks(stream, start):
        pass
    parts = [block.copy() for block in _blocks(stream, wanted)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)


def _blocks(stream: soundfile.SoundFile, wanted: int | None) -> Iterator[np.ndarray]:
    """Samples from where the stream is, at most `wanted` frames, a block at a time."""
    while wanted is None or wanted > 0:
        block = stream.read(_BLOCK if wanted is None else min(_BLOCK, wanted), dtype="float32")
        if not len(block):
            return
        yield block
        wanted = None if wanted is None else wanted - len(block)


def mixed_down(samples: np.ndarray) -> np.ndarray:
    """Mean of the channels: (n,) or (n, channels) to (n,)."""
    if samples.ndim == 1:
        return samples
    # Over ten times as fast as mean(axis=1), which walks through the rows one by one.
    mono = samples[:, 0].copy()
    for channel in samples.T[1:]:
        mono += channel
    mono /= samples.shape[1]
    return mono


def _decoded(path: Path) -> BytesIO:
    """The first audio stream as a float wav, by ffmpeg, at its own rate and with its channels."""
    about = ("-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav", "-")
    return BytesIO(
        run_ffmpeg(path, "ffmpeg", "-nostdin", "-v", "error", "-i", str(path.absolute()), *about)
    )


def run_ffmpeg(path: Path, program: str, *arguments: str) -> bytes:
    """What ffmpeg's `program` writes to its standard output on being run for the file `path`.

    Raises:
        MissingProgramError: there is no such program.
        UserError: it failed; says what it said.
    """
    try:
        return subprocess.run([program, *arguments], capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise MissingProgramError(
            f"{path} can be read with ffmpeg only, and its program {program} is not on PATH: "
            "install ffmpeg, or convert the file to flac."
        ) from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise UserError(f"{path} cannot be read as audio: {said}.") from None
