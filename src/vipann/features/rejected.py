"""The list of clips that a feature file lacks, because their audio could not be used."""

import csv
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from vipann.errors import UserError

COLUMNS = ("clip_id", "path", "reason")


def rejected_list(features: Path | str) -> Path:
    """Where the clips that `features` lacks are listed: beside it, as <name>.rejected.csv."""
    return Path(features).with_suffix(".rejected.csv")


class RejectedClips:
    """A CSV with the columns clip_id, path and reason; a row is on disk as soon as it is added.

    It is meant to outlive a job that fails, so the workflow must not declare it as an output.
    Without a refused clip it holds its header only.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.rows: list[tuple[str, str, str]] = []
        self._stream = path.open("w", newline="", encoding="utf-8", buffering=1)
        self._writer = csv.writer(self._stream, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def add(self, clip_id: str, path: str, reason: str) -> None:
        """Write one row."""
        self.rows.append((clip_id, path, reason))
        self._writer.writerow(self.rows[-1])

    def check(self, total: int, allowed: float) -> None:
        """Raise UserError if more than the fraction `allowed` of `total` clips were refused.

        Or all of them: a feature file without a clip is of no use.
        """
        count = len(self.rows)
        if count <= allowed * total and count < total:
            return
        clip_id, _, reason = self.rows[0] if self.rows else ("", "", "there are no clips.")
        raise UserError(
            f"{count} of {total} clips cannot be used, which is more than data.max_rejected "
            f"({allowed:g} of them) allows. They are listed, with reasons, in {self.path}. The "
            f"first: clip {clip_id!r}: {reason} Mend or replace these files, or raise "
            "data.max_rejected in the config to go on without them."
        )

    def close(self) -> None:
        self._stream.close()


def join_rejected(parts: Iterable[Path], out: Path) -> int:
    """Write the rows of several lists, in order, to one; returns how many there are."""
    lists = [pd.read_csv(part, dtype=str) for part in parts if part.is_file()]
    joined = pd.concat([pd.DataFrame(columns=COLUMNS), *lists])
    joined.to_csv(out, index=False, lineterminator="\n")
    return len(joined)
