"""The list of clips that a feature file lacks, because their audio could not be used."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from vipann.errors import UserError

COLUMNS = ("clip_id", "path", "reason")


def rejected_list(features: Path | str) -> Path:
    """Where the clips that `features` lacks are listed: beside it, as <name>.rejected.csv."""
    return Path(features).with_suffix(".rejected.csv")


class RejectedClips:
    """A CSV with the columns clip_id, path and reason; a row is on disk as soon as it is added.

    It is meant to outlive a job that fails, so the workflow must not declare it as an output.
    Without a refused clip it holds its header alone.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.count = 0
        self.first: Mapping[str, str] = {}
        self._stream = path.open("w", newline="", encoding="utf-8")
        self._writer = csv.DictWriter(self._stream, COLUMNS, lineterminator="\n")
        self._writer.writeheader()
        self._stream.flush()

    def add(self, clip_id: str, path: str, reason: str) -> None:
        """Write one row."""
        row = {"clip_id": clip_id, "path": path, "reason": reason}
        self.first = self.first or row
        self.count += 1
        self._writer.writerow(row)
        self._stream.flush()

    def check(self, total: int, allowed: float) -> None:
        """Raise UserError if more than the fraction `allowed` of `total` clips were refused.

        Or all of them: a feature file without a clip is of no use.
        """
        if self.count <= allowed * total and self.count < total:
            return
        raise UserError(
            f"{self.count} of {total} clips cannot be used, which is more than data.max_rejected "
            f"({allowed:g} of them) allows. They are listed, with reasons, in {self.path}. The "
            f"first: clip {self.first['clip_id']!r}: {self.first['reason']} Mend or replace these "
            "files, or raise data.max_rejected in the config to go on without them."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()


def read_rejected(path: Path) -> list[dict[str, str]]:
    """Rows of such a list; none where it does not exist."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def join_rejected(parts: Iterable[Path], out: Path) -> int:
    """Write the rows of several lists, in order, to one; returns how many there are."""
    with RejectedClips(out) as joined:
        for part in parts:
            for row in read_rejected(part):
                joined.add(**row)
        return joined.count
