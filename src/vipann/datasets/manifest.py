"""The manifest: one row per clip, the single truth on folds, splits and labels."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vipann.audio.probe import AudioFile
from vipann.datasets.metadata import label_name
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
SPLITS = ("train", "val", "eval", "")
_ROUNDING_S = 1e-6


@dataclass(frozen=True)
class ClipTable:
    """Clips of one dataset.

    frame: columns clip_id, path (posix, relative to the audio folder), offset_s, duration_s (s),
    sample_rate (Hz, of the file; 0 where it cannot be read), fold (0 = none), split ("train" |
    "val", which no network is trained or tested on | "eval" | ""), labels (list[str]), sha256 (of
    the file; "" where the dataset's options leave it out), recording (the same for clips that are
    not independent of each other: cut from one recording, or of one group of the user's), sources
    (list[str]: the recordings that can be heard in the clip, by names that are the same in other
    datasets, such as "freesound:116400"). An adapter may add `origin`, the file and line that list
    a clip, for messages; it is not written.
    classes: names in the order of the label indices. missing: clips that the dataset lists and that
    could not be had (clip_id, split, reason). warnings: what may not be meant, a sentence each.
    """

    frame: pd.DataFrame
    classes: list[str]
    missing: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(MISSING_COLUMNS), dtype=str)
    )
    warnings: list[str] = field(default_factory=list)


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
) -> dict[str, Any]:
    """One row of a manifest: the clip lasts from offset_s on, at most clip_seconds.

    Labels are taken as `label_name` has them. `origin` is where the clip is listed ("esc50.csv,
    line 7"), for messages. A clip without a `recording` is of its file; one without `sources` is of
    its recording only.
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
        **({"origin": origin} if origin else {}),
    }


def clip_table(
    rows: Sequence[Mapping[str, Any]], classes: Sequence[str], warnings: Sequence[str] = ()
) -> ClipTable:
    """ClipTable from rows made by `clip_row`; keeps their order."""
    columns = [*COLUMNS, *(["origin"] if any("origin" in row for row in rows) else [])]
    frame = pd.DataFrame(list(rows), columns=columns)
    return ClipTable(frame, [label_name(name) for name in classes], warnings=list(warnings))


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
    for wrong, what in _faults(table):
        refuse(frame, wrong, source, what)
    if numbers := fold_numbers(folds):
        outside = ~frame["fold"].isin(numbers)
        refuse(frame, outside, source, f"has a fold other than {wording(numbers)}")
    if clip_seconds is not None:
        too_long = frame["duration_s"] > clip_seconds + _ROUNDING_S
        refuse(frame, too_long, source, f"is longer than clip_seconds ({clip_seconds})")


def _faults(table: ClipTable) -> Iterator[tuple[pd.Series, str]]:
    frame, labels, classes = table.frame, table.frame["labels"], set(table.classes)
    yield frame["clip_id"].duplicated(), "appears twice; clip ids must be unique"
    yield labels.map(lambda names: "" in names), "has a label without a name"
    yield frame["recording"] == "", "belongs to no recording"
    yield ~(frame["duration_s"] > 0), "has no positive duration"
    yield ~(frame["offset_s"] >= 0), "has no valid offset"
    yield ~(frame["sample_rate"] >= 0), "has no valid sample rate"
    yield ~frame["split"].isin(SPLITS), "has a split other than train, val or eval"
    unknown = labels.map(lambda names: not classes.issuperset(names))
    yield unknown, "has a label that is not among the classes"
    yield labels.map(lambda names: len(set(names)) != len(names)), "has the same label twice"


def refuse(frame: pd.DataFrame, wrong: pd.Series, source: str, what: str) -> None:
    """Raise UserError for the first wrong clip, if there is one, with the line that lists it."""
    if wrong.any():
        row = frame[wrong.to_numpy(dtype=bool)].iloc[0]
        more = f" ({wrong.sum()} clips in all)" if wrong.sum() > 1 else ""
        where = row.get("origin") or source
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
    warnings = json.loads((rows.schema.metadata or {}).get(b"warnings", b"[]"))
    table = ClipTable(pd.DataFrame(rows.to_pydict()), classes, warnings=warnings)
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
