"""ESC-50 and its subset ESC-10 (Piczak 2015), from the official archive's layout."""

from collections.abc import Mapping
from pathlib import Path

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

# Freesound's 131943, 134049, 209698 and 234879 are cut into clips of two classes, in two folds.
AS_PUBLISHED = True
_COLUMNS = ("filename", "fold", "target", "category", "esc10", "src_file")
_CLASS_COUNT = {"esc50": 50, "esc10": 10}


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """Clips in the order of meta/esc50.csv, folds 1 to 5 as published.

    `options.subset`: "esc50" (50 classes) or "esc10" (rows flagged esc10, 10 classes). Classes
    are the categories in the order of `target`. UserError names the line of the CSV, or the file,
    that is wrong.
    """
    subset = (block.get("options") or {}).get("subset", "esc50")
    meta, audio = official_table(Path(folder), "meta/esc50.csv")
    table = read_rows(meta, _COLUMNS)
    table["fold"] = whole_numbers(table, "fold", range(1, 6))
    table["target"] = whole_numbers(table, "target", range(50))
    if subset == "esc10":
        table = table[table["esc10"].str.lower() == "true"]
    classes = class_names(table, "target", "category")
    if len(classes) != _CLASS_COUNT[subset]:
        hint = " This may be the archive of ESC-10: set options.subset: esc10."
        raise UserError(
            f"{meta}: subset {subset} has {_CLASS_COUNT[subset]} classes, found {len(classes)}."
            + (hint if len(classes) == _CLASS_COUNT["esc10"] else "")
        )
    about = {
        "path": f"{audio}/" + table["filename"],
        "label": table["category"],
        "recording": table["src_file"].map(freesound),
    }
    return clip_table(
        listed_clips(Path(folder), table.assign(**about), block["clip_seconds"]), classes
    )
