"""Strong labels: when each event of a clip begins and ends, where a dataset's adapter knows it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from vipann.datasets.manifest import read_manifest
from vipann.datasets.registry import adapter
from vipann.errors import UserError
from vipann.files import replacing

# Onset and offset in seconds from the clip's start.
COLUMNS = ("clip_id", "class", "onset_s", "offset_s")


def write_strong_labels(
    adapter_name: str, folder: Path, block: Mapping[str, Any], manifest: Path, out: Path
) -> None:
    """Write the strong labels of a dataset's clips as csv, columns `COLUMNS`, a row an event.

    Raises:
        UserError: an event is of a clip or class that the manifest lacks, or is not in its clip.
    """
    found, table = adapter(adapter_name).strong_labels(folder, block), read_manifest(manifest)
    _refuse(found, ~found["clip_id"].isin(table.frame["clip_id"]), folder, "of no clip")
    _refuse(found, ~found["class"].isin(table.classes), folder, "of no class")
    seconds = found["clip_id"].map(table.frame.set_index("clip_id")["duration_s"])
    lies_in = (found["onset_s"] >= 0) & (found["onset_s"] < found["offset_s"])
    outside = ~(lies_in & (found["offset_s"] <= seconds + 1e-3))
    _refuse(found, outside, folder, "not inside of its clip")
    with replacing(out) as beside:
        found.to_csv(beside, index=False, columns=list(COLUMNS))


def _refuse(found: pd.DataFrame, wrong: pd.Series, folder: Path, what: str) -> None:
    if wrong.any():
        row = found[wrong.to_numpy()].iloc[0]
        raise UserError(
            f"{folder}: the event {row['class']!r} of clip {row['clip_id']!r}, "
            f"{row['onset_s']:g} to {row['offset_s']:g} s, is {what}. Delete {folder}, so that the "
            "audio is made anew."
        )


def read_strong_labels(path: Path | str) -> pd.DataFrame:
    """Columns `COLUMNS`."""
    return pd.read_csv(path, dtype={"clip_id": str, "class": str}, keep_default_na=False)
