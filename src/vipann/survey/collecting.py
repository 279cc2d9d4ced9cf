"""The next dataset: the clips that a network was trained on, and those that were reviewed since."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from vipann.datasets.metadata import read_rows
from vipann.datasets.recordings import find_recordings
from vipann.errors import UserError
from vipann.files import replacing
from vipann.survey.labelled import LABELS, OTHER, PATH

TABLE = "clips.csv"
_SEVERAL = "labels"


def collect(
    reviews: Sequence[Path],
    out: Path,
    data: Path | None = None,
    table: str | None = None,
    keep_other: bool = True,
) -> int:
    """Write `out`/clips.csv, a dataset for the `folder` adapter; returns the number of its clips.

    Audio is not copied: `out` has a link to each folder. reviews: folders with their saved
    labels.csv; data: the folder of the clips before, in folders named by class, or as its `table`
    (below `data`) lists them. Folds are dealt anew. keep_other: whether clips of none of the
    classes are a class of their own, `other`.

    Raises:
        UserError: a folder or its table is missing or faulty, or two folders have one name.
    """
    named: dict[str, Path] = {}
    rows: list[tuple[str, str, str]] = []
    several = False
    for path in (one / LABELS for one in reviews if one.is_dir()):
        if not path.exists():
            raise UserError(f"{path} is not there: label the review, and save it there.")
    for folder, listed in [*([(data, table)] if data else []), *((one, LABELS) for one in reviews)]:
        if folder.name in named or not folder.is_dir():
            what = "has the name of another" if folder.name in named else "is not a folder"
            raise UserError(f"{folder} {what}: name folders of different names that are there.")
        named[folder.name] = folder.resolve()
        found, has_several = _rows_of(folder, listed)
        several |= has_several
        rows += [row for row in found if keep_other or row[1] != OTHER]
    out.mkdir(parents=True, exist_ok=True)
    for name, target in named.items():
        link = out / name
        if link.is_symlink():
            link.unlink()
        link.symlink_to(target, target_is_directory=True)
    with replacing(out / TABLE) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([PATH, _SEVERAL if several else "label", "group"])
        writer.writerows(rows)
    return len(rows)


def _rows_of(folder: Path, table: str | None) -> tuple[list[tuple[str, str, str]], bool]:
    """path (below the folder's parent), label and group of each clip; whether a clip may have
    several labels."""
    if table is None:
        paths = find_recordings(folder, classes=True)
        return [(f"{folder.name}/{path}", path.split("/")[0], "") for path in paths], False
    rows = read_rows(folder / table, [PATH], ["label", _SEVERAL, "group"])
    column = next((name for name in ("label", _SEVERAL) if name in rows.columns), None)
    if column is None:
        raise UserError(f"{folder / table} has neither a column label nor labels.")
    return list(_listed(folder, rows.to_dict("records"), column)), column == _SEVERAL


def _listed(
    folder: Path, rows: Sequence[dict[str, str]], column: str
) -> Iterator[tuple[str, str, str]]:
    for row in rows:
        yield f"{folder.name}/{row[PATH]}", row[column], row.get("group", "")
