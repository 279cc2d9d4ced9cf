"""The tables of a survey: what the networks said of every window, and which recordings were heard.

A survey folder holds pairs of parquet files, one pair a shard, in `shards/`. A shard is whole
recordings and is written whole or not at all. What is scored later has a higher number; where it
scores a recording anew, the file having changed, it takes the place of the earlier one.

Windows, sorted by recording and start: recording, start_seconds, end_seconds (float64), one column
`probability:<class>` a class (float32 in [0, 1], equation 1: the mean over samples and the folds'
networks), total, aleatoric, epistemic (float32, nats, equations 2 to 8), ood (float32, higher is
stranger; NaN where the model has no such score).

Recordings: recording, duration_seconds (float64), sample_rate (int64, Hz), size (int64, bytes),
modified (int64, nanoseconds since 1970), fault: "" where all of it was scored; else what was not,
and why. Of a file that breaks off, and of one with windows that hold nothing (digital silence, no
finite samples), the other windows are in the table.

`recording` is the file's path below the folder of recordings, with forward slashes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vipann.errors import UserError
from vipann.evaluation.predictions import UNCERTAINTIES
from vipann.tasks import Task

RECORDING, START, END = "recording", "start_seconds", "end_seconds"
PROBABILITY = "probability:"
OOD = "ood"
MEASURES = (*UNCERTAINTIES, OOD)
RECORDING_COLUMNS = {
    RECORDING: pa.string(),
    "duration_seconds": pa.float64(),
    "sample_rate": pa.int64(),
    "size": pa.int64(),
    "modified": pa.int64(),
    "fault": pa.string(),
}
_KEY = b"vipann.survey"


@dataclass(frozen=True)
class About:
    """What a survey's tables were made by, kept in the metadata of every file.

    model: sha256 of the model folder's contents (`vipann.survey.model`); settings: all else that
    decides a score, hop_seconds and mc_samples and seed among it; clip_seconds: length of a window.
    """

    model: str
    classes: tuple[str, ...]
    task: Task
    clip_seconds: float
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def probability_columns(self) -> list[str]:
        return probability_columns(self.classes)


@dataclass(frozen=True)
class Shard:
    """The two tables of one shard, or of a whole survey."""

    about: About
    windows: pd.DataFrame
    recordings: pd.DataFrame


def probability_columns(classes: Sequence[str]) -> list[str]:
    """The windows table's columns of probabilities, in the order of the classes."""
    return [PROBABILITY + name for name in classes]


def probabilities_of(windows: pd.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """(N, C) float32 in [0, 1]."""
    return windows[probability_columns(classes)].to_numpy(np.float32)


def windows_schema(about: About) -> pa.Schema:
    """Columns of the windows table; what made it is in the metadata."""
    numbers = (*about.probability_columns, *MEASURES)
    columns = {RECORDING: pa.string(), START: pa.float64(), END: pa.float64()}
    return pa.schema(columns | dict.fromkeys(numbers, pa.float32()), _metadata(about))


def recordings_schema(about: About) -> pa.Schema:
    return pa.schema(RECORDING_COLUMNS, _metadata(about))


def shard_paths(survey: Path | str, number: int) -> tuple[Path, Path]:
    """The files of windows and of recordings of shard `number`, 1 and up."""
    folder = Path(survey, "shards")
    return folder / f"{number:06d}.windows.parquet", folder / f"{number:06d}.recordings.parquet"


def shard_numbers(survey: Path | str) -> list[int]:
    """Numbers of the shards that are whole, ascending: the table of recordings is written last."""
    found = Path(survey, "shards").glob("*.recordings.parquet")
    return sorted(int(path.name.split(".")[0]) for path in found if not path.name.startswith("."))


def read_shards(survey: Path | str) -> Iterator[Shard]:
    """The shards of a survey one by one, without what later ones have scored anew.

    Raises:
        UserError: there is none, a file is broken, or they were made by several models or settings.
    """
    numbers = shard_numbers(survey)
    if not numbers:
        raise UserError(f"{survey} holds no survey: there is no shard in {Path(survey, 'shards')}.")
    latest: dict[str, int] = {}
    for number in numbers:
        names = read_table(shard_paths(survey, number)[1])[1][RECORDING]
        latest |= dict.fromkeys(names, number)
    first: About | None = None
    for number in numbers:
        tables = []
        for path in shard_paths(survey, number):
            about, frame = read_table(path)
            first = first or about
            if about != first:
                raise UserError(
                    f"{path} was made by another model or other settings than its neighbours: "
                    f"delete {path.parent}, or survey into another folder."
                )
            current = frame[RECORDING].map(latest) == number
            tables.append(frame[current].reset_index(drop=True))
        yield Shard(first, *tables)  # type: ignore[arg-type]


def read_survey(survey: Path | str) -> Shard:
    """All shards of a survey as one. Of a long season `read_shards` holds less in memory."""
    shards = list(read_shards(survey))
    windows, recordings = (
        pd.concat([getattr(shard, name) for shard in shards], ignore_index=True)
        for name in ("windows", "recordings")
    )
    order = [RECORDING, START]
    return Shard(
        shards[0].about,
        windows.sort_values(order, ignore_index=True),
        recordings.sort_values(RECORDING, ignore_index=True),
    )


def read_table(path: Path | str) -> tuple[About, pd.DataFrame]:
    """One file of either kind and what made it.

    Raises:
        UserError: it is missing, broken, or no table of a survey.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema, table = file.schema_arrow, file.read()
        found = json.loads(schema.metadata[_KEY])
        about = About(**found | {"classes": tuple(found["classes"])})
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is no whole table of a survey ({error}): delete it and its partner of the "
            "same number, and survey again; what they held is scored anew."
        ) from error
    return about, table.to_pandas()


def _metadata(about: About) -> dict[bytes, bytes]:
    return {_KEY: json.dumps(asdict(about), sort_keys=True).encode()}
