"""The user's own recordings: folders named after classes, or a CSV that lists them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

import pandas as pd

from vipann.audio.probe import inspect_all
from vipann.datasets.archives import place
from vipann.datasets.manifest import SPLITS, ClipTable, clip_table
from vipann.datasets.metadata import freesound_of, read_rows, refuse, whole_numbers
from vipann.datasets.recordings import READABLE, cut, find_recordings
from vipann.errors import UserError
from vipann.folds import deal_folds, fold_numbers

# Not the run's seed: runs that differ in it are compared on the same folds.
_FOLD_SEED = 0


@dataclass(frozen=True)
class _Recording:
    """A file, as the user lists it; fold None where the user gives none."""

    path: str
    labels: list[str]
    fold: int | None = None
    split: str = ""
    group: str = ""
    origin: str = ""


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int | None) -> None:
    """Place `archives`; nothing is done where options.path names the folder to be read."""
    path = (block.get("options") or {}).get("path")
    if path:
        if not Path(path).is_dir():
            raise UserError(f"options.path is {path!r}, which is not a folder here.")
        return
    if not archives:
        raise UserError(
            "The folder adapter found nothing to read: set options.path to your folder of "
            "recordings, or list files under `archives`."
        )
    place(archives, folder)


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """Clips of `folder` in the order of their paths (or of the CSV); classes in sorted order.

    Without `options.csv` the first folder of a path is its label. The CSV (path relative to
    `folder`) has the column path and may have label or labels (";" between), fold, split, group.
    `options.windows` cuts each recording into clips, see `recordings.cut`. Labels are left out
    where block["task"] is "unlabelled". Where block["folds"] wants folds and none are given, they
    are dealt: each class spread over all folds, the clips of a recording, and of one `group`, in
    one fold, the same for every seed. Sources name the recording on Freesound too, where a file's
    name does. UserError names the file or CSV line.
    """
    folder, options = Path(folder), block.get("options") or {}
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; check options.path of this dataset.")
    labelled = block["task"] != "unlabelled"
    if options.get("csv"):
        recordings = list(_from_csv(folder / options["csv"], labelled=labelled))
    else:
        recordings = list(_from_folders(folder, labelled=labelled))
    if not recordings:
        raise UserError(f"{folder}: no recordings found (looked for {', '.join(READABLE)}).")
    windows = bool(options.get("windows"))
    listed, rows = [], []
    files = inspect_all(folder, [recording.path for recording in recordings], "recordings")
    for audio, recording in zip(files, recordings, strict=True):
        about = {"split": recording.split, "origin": recording.origin}
        clips = cut(audio, recording.labels, block["clip_seconds"], windows=windows, **about)
        rows.extend(clips)
        listed.extend([recording] * (len(rows) - len(listed)))
    for row, fold in zip(rows, _folds(listed, fold_numbers(block.get("folds") or 0)), strict=True):
        row["fold"] = fold
        if known := freesound_of(row["path"]):
            row["sources"] = [*row["sources"], known]
    return clip_table(rows, sorted({label for row in rows for label in row["labels"]}))


def _from_folders(folder: Path, *, labelled: bool) -> Iterator[_Recording]:
    for path in find_recordings(folder):
        parts = Path(path).parts
        if labelled and len(parts) < 2:
            raise UserError(
                f"{folder / path} has no label: put it in a folder named after its class, or name "
                "a CSV as options.csv."
            )
        yield _Recording(path, [parts[0]] if labelled else [])


def _from_csv(csv: Path, *, labelled: bool) -> Iterator[_Recording]:
    table = read_rows(csv, ["path"])
    label_columns = [column for column in ("label", "labels") if column in table.columns]
    if labelled and len(label_columns) != 1:
        raise UserError(f"{csv} needs either a column `label` or a column `labels`.")
    for column in ("fold", "split", "group"):
        table[column] = table[column] if column in table.columns else ""
    outside = table["path"].map(lambda path: normpath(path).startswith(("..", "/")))
    refuse(table, outside, lambda row: f"{row['path']} lies outside {csv.parent}")
    refuse(table, table["path"] == "", lambda row: "the path is empty")
    split = table["split"]
    known = split.isin(SPLITS)
    refuse(table, ~known, lambda row: f"split {row['split']!r} is neither train nor eval nor empty")
    if labelled and label_columns == ["label"]:
        refuse(table, table["label"] == "", lambda row: "the label is empty")
    numbers = _given_folds(table)
    for row, fold in zip(table.to_dict("records"), numbers, strict=True):
        labels = _labels(row, label_columns[0]) if labelled else []
        path = Path(row["path"]).as_posix()
        yield _Recording(path, labels, fold, row["split"], row["group"], row["origin"])


def _given_folds(table: pd.DataFrame) -> list[int | None]:
    given = table["fold"] != ""
    folds = iter(whole_numbers(table[given], "fold").tolist())
    return [next(folds) if is_given else None for is_given in given]


def _labels(row: Mapping[str, str], column: str) -> list[str]:
    parts = [row[column]] if column == "label" else row[column].split(";")
    return [part.strip() for part in parts if part.strip()]


def _folds(clips: Sequence[_Recording], numbers: Sequence[int]) -> list[int]:
    """The fold of each clip, by the recording that it is from."""
    given = [recording.fold is not None for recording in clips]
    if not numbers or all(given):
        return [recording.fold or 0 for recording in clips]
    if any(given):
        origin = clips[given.index(False)].origin
        raise UserError(
            f"{origin}: the fold is empty; give every row one, or none to have them dealt."
        )
    # Of a clip with several labels, the rarest is the one whose spread is at risk.
    counts = Counter(label for recording in clips for label in recording.labels)
    strata = [
        min(recording.labels, key=lambda label: (counts[label], label), default="")
        for recording in clips
    ]
    groups = [
        f"group {recording.group}" if recording.group else f"path {recording.path}"
        for recording in clips
    ]
    return deal_folds(groups, strata, numbers, _FOLD_SEED)
