"""The manifest: one row per clip, the single truth on folds, splits and labels."""

import json
import math
import subprocess
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
import soxr

from vipann.datasets.classes import refuse_names, refuse_too_few, refuse_untrained
from vipann.datasets.independence import refuse_or_report, with_copies_joined
from vipann.datasets.metadata import label_name
from vipann.datasets.registry import AS_PUBLISHED, adapter
from vipann.errors import DataWarning, MissingProgramError, UserError
from vipann.files import digest, replacing
from vipann.folds import fold_numbers, wording
from vipann.progress import progress

_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("path", pa.string()),
        ("offset_s", pa.float64()),
        ("duration_s", pa.float64()),
        ("sample_rate", pa.int64()),
        ("fold", pa.int64()),
        ("split", pa.string()),
        ("labels", pa.list_(pa.string())),
        ("sha256", pa.string()),
        ("recording", pa.string()),
        ("sources", pa.list_(pa.string())),
    ]
)
COLUMNS = tuple(_SCHEMA.names)
MISSING_COLUMNS = ("clip_id", "split", "reason")
SPLITS = ("train", "eval", "")
_ORIGIN = "origin"
_ROUNDING_S = 1e-6
# Most of the time goes into waiting for a (network) disk, so there are more threads than cores.
_READERS = 16
_READ_AHEAD = 4096
# What libsndfile cannot read and ffmpeg can.
FFMPEG_SUFFIXES = (".m4a", ".mp4", ".aac", ".webm")


def _nothing_missing() -> pd.DataFrame:
    return pd.DataFrame(columns=list(MISSING_COLUMNS), dtype=str)


