"""Rate, length and sum of audio files, one by one and by the thousand."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vipann.audio.decode import frames_of, opened, run_ffmpeg
from vipann.audio.walk import FFMPEG_SUFFIXES
from vipann.errors import MissingProgramError, UserError
from vipann.files import digest
from vipann.progress import progress

# Most of the time goes into waiting for a (network) disk, so there are more threads than cores.
_READERS = 16
_READ_AHEAD = 4096
# Containers, by ffmpeg's names, whose duration is written down. Of others ffprobe guesses it.
_WITH_LENGTH = {"mp4", "webm"}


@dataclass(frozen=True)
class AudioFile:
    """What a manifest says of a file: path below the audio folder, rate (Hz), frames, sha256.

    The rate is 0 where a file cannot be read: it stays listed, and feature extraction refuses it
    with the reason. sha256 is "" where it is not wanted, or the file may not be read.
    """

    path: str
    sample_rate: int
    frames: int
    sha256: str

    @property
    def duration_s(self) -> float:
        """Length of the file in seconds; infinite where it cannot be read."""
        return self.frames / self.sample_rate if self.sample_rate else math.inf


def inspect_audio(folder: Path, relative: str, *, checksum: bool = True) -> AudioFile:
    """Read rate, length and, unless not wanted, sha256 of a file.

    The length is what is there: counted by decoding where the header cannot be trusted. Without a
    sum files are not read in full, and ogg and flac files that are several joined pass.

    Raises:
        UserError: the file is not there, is no audio, holds none, is cut short, or is several
            files joined.
    """
    path = Path(folder) / relative
    if not _is_file(path):
        raise UserError(f"{path} does not exist, although the dataset lists it.")
    if path.suffix.lower() in FFMPEG_SUFFIXES:
        rate, frames = _probe(path)
    else:
        with opened(path, in_full=checksum) as stream:
            rate, frames = stream.samplerate, frames_of(stream)
    if frames <= 0:
        raise UserError(f"{path} holds no audio (0 samples).")
    return AudioFile(relative, rate, frames, digest(path) if checksum else "")


def inspect_all(folder: Path, paths: Sequence[str], desc: str) -> Iterator[AudioFile]:
    """`inspect_audio` of many files, in order, by threads, with a progress bar named `desc`.

    A file that is there and cannot be read has the rate 0; UserError if one is not there, or if it
    needs a program that is not.
    """
    found = progress(inspect_or_error(folder, paths), len(paths), desc, "file")
    for path, audio in zip(paths, found, strict=True):
        if not isinstance(audio, UserError):
            yield audio
        elif isinstance(audio, MissingProgramError) or not _is_file(Path(folder) / path):
            raise audio
        else:
            yield AudioFile(path, 0, 0, _digest_or_none(Path(folder) / path))


def inspect_or_error(
    folder: Path, paths: Sequence[str], *, checksum: bool = True
) -> Iterator[AudioFile | UserError]:
    """The same, but a file's UserError stands in its place, and checksums may be left out."""

    def inspect(relative: str) -> AudioFile | UserError:
        try:
            return inspect_audio(folder, relative, checksum=checksum)
        except UserError as error:
            return error

    todo = iter(paths)
    with ThreadPoolExecutor(_READERS) as pool:
        # In pieces, so that millions of files don't wait in the pool's queue at once.
        while piece := list(islice(todo, _READ_AHEAD)):
            yield from pool.map(inspect, piece)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:
        # It is there, and reading it will say so.
        return True


def _digest_or_none(path: Path) -> str:
    try:
        return digest(path)
    except OSError:
        return ""


def _probe(path: Path) -> tuple[int, int]:
    """Rate (Hz) and length (samples) of the first audio stream, by ffprobe or by decoding it."""
    entries = "stream=sample_rate,duration:format=duration,format_name"
    what = ("-select_streams", "a:0", "-show_entries", entries, "-of", "json")
    found = run_ffmpeg(path, "ffprobe", "-v", "error", *what, str(path.absolute()))
    try:
        about = json.loads(found)
    except ValueError:
        raise UserError(f"{path} cannot be read as audio: ffprobe says nothing of it.") from None
    if not about.get("streams"):
        raise UserError(f"{path} cannot be read as audio: it has no audio stream.")
    stream, whole = about["streams"][0], about.get("format", {})
    rate = int(stream.get("sample_rate", 0))
    seconds = _seconds(stream) or _seconds(whole)
    is_written = not _WITH_LENGTH.isdisjoint(whole.get("format_name", "").split(","))
    if is_written and rate > 0 and seconds > 0:
        return rate, round(seconds * rate)
    with opened(path) as decoded:
        return decoded.samplerate, frames_of(decoded)


def _seconds(about: Mapping[str, str]) -> float:
    try:
        return float(about.get("duration", 0))
    except ValueError:
        # "N/A", as some versions write.
        return 0.0
