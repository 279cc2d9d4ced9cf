"""Writes the shards of a survey, each when it is full; several processes may share a folder."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vipann.files import replacing
from vipann.survey.scoring import Scores
from vipann.survey.windows import (
    MEASURES,
    RECORDING_COLUMNS,
    About,
    recordings_schema,
    shard_paths,
    windows_schema,
)

_ROWS_AT_ONCE = 20_000


class ShardWriter:
    """Whole recordings, to shards of at least `hours` of audio each but for the last.

    A shard counts once its table of recordings is there, which is written last. What is not
    finished when the process dies is as if it had not been begun.
    """

    def __init__(self, survey: Path, about: About, hours: float) -> None:
        self.survey, self.about, self.most_seconds = survey, about, hours * 3600
        self._windows = windows_schema(about)
        self._tables: list[pa.Table] = []
        self._recordings: list[dict[str, Any]] = []
        self._seconds = 0.0
        self._open: tuple[int, ExitStack, pq.ParquetWriter] | None = None

    def add(self, rows: Sequence[tuple[str, float, float]], scores: Scores) -> None:
        """Windows (recording, start, end) and their scores, in order."""
        if not rows:
            return
        names, starts, ends = zip(*rows, strict=True)
        columns: list[Any] = [pa.array(names, pa.string()), np.array(starts), np.array(ends)]
        columns += [scores.probability[:, i] for i in range(len(self.about.classes))]
        columns += [getattr(scores, name) for name in MEASURES]
        self._tables.append(pa.table(columns, self._windows))
        if sum(table.num_rows for table in self._tables) >= _ROWS_AT_ONCE:
            self._flush()

    def finish(self, recording: dict[str, Any]) -> None:
        """All windows of this recording were added; `recording` is its row."""
        assert recording.keys() == RECORDING_COLUMNS.keys()
        self._recordings.append(recording)
        self._seconds += recording["duration_seconds"]
        if self._seconds >= self.most_seconds:
            self.close()

    def close(self) -> None:
        """Write the shard, if there is anything in it."""
        if not self._recordings:
            return
        self._flush()
        assert self._open is not None
        number, stack, writer = self._open
        writer.close()
        stack.close()
        with replacing(shard_paths(self.survey, number)[1]) as beside:
            schema = recordings_schema(self.about)
            pq.write_table(pa.Table.from_pylist(self._recordings, schema), beside)
        self._open, self._recordings, self._seconds = None, [], 0.0

    def abandon(self) -> None:
        """Leave nothing of a shard that was not closed."""
        if self._open is not None:
            number, stack, writer = self._open
            writer.close()
            stack.pop_all()
            for path in shard_paths(self.survey, number):
                path.unlink(missing_ok=True)
        self._open, self._tables, self._recordings, self._seconds = None, [], [], 0.0

    def _flush(self) -> None:
        if self._open is None:
            number = _claim(self.survey)
            stack = ExitStack()
            beside = stack.enter_context(replacing(shard_paths(self.survey, number)[0]))
            self._open = number, stack, pq.ParquetWriter(beside, self._windows)
        if self._tables:
            self._open[2].write_table(pa.concat_tables(self._tables))
            self._tables = []


def _claim(survey: Path) -> int:
    """A number above all others, which no other process has: its file is made, empty."""
    folder = shard_paths(survey, 0)[0].parent
    folder.mkdir(parents=True, exist_ok=True)
    taken = [int(path.name.split(".")[0]) for path in folder.glob("[0-9]*.windows.parquet")]
    number = max(taken, default=0) + 1
    while True:
        try:
            os.close(os.open(shard_paths(survey, number)[0], os.O_CREAT | os.O_EXCL, 0o644))
            return number
        except FileExistsError:
            number += 1
