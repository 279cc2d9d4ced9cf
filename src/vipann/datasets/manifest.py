"""The manifest: one row per clip, the single truth on folds, splits and labels."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
import soxr

from vipann.datasets.registry import adapter
from vipann.errors import UserError
from vipann.files import digest, replacing

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
    ]
)
COLUMNS = tuple(_SCHEMA.names)
SPLITS = ("train", "eval", "")
_ROUNDING_S = 1e-6


@dataclass(frozen=True)
class ClipTable:
    """Clips of one dataset.

    frame: columns clip_id, path (posix, relative to the audio folder), offset_s, duration_s (s),
    sample_rate (Hz, of the file), fold (0 = none), split ("train" | "eval" | ""), labels
    (list[str]), sha256 (of the file). classes: names in the order of the label indices.
    """

    frame: pd.DataFrame
    classes: list[str]


@dataclass(frozen=True)
class AudioFile:
    """What a manifest says of a file: path below the audio folder, rate (Hz), frames, sha256."""

    path: str
    sample_rate: int
    frames: int
    sha256: str

    @property
    def duration_s(self) -> float:
        """Length of the file in seconds."""
        return self.frames / self.sample_rate


def inspect_audio(folder: Path, relative: str) -> AudioFile:
    """Read rate, length and sha256 of `folder`/`relative`; UserError if that is not audio."""
    path = Path(folder) / relative
    if not path.is_file():
        raise UserError(f"{path} does not exist, although the dataset lists it.")
    try:
        info = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError) as error:
        raise UserError(f"{path} cannot be read as audio: {error}.") from error
    if info.frames <= 0:
        raise UserError(f"{path} holds no audio (0 samples).")
    return AudioFile(relative, info.samplerate, info.frames, digest(path))


def read_mono(
    path: Path | str, sample_rate: int, offset_s: float = 0.0, duration_s: float | None = None
) -> np.ndarray:
    """Decode at most [offset_s, offset_s + duration_s) of a file, mono float32 at `sample_rate`.

    Channels are averaged, then soxr (HQ) resamples. `duration_s` None reads to the end. Raises
    UserError, which names the file, when it cannot be decoded, has nothing from offset_s on, or
    holds NaN or infinity.
    """
    try:
        with soundfile.SoundFile(str(path)) as stream:
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


def clip_row(
    audio: AudioFile,
    clip_id: str,
    labels: Sequence[str],
    clip_seconds: float,
    *,
    fold: int = 0,
    split: str = "",
    offset_s: float = 0.0,
) -> dict[str, object]:
    """One row of a manifest: the clip lasts from offset_s on, at most clip_seconds."""
    return {
        "clip_id": clip_id,
        "path": audio.path,
        "offset_s": float(offset_s),
        "duration_s": min(audio.duration_s - offset_s, float(clip_seconds)),
        "sample_rate": audio.sample_rate,
        "fold": int(fold),
        "split": split,
        "labels": list(labels),
        "sha256": audio.sha256,
    }


def clip_table(rows: Sequence[Mapping[str, object]], classes: Sequence[str]) -> ClipTable:
    """ClipTable from rows made by `clip_row`; keeps their order."""
    return ClipTable(pd.DataFrame(list(rows), columns=list(COLUMNS)), list(classes))


def build_manifest(
    adapter_name: str, folder: Path, block: Mapping, seed: int, out: Path
) -> ClipTable:
    """List the clips of a placed dataset by its adapter, check them, write them to `out`.

    `block` is the dataset's block of the config. Labels and classes are dropped where
    `block["task"]` is "unlabelled". UserError names the folder and the clip that is wrong.
    """
    table = adapter(adapter_name).list_clips(Path(folder), block, seed)
    if block["task"] == "unlabelled":
        frame = table.frame.assign(labels=[[] for _ in range(len(table.frame))])
        table = ClipTable(frame, [])
    validate(table, str(folder), folds=block.get("folds") or 0, clip_seconds=block["clip_seconds"])
    if block["task"] == "multiclass":
        _refuse(table, table.frame["labels"].map(len) != 1, str(folder), "needs exactly one label")
    write_manifest(table, out)
    return table


def validate(
    table: ClipTable, source: str, *, folds: int = 0, clip_seconds: float | None = None
) -> None:
    """Raise UserError, which names `source` and the first clip at fault, unless the table is sound.

    Checked: columns, at least one clip, unique clip ids and classes, folds in 1..folds (where
    folds > 0), splits, labels among the classes, positive durations of at most clip_seconds.
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
    _refuse(table, ~(frame["duration_s"] > 0), source, "has no positive duration")
    _refuse(table, ~(frame["offset_s"] >= 0), source, "has no valid offset")
    _refuse(table, ~(frame["sample_rate"] > 0), source, "has no valid sample rate")
    _refuse(table, ~frame["split"].isin(SPLITS), source, "has a split other than train or eval")
    unknown = frame["labels"].map(lambda labels: not set(labels) <= classes)
    _refuse(table, unknown, source, "has a label that is not among the classes")
    repeated = frame["labels"].map(lambda labels: len(set(labels)) != len(labels))
    _refuse(table, repeated, source, "has the same label twice")
    if folds > 0:
        _refuse(table, ~frame["fold"].between(1, folds), source, f"has a fold outside 1..{folds}")
    if clip_seconds is not None:
        too_long = frame["duration_s"] > clip_seconds + _ROUNDING_S
        _refuse(table, too_long, source, f"is longer than clip_seconds ({clip_seconds})")


def _refuse(table: ClipTable, wrong: pd.Series, source: str, what: str) -> None:
    wrong = wrong.to_numpy(dtype=bool)
    if wrong.any():
        row = table.frame.iloc[int(wrong.argmax())]
        more = f" ({wrong.sum()} clips in all)" if wrong.sum() > 1 else ""
        raise UserError(f"{source}: clip {row['clip_id']!r} of {row['path']} {what}{more}.")


def write_manifest(table: ClipTable, path: Path) -> None:
    """Write the table as parquet, with the classes as JSON in the schema's metadata."""
    validate(table, str(path))
    schema = _SCHEMA.with_metadata({"classes": json.dumps(table.classes)})
    columns = {name: table.frame[name].tolist() for name in COLUMNS}
    with replacing(path) as beside:
        pq.write_table(pa.table(columns, schema=schema), beside)


def read_manifest(path: Path) -> ClipTable:
    """Read a manifest; UserError if the file isn't one."""
    classes = read_classes(path)
    columns = pq.read_table(path, columns=list(COLUMNS)).to_pydict()
    table = ClipTable(pd.DataFrame(columns), classes)
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
