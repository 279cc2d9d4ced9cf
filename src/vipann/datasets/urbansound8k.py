"""UrbanSound8K (Salamon et al. 2014), from the official archive's layout, folds as published."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from vipann.audio.probe import inspect_all
from vipann.datasets.archives import place
from vipann.datasets.manifest import ClipTable, clip_row, clip_table
from vipann.datasets.metadata import class_names, freesound, read_rows, whole_numbers
from vipann.errors import UserError

_COLUMNS = ("slice_file_name", "fold", "classID", "class")


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int | None) -> None:
    """Unpack the archive; its top folder may have any name."""
    place(archives, folder)


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """Clips in the order of fold and file name; classes in the order of classID.

    `options.folds` (list or null) keeps these official folds, under their official numbers;
    where it is missing and the block's `folds` is a list, that list does. `options.clips_per_class`
    (int or null) keeps the first so many of each class and fold.
    """
    options = block.get("options") or {}
    listed = block["folds"] if isinstance(block.get("folds"), Sequence) else None
    table, classes = read_metadata(Path(folder))
    table = select(
        table, options.get("folds") or listed, options.get("clips_per_class"), str(folder)
    )
    files = inspect_all(Path(folder), table["path"].tolist(), "urbansound8k")
    rows = [
        clip_row(
            file,
            Path(row["slice_file_name"]).stem,
            [row["class"]],
            block["clip_seconds"],
            fold=row["fold"],
            origin=row["origin"],
            recording=recording_of(row["slice_file_name"]),
        )
        for file, row in zip(files, table.to_dict("records"), strict=True)
    ]
    return clip_table(rows, classes)


def read_metadata(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    """Official metadata plus `path` (posix, relative to `folder`), and all classes by classID.

    UserError names the line of the CSV that has an unknown fold or a class unlike its classID's.
    """
    found = [path for path in folder.rglob("UrbanSound8K.csv") if path.parent.name == "metadata"]
    if len(found) != 1:
        raise UserError(
            f"{folder}: expected one metadata/UrbanSound8K.csv of the official archive, found "
            f"{len(found)}. Check the `archives` of this dataset."
        )
    table = read_rows(found[0], _COLUMNS)
    table["fold"] = whole_numbers(table, "fold", range(1, 11))
    table["classID"] = whole_numbers(table, "classID", range(10))
    audio = (found[0].parent.parent.relative_to(folder) / "audio").as_posix()
    table["path"] = [
        f"{audio}/fold{fold}/{name}"
        for fold, name in zip(table["fold"], table["slice_file_name"], strict=True)
    ]
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
