"""ESC-50 and its subset ESC-10 (Piczak 2015), from the official archive's layout."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from vipann.audio.probe import inspect_all
from vipann.datasets.archives import place
from vipann.datasets.manifest import ClipTable, clip_row, clip_table
from vipann.datasets.metadata import class_names, freesound, read_rows, whole_numbers
from vipann.errors import UserError

_COLUMNS = ("filename", "fold", "target", "category", "esc10", "src_file")
_CLASS_COUNT = {"esc50": 50, "esc10": 10}


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int | None) -> None:
    """Unpack the archive; its top folder may have any name."""
    place(archives, folder)


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """Clips in the order of meta/esc50.csv, folds 1 to 5 as published.

    `options.subset`: "esc50" (50 classes) or "esc10" (rows flagged esc10, 10 classes). Classes
    are the categories in the order of `target`. UserError names the line of the CSV, or the file,
    that is wrong.
    """
    subset = (block.get("options") or {}).get("subset", "esc50")
    if subset not in _CLASS_COUNT:
        raise UserError(f"options.subset is {subset!r}; it is esc50 or esc10.")
    meta, table = _read_meta(Path(folder))
    if subset == "esc10":
        table = table[table["esc10"].str.lower() == "true"]
    classes = class_names(table, "target", "category")
    if len(classes) != _CLASS_COUNT[subset]:
        hint = " This may be the archive of ESC-10: set options.subset: esc10."
        raise UserError(
            f"{meta}: subset {subset} has {_CLASS_COUNT[subset]} classes, found {len(classes)}."
            + (hint if len(classes) == _CLASS_COUNT["esc10"] else "")
        )
    audio = (meta.parent.parent.relative_to(folder) / "audio").as_posix()
    files = inspect_all(Path(folder), [f"{audio}/{name}" for name in table["filename"]], "esc50")
    rows = [
        clip_row(
            file,
            Path(row["filename"]).stem,
            [row["category"]],
            block["clip_seconds"],
            fold=row["fold"],
            origin=row["origin"],
            recording=freesound(row["src_file"]),
        )
        for file, row in zip(files, table.to_dict("records"), strict=True)
    ]
    return clip_table(rows, classes)


def _read_meta(folder: Path) -> tuple[Path, pd.DataFrame]:
    found = sorted(path for path in folder.rglob("esc50.csv") if path.parent.name == "meta")
    if len(found) != 1:
        raise UserError(
            f"{folder}: expected one meta/esc50.csv of the official ESC-50 archive, found "
            f"{len(found)}. Check the `archives` of this dataset."
        )
    table = read_rows(found[0], _COLUMNS)
    table["fold"] = whole_numbers(table, "fold", range(1, 6))
    table["target"] = whole_numbers(table, "target", range(50))
    return found[0], table
