"""ESC-50 and its subset ESC-10 (Piczak 2015), from the official archive's layout."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from vipann.datasets.archives import place
from vipann.datasets.manifest import ClipTable, clip_row, clip_table, inspect_audio
from vipann.errors import UserError

_COLUMNS = ("filename", "fold", "target", "category", "esc10")
_CLASS_COUNT = {"esc50": 50, "esc10": 10}


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int) -> None:
    """Unpack the archive; its top folder may have any name."""
    place(archives, folder)


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """Clips in the order of meta/esc50.csv, folds 1 to 5 as published.

    `options.subset`: "esc50" (50 classes) or "esc10" (rows flagged esc10, 10 classes). Classes
    are the categories in the order of `target`. UserError where the CSV, a file or a class lacks.
    """
    subset = (block.get("options") or {}).get("subset", "esc50")
    if subset not in _CLASS_COUNT:
        raise UserError(f"options.subset is {subset!r}; it is esc50 or esc10.")
    meta, table = _read_meta(Path(folder))
    if subset == "esc10":
        table = table[table["esc10"].astype(str).str.lower() == "true"]
    classes = table.drop_duplicates(["target", "category"]).sort_values("target")
    if not len(classes) == classes["target"].nunique() == _CLASS_COUNT[subset]:
        hint = " This may be the archive of ESC-10: set options.subset: esc10."
        raise UserError(
            f"{meta}: subset {subset} has {_CLASS_COUNT[subset]} classes, found {len(classes)}."
            + (hint if len(classes) == _CLASS_COUNT["esc10"] else "")
        )
    wrong = table[~table["fold"].isin(range(1, 6))]
    if len(wrong):
        raise UserError(f"{meta}: {wrong.iloc[0]['filename']} has a fold outside 1..5.")
    audio = meta.parent.parent.relative_to(folder) / "audio"
    rows = []
    for row in tqdm(table.to_dict("records"), desc="esc50", unit="clip", disable=None):
        file = inspect_audio(folder, (audio / row["filename"]).as_posix())
        name = Path(row["filename"]).stem
        rows.append(
            clip_row(file, name, [row["category"]], block["clip_seconds"], fold=row["fold"])
        )
    return clip_table(rows, classes["category"].tolist())


def _read_meta(folder: Path) -> tuple[Path, pd.DataFrame]:
    found = sorted(path for path in folder.rglob("esc50.csv") if path.parent.name == "meta")
    if len(found) != 1:
        raise UserError(
            f"{folder}: expected one meta/esc50.csv of the official ESC-50 archive, found "
            f"{len(found)}. Check the `archives` of this dataset."
        )
    table = pd.read_csv(found[0])
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise UserError(f"{found[0]} lacks the column(s) {', '.join(missing)}.")
    return found[0], table