@dataclass(frozen=True)
class ClipTable:
    """Clips of one dataset.

    frame: columns clip_id, path (posix, relative to the audio folder), offset_s, duration_s (s),
    sample_rate (Hz, of the file; 0 where it cannot be read), fold (0 = none), split ("train" |
    "eval" | ""), labels (list[str]), sha256 (of the file; "" where the dataset's options leave it
    out), recording (the same for clips that are not independent of each other: cut from one
    recording, or of one group of the user's), sources (list[str]: the recordings that can be heard
    in the clip, by names that are the same in other datasets, such as "freesound:116400"). An
    adapter may add `origin`, the file and line that list a clip, for messages; it is not written.
    classes: names in the order of the label indices. missing: clips that the dataset lists and that
    could not be had (clip_id, split, reason). warnings: what may not be meant, a sentence each.
    """

    frame: pd.DataFrame
    classes: list[str]
    missing: pd.DataFrame = field(default_factory=_nothing_missing)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class AudioFile:
    """What a manifest says of a file: path below the audio folder, rate (Hz), frames, sha256.

    The rate is 0 where a file cannot be read: it stays listed, and feature extraction refuses it
    with the reason.
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
    """Read rate, length and, unless not wanted, sha256 of a file; UserError if it is not audio."""
    path = Path(folder) / relative
    if not path.is_file():
        raise UserError(f"{path} does not exist, although the dataset lists it.")
    if path.suffix.lower() in FFMPEG_SUFFIXES:
        rate, frames = _probe(path)
    else:
        try:
            info = soundfile.info(str(path))
        except (soundfile.SoundFileError, OSError) as error:
            raise UserError(f"{path} cannot be read as audio: {error}.") from error
        rate, frames = info.samplerate, info.frames
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
        elif isinstance(audio, MissingProgramError) or not (Path(folder) / path).is_file():
            raise audio
        else:
            yield AudioFile(path, 0, 0, digest(Path(folder) / path))


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


def _probe(path: Path) -> tuple[int, int]:
    """Rate (Hz) and length (samples) of the first audio stream, by ffprobe."""
    entries = "stream=sample_rate,duration:format=duration"
    what = ("-select_streams", "a:0", "-show_entries", entries, "-of", "json")
    found = _run(path, "ffprobe", "-v", "error", *what, str(path.absolute()))
    try:
        about = json.loads(found)
        stream = about["streams"][0]
        seconds = float(stream.get("duration") or about["format"]["duration"])
        return int(stream["sample_rate"]), round(seconds * int(stream["sample_rate"]))
    except (ValueError, KeyError, IndexError):
        raise UserError(f"{path} cannot be read as audio: it has no audio stream.") from None


def read_mono(
    path: Path | str, sample_rate: int, offset_s: float = 0.0, duration_s: float | None = None
) -> np.ndarray:
    """Decode at most [offset_s, offset_s + duration_s) of a file, mono float32 at `sample_rate`.

    Channels are averaged, then soxr (HQ) resamples. `duration_s` None reads to the end. What
    libsndfile does not know (m4a, webm) is decoded by ffmpeg first. Raises UserError, which names
    the file, when it cannot be decoded, has nothing from offset_s on, or holds NaN or infinity.
    """
    by_ffmpeg = Path(path).suffix.lower() in FFMPEG_SUFFIXES
    source = _decode(Path(path)) if by_ffmpeg else str(path)
    try:
        with soundfile.SoundFile(source) as stream:
            rate = stream.samplerate
            start = round(offset_s * rate)
            wanted = -1 if duration_s is None else max(1, round(duration_s * rate))
            if start > 0:
                stream.seek(min(start, stream.frames))
            samples = _mixed_down(stream.read(wanted, dtype="float32"))
    except (soundfile.SoundFileError, OSError) as error:
        reason = str(error).rstrip(".")
        raise UserError(f"{path} cannot be decoded: {reason}.") from error
    if samples.size == 0:
        raise UserError(f"{path} holds no audio from {offset_s:.3f} s on.")
    # The sum is finite only if all samples are, and quicker to look at.
    if not np.isfinite(samples.sum()) and not np.isfinite(samples).all():
        raise UserError(f"{path} holds samples that are not finite (NaN or infinity).")
    if rate != sample_rate:
        samples = soxr.resample(samples, rate, sample_rate, "HQ")
    return samples.astype(np.float32, copy=False)


def _mixed_down(samples: np.ndarray) -> np.ndarray:
    """Mean of the channels: (n,) or (n, channels) to (n,)."""
    if samples.ndim == 1:
        return samples
    # Over ten times as fast as mean(axis=1), which walks through the rows one by one.
    mono = samples[:, 0].copy()
    for channel in samples.T[1:]:
        mono += channel
    mono /= samples.shape[1]
    return mono


def _decode(path: Path) -> BytesIO:
    """The first audio stream as a float wav, by ffmpeg, at its own rate and with its channels."""
    about = ("-map", "0:a:0", "-c:a", "pcm_f32le", "-f", "wav", "-")
    return BytesIO(
        _run(path, "ffmpeg", "-nostdin", "-v", "error", "-i", str(path.absolute()), *about)
    )


def _run(path: Path, program: str, *arguments: str) -> bytes:
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


def clip_row(
    audio: AudioFile,
    clip_id: str,
    labels: Sequence[str],
    clip_seconds: float,
    *,
    fold: int = 0,
    split: str = "",
    offset_s: float = 0.0,
    origin: str = "",
    recording: str = "",
    sources: Sequence[str] = (),
) -> dict[str, object]:
    """One row of a manifest: the clip lasts from offset_s on, at most clip_seconds.

    Labels are taken as `label_name` has them. `origin` is where the clip is listed ("esc50.csv,
    line 7"), for messages. A clip without a `recording` is of its file; one without `sources` is of
    its recording alone.
    """
    recording = recording or audio.path
    return {
        "clip_id": clip_id,
        "path": audio.path,
        "offset_s": float(offset_s),
        "duration_s": min(audio.duration_s - offset_s, float(clip_seconds)),
        "sample_rate": audio.sample_rate,
        "fold": int(fold),
        "split": split,
        "labels": [label_name(label) for label in labels],
        "sha256": audio.sha256,
        "recording": recording,
        "sources": list(sources) or [recording],
        **({_ORIGIN: origin} if origin else {}),
    }


def clip_table(
    rows: Sequence[Mapping[str, object]], classes: Sequence[str], said: Sequence[str] = ()
) -> ClipTable:
    """ClipTable from rows made by `clip_row`; keeps their order. `said`: its warnings."""
    columns = [*COLUMNS, *([_ORIGIN] if any(_ORIGIN in row for row in rows) else [])]
    frame = pd.DataFrame(list(rows), columns=columns)
    return ClipTable(frame, [label_name(name) for name in classes], warnings=list(said))


def build_manifest(
    adapter_name: str,
    folder: Path,
    block: Mapping,
    seed: int,
    out: Path,
    missing_out: Path | None = None,
    validation: str | None = "none",
) -> ClipTable:
    """List the clips of a placed dataset by its adapter, check them, write them to `out`.

    `block` is the dataset's block of the config. Labels and classes are dropped where
    `block["task"]` is "unlabelled". Listed clips that could not be had go to the CSV
    `missing_out` with their reasons. `validation`: the config's validation.split, None where
    networks are not cross-validated on the dataset. UserError names the file and line, or the
    folder and clip, that is wrong; a fold of the config without clips is one too. What may be meant
    and may not is a DataWarning, and is written with the manifest.
    """
    table = adapter(adapter_name).list_clips(Path(folder), block, seed)
    if block["task"] == "unlabelled":
        frame = table.frame.assign(labels=[[] for _ in range(len(table.frame))])
        table = replace(table, frame=frame, classes=[])
    source, folds = str(folder), fold_numbers(block.get("folds") or 0)
    validate(table, source, folds=folds, clip_seconds=block["clip_seconds"])
    _refuse_for_task(table, block["task"], source)
    odd = refuse_names(table.frame, source)
    frame, copies = with_copies_joined(table.frame)
    leaks = refuse_or_report(frame, source, bool(folds), adapter_name in AS_PUBLISHED)
    table = replace(table, frame=frame, warnings=[*table.warnings, *copies, *leaks, *odd])
    # Before the folds are judged: what is odd may be why they are wrong.
    for said in table.warnings:
        warnings.warn(said, DataWarning, stacklevel=2)
    if block["task"] == "multiclass" and folds and validation is not None:
        refuse_untrained(frame, validation, source)
    _refuse_empty_folds(frame, folds, source)
    if missing_out is not None:
        with replacing(missing_out) as beside:
            table.missing.to_csv(beside, index=False, columns=list(MISSING_COLUMNS))
    write_manifest(table, out)
    return table


def _refuse_for_task(table: ClipTable, task: str, source: str) -> None:
    if task == "multiclass":
        _refuse(table, table.frame["labels"].map(len) != 1, source, "needs exactly one label")
        split = "has a split, which is for task: multilabel; remove it, and name folds instead"
        _refuse(table, table.frame["split"] != "", source, split)
    refuse_too_few(table.frame, task, source)


def _refuse_empty_folds(frame: pd.DataFrame, folds: Sequence[int], source: str) -> None:
    there = sorted(set(frame["fold"].tolist()))
    if empty := [fold for fold in folds if fold not in there]:
        recordings = frame["recording"].nunique()
        few = (
            f"There are only {recordings} recordings (or groups): set folds: {recordings} or fewer."
        )
        as_there = f"Set `folds` of this dataset to what there is: folds: {there}."
        raise UserError(
            f"{source}: the config counts on folds {wording(folds)}, but no clip is in {empty}. "
            + (few if recordings < len(folds) else as_there)
        )


def validate(
    table: ClipTable,
    source: str,
    *,
    folds: int | Sequence[int] = 0,
    clip_seconds: float | None = None,
) -> None:
    """Raise UserError, which names the first clip at fault and its origin, unless all is sound.

    Checked: columns, at least one clip, unique clip ids and classes, folds among the config's
    `folds` (where there are any), splits, labels among the classes, positive durations of at most
    clip_seconds.
    """
    frame = table.frame
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise UserError(f"{source}: the table of clips lacks the column(s) {', '.join(missing)}.")
    if frame.empty:
        raise UserError(f"{source}: no clips found.")
    if len(set(table.classes)) != len(table.classes):
        raise UserError(f"{source}: a class is listed twice: {table.classes}.")
    classes = set(table.classes)
    _refuse(table, frame["clip_id"].duplicated(), source, "appears twice; clip ids must be unique")
    unnamed = frame["labels"].map(lambda labels: "" in labels)
    _refuse(table, unnamed, source, "has a label without a name")
    _refuse(table, frame["recording"] == "", source, "belongs to no recording")
    _refuse(table, ~(frame["duration_s"] > 0), source, "has no positive duration")
    _refuse(table, ~(frame["offset_s"] >= 0), source, "has no valid offset")
    _refuse(table, ~(frame["sample_rate"] >= 0), source, "has no valid sample rate")
    _refuse(table, ~frame["split"].isin(SPLITS), source, "has a split other than train or eval")
    unknown = frame["labels"].map(lambda labels: not classes.issuperset(labels))
    _refuse(table, unknown, source, "has a label that is not among the classes")
    repeated = frame["labels"].map(lambda labels: len(set(labels)) != len(labels))
    _refuse(table, repeated, source, "has the same label twice")
    if numbers := fold_numbers(folds):
        outside = ~frame["fold"].isin(numbers)
        _refuse(table, outside, source, f"has a fold other than {wording(numbers)}")
    if clip_seconds is not None:
        too_long = frame["duration_s"] > clip_seconds + _ROUNDING_S
        _refuse(table, too_long, source, f"is longer than clip_seconds ({clip_seconds})")


def _refuse(table: ClipTable, wrong: pd.Series, source: str, what: str) -> None:
    wrong = wrong.to_numpy(dtype=bool)
    if wrong.any():
        row = table.frame.iloc[int(wrong.argmax())]
        more = f" ({wrong.sum()} clips in all)" if wrong.sum() > 1 else ""
        where = row.get(_ORIGIN) or source
        raise UserError(f"{where}: clip {row['clip_id']!r} of {row['path']} {what}{more}.")


def write_manifest(table: ClipTable, path: Path) -> None:
    """Write the table as parquet; classes, and any warnings, as JSON in the schema's metadata."""
    validate(table, str(path))
    beside_rows = {"classes": json.dumps(table.classes)}
    if table.warnings:
        beside_rows["warnings"] = json.dumps(table.warnings)
    schema = _SCHEMA.with_metadata(beside_rows)
    columns = {name: table.frame[name].tolist() for name in COLUMNS}
    with replacing(path) as beside:
        pq.write_table(pa.table(columns, schema=schema), beside)


def read_manifest(path: Path) -> ClipTable:
    """Read a manifest; UserError if the file isn't one."""
    classes = read_classes(path)
    rows = pq.read_table(path, columns=list(COLUMNS))
    said = json.loads((rows.schema.metadata or {}).get(b"warnings", b"[]"))
    table = ClipTable(pd.DataFrame(rows.to_pydict()), classes, warnings=said)
    validate(table, str(path))
    return table


def read_classes(path: Path) -> list[str]:
    """Class names of a manifest in label order, without reading its rows."""
    try:
        schema = pq.read_schema(path)
        if not set(COLUMNS) <= set(schema.names):
            raise KeyError("columns are missing")
        return list(json.loads((schema.metadata or {})[b"classes"]))
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{path} is not a manifest of this workflow ({error}). Delete it and run again."
        ) from error
