"""UrbanSound8K (Salamon et al. 2014), from the official archive's layout, folds as published."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from vipann.datasets.manifest import ClipTable, clip_table
from vipann.datasets.metadata import (
    class_names,
    freesound,
    official_table,
    read_rows,
    whole_numbers,
)
from vipann.datasets.recordings import listed_clips
from vipann.errors import UserError

AS_PUBLISHED = True
_COLUMNS = ("slice_file_name", "fold", "classID", "class")


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """Clips in the order of fold and file name; classes in the order of classID.

    `options.folds` (list or null) keeps these official folds, under their official numbers;
    where it is missing and the block's `folds` is a list, that list does. `options.clips_per_class`
    (int or null) keeps the first so many of each class and fold.
    """
    options = block.get("options") or {}
    listed = block["folds"] if isinstance(block.get("folds"), Sequence) else None
    table, classes = read_metadata(Path(folder))
    folds = options.get("folds") or listed
    table = select(table, folds, options.get("clips_per_class"), str(folder))
    return clip_table(listed_clips(Path(folder), table, block["clip_seconds"]), classes)


def read_metadata(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    """Official metadata plus path (posix, below `folder`), label and recording; classes by classID.

    UserError names the line of the CSV that has an unknown fold or a class unlike its classID's.
    """
    meta, audio = official_table(folder, "metadata/UrbanSound8K.csv")
    table = read_rows(meta, _COLUMNS)
    table["fold"] = whole_numbers(table, "fold", range(1, 11))
    table["classID"] = whole_numbers(table, "classID", range(10))
    place_of_fold = f"{audio}/fold" + table["fold"].astype(str) + "/"
    table["path"] = place_of_fold + table["slice_file_name"]
    table["label"] = table["class"]
    table["recording"] = table["slice_file_name"].map(recording_of)
    return table, class_names(table, "classID", "class")


def recording_of(slice_file_name: str) -> str:
    """The recording on Freesound that a slice is cut from, by its name: fsID-classID-take-slice."""
    return freesound(slice_file_name.partition("-")[0])


def select(
    table: pd.DataFrame, folds: Sequence[int] | None, clips_per_class: int | None, source: str
) -> pd.DataFrame:
    """Rows of these folds (null: all), at most clips_per_class of each class and fold."""
    absent = sorted(set(folds or []) - set(table["fold"]))
    if absent:
        there = sorted(set(table["fold"].tolist()))
        raise UserError(f"{source}: fold(s) {absent} asked for, but the archive holds {there}.")
    if folds is not None:
        table = table[table["fold"].isin(list(folds))]
    table = table.sort_values(["fold", "slice_file_name"], kind="stable")
    if clips_per_class is not None:
        table = table.groupby(["fold", "classID"]).head(clips_per_class)
    return table
