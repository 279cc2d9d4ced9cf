"""The manifest: one row per clip, the single truth on folds, splits and labels."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vipann.audio.probe import AudioFile
from vipann.datasets.registry import adapter
from vipann.errors import UserError
from vipann.files import replacing
from vipann.folds import fold_numbers, wording

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
    could not be had (clip_id, split, reason).
    """

    frame: pd.DataFrame
    classes: list[str]
    missing: pd.DataFrame = field(default_factory=_nothing_missing)


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

    `origin` is where the clip is listed ("esc50.csv, line 7"), for messages. A clip without a
    `recording` is of its file; one without `sources` is of its recording alone.
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
        "labels": list(labels),
        "sha256": audio.sha256,
        "recording": recording,
        "sources": list(sources) or [recording],
        **({_ORIGIN: origin} if origin else {}),
    }


def clip_table(rows: Sequence[Mapping[str, object]], classes: Sequence[str]) -> ClipTable:
    """ClipTable from rows made by `clip_row`; keeps their order."""
    columns = [*COLUMNS, *([_ORIGIN] if any(_ORIGIN in row for row in rows) else [])]
    return ClipTable(pd.DataFrame(list(rows), columns=columns), list(classes))


def build_manifest(
    adapter_name: str,
    folder: Path,
    block: Mapping,
    seed: int,
    out: Path,
    missing_out: Path | None = None,
) -> ClipTable:
    """List the clips of a placed dataset by its adapter, check them, write them to `out`.

    `block` is the dataset's block of the config. Labels and classes are dropped where
    `block["task"]` is "unlabelled". Listed clips that could not be had go to the CSV
    `missing_out` with their reasons. UserError names the file and line, or the folder and clip,
    that is wrong; a fold of the config without clips is one too.
    """
    table = adapter(adapter_name).list_clips(Path(folder), block, seed)
    if block["task"] == "unlabelled":
        frame = table.frame.assign(labels=[[] for _ in range(len(table.frame))])
        table = ClipTable(frame, [], table.missing)
    folds = fold_numbers(block.get("folds") or 0)
    validate(table, str(folder), folds=folds, clip_seconds=block["clip_seconds"])
    if block["task"] == "multiclass":
        _refuse(table, table.frame["labels"].map(len) != 1, str(folder), "needs exactly one label")
    there = sorted(set(table.frame["fold"].tolist()))
    if empty := [fold for fold in folds if fold not in there]:
        raise UserError(
            f"{folder}: the config counts on folds {wording(folds)}, but no clip is in {empty}. "
            f"Set `folds` of this dataset to what there is: folds: {there}."
        )
    if missing_out is not None:
        with replacing(missing_out) as beside:
            table.missing.to_csv(beside, index=False, columns=list(MISSING_COLUMNS))
    write_manifest(table, out)
    return table


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
