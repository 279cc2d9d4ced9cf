"""The user's own recordings: folders named after classes, or a CSV that lists them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from os.path import normpath
from pathlib import Path, PurePosixPath
from typing import Any
from unicodedata import normalize

import pandas as pd

from vipann.audio.probe import inspect_all
from vipann.datasets.archives import place
from vipann.datasets.independence import apart, sums_of_audio, together
from vipann.datasets.manifest import SPLITS, ClipTable, clip_table
from vipann.datasets.metadata import freesound_of, label_name, read_rows, refuse, whole_numbers
from vipann.datasets.recordings import cut, find_recordings
from vipann.datasets.windows import WHOLE
from vipann.errors import UserError
from vipann.folds import deal_folds, fold_numbers

# Not the run's seed: runs that differ in it are compared on the same folds.
_FOLD_SEED = 0
_OPTIONAL = ("label", "labels", "fold", "split", "group")
_SHOWN = 5
# Folders that hold a part of a dataset, or its audio, rather than a class.
_NO_CLASS = {
    *("train", "training", "test", "testing", "val", "valid", "validation", "eval", "evaluation"),
    *("dev", "audio", "audios", "wav", "wavs", "flac", "mp3", "clips", "recordings", "sounds"),
    "data",
}


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int | None) -> None:
    """Place `archives`; nothing is done where options.path names the folder to be read."""
    path = (block.get("options") or {}).get("path")
    if path:
        if not Path(path).is_dir():
            raise UserError(f"options.path is {path!r}, which is not a folder here.")
        return
    place(archives, folder)


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """Clips of `folder` in the order of their paths (or of the CSV); classes in sorted order.

    Without `options.csv` the first folder of a path is its label. The CSV has the column path
    (relative to `folder`) and may have label or labels (";" between), fold, split, group.
    `options.windows` cuts each recording into clips, see `recordings.cut`. Labels are left out
    where block["task"] is "unlabelled". Files of one `group`, files of one sha256 (copies, links),
    and files without a group that their names say are cut from one recording on Freesound, are one
    recording, at any remove; its name is the group's, else the first path. Where
    block["folds"] wants folds and none are given, they are dealt: each class spread over all folds,
    a recording in one fold, the same for every seed. Sources name the recording on Freesound too,
    where a file's name does. UserError names the file or CSV line.
    """
    folder, options = Path(folder), block.get("options") or {}
    labelled, warned = block["task"] != "unlabelled", []
    if options.get("csv"):
        files = _from_csv(folder, folder / options["csv"], labelled=labelled)
    else:
        files = _from_folders(folder, labelled=labelled)
        if labelled:
            warned = list(odd_class_folders(files["path"], str(folder)))
    # Padding would tell out-of-distribution clips from others.
    windows = options.get("windows")
    how: dict[str, Any] = {"windows": bool(windows), "whole": windows == WHOLE}
    rows, listed = [], []
    found = inspect_all(folder, files["path"].tolist(), "recordings")
    for audio, (number, file) in zip(found, files.iterrows(), strict=True):
        about = {"split": file["split"], "origin": file["origin"]}
        clips = list(cut(audio, file["labels"], block["clip_seconds"], **how, **about))
        rows.extend(clips)
        listed.extend([number] * len(clips))
    clips = files.loc[listed].reset_index(drop=True)
    numbers = fold_numbers(block.get("folds") or 0)
    slices, odd = _slices(clips, bool(numbers), str(folder))
    names, named_by = _recordings(clips, sums_of_audio(pd.DataFrame(rows)), slices)
    folds = _folds(clips, named_by + " " + names, numbers)
    for row, name, fold in zip(rows, names, folds, strict=True):
        known = freesound_of(row["path"])
        row["recording"], row["fold"] = name, fold
        row["sources"] = [name, *([known] if known else [])]
    return clip_table(
        rows, sorted({label for row in rows for label in row["labels"]}), warned + odd
    )


def _from_folders(folder: Path, *, labelled: bool) -> pd.DataFrame:
    """A row a file: path, labels, fold (None where none is given), split, group and origin."""
    paths = find_recordings(folder, classes=labelled)
    for path in paths:
        if labelled and "/" not in path:
            raise UserError(
                f"{folder / path} has no label: put it in a folder named after its class, or name "
                "a CSV as options.csv."
            )
    labels = [[label_name(path.split("/")[0])] if labelled else [] for path in paths]
    files = pd.DataFrame({"path": paths, "labels": labels})
    return files.assign(fold=None, split="", group="", origin="")


def _from_csv(folder: Path, csv: Path, *, labelled: bool) -> pd.DataFrame:
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; check options.path of this dataset.")
    table = read_rows(csv, ["path"], _OPTIONAL)
    if table.empty:
        raise UserError(f"{csv} lists no files: there is nothing below its header.")
    label_columns = [column for column in ("label", "labels") if column in table.columns]
    if labelled and len(label_columns) != 1:
        raise UserError(f"{csv} needs either a column `label` or a column `labels`.")
    for column in ("fold", "split", "group"):
        table[column] = table[column] if column in table.columns else ""
    table["path"] = _paths(table, folder)
    known = table["split"].isin(SPLITS)
    refuse(
        table, ~known, lambda row: f"split {row['split']!r} is none of train, val, eval and empty"
    )
    if labelled and label_columns == ["label"]:
        refuse(table, table["label"] == "", lambda row: "the label is empty")
    given = table["fold"] != ""
    folds = whole_numbers(table[given], "fold").astype(object)
    table["fold"] = folds.reindex(table.index).where(given, None)
    cells = table[label_columns[0]] if labelled else pd.Series("", index=table.index)
    separator = ";" if label_columns == ["labels"] else None
    table["labels"] = [_labels(cell, separator) for cell in cells]
    return table[["path", "labels", "fold", "split", "group", "origin"]]


def _labels(cell: str, separator: str | None) -> list[str]:
    parts = cell.split(separator) if separator else [cell]
    return [label_name(part) for part in parts if part.strip()]


def _paths(table: pd.DataFrame, folder: Path) -> pd.Series:
    """The column path in one spelling, below `folder`; UserError names a line that has no file."""
    written = table["path"]
    refuse(table, written == "", lambda row: "the path is empty")
    here = folder.absolute().as_posix() + "/"
    whole = written.str.startswith(("/", "~")) | written.str.match(r"[A-Za-z]:[/\\]")
    inside = f"paths are relative to {folder}"
    refuse(
        table,
        whole,
        lambda row: (
            f"the path {row['path']!r} is absolute; {inside}"
            + (f": write {row['path'].removeprefix(here)}" if here in row["path"] else "")
        ),
    )
    paths = written.map(lambda path: PurePosixPath(normpath(path)).as_posix())
    gone = ~_there(paths, folder)
    refuse(
        table,
        written.str.contains("\\", regex=False) & gone,
        lambda row: (
            f"the path {row['path']!r} has backslashes and is no file here: write "
            + row["path"].replace("\\", "/")
        ),
    )
    outside = paths.map(lambda path: PurePosixPath(path).parts[:1] == ("..",))
    refuse(table, outside, lambda row: f"{row['path']} lies outside {folder}; {inside}")
    # A table that was typed on another system may spell accents in the other of two forms.
    for form in ("NFC", "NFD"):
        other = paths[gone].map(lambda path, form=form: normalize(form, path))
        other = other[_there(other, folder)]
        paths[other.index], gone[other.index] = other, False
    refuse(table, gone, lambda row: f"there is no file {row['path']} in {folder}; {inside}")
    first = dict(zip(paths[::-1], table["origin"][::-1], strict=True))
    refuse(
        table.assign(path=paths),
        paths.duplicated(),
        lambda row: (
            f"{row['path']} appears twice, first at {first[row['path']]}; remove one line (several "
            "labels of one file go into a column `labels`, separated by ;)"
        ),
    )
    return paths


def _there(paths: pd.Series, folder: Path) -> pd.Series:
    return paths.map(lambda path: (folder / path).is_file()).astype(bool)


def odd_class_folders(paths: Sequence[str], source: str) -> Iterator[str]:
    """Warnings where class folders (the first of each path) may be none.

    UserError where all of them are named like the parts of a dataset.
    """
    parts = pd.Series(list(paths), dtype=str).str.split("/")
    is_deep = (parts.str.len() > 2).groupby(parts.str[0], sort=False).all()
    names = is_deep.index.tolist()
    named = [name for name in names if name.casefold() in _NO_CLASS]
    too_high = "is `path` one folder too high?"
    if named and len(named) == len(names):
        raise UserError(
            f"{source}: the classes would be {', '.join(named)}; {too_high} Set path to one of "
            f"them ({source}/{names[0]}), or list files in options.csv."
        )
    if named:
        yield f"{source}: is {', '.join(named)} a class? Every folder in `path` is one."
    if is_deep.all():
        yield (
            f"{source}: the class folders ({', '.join(names[:_SHOWN])}) hold folders and no audio "
            f"themselves; {too_high} If not, all is well."
        )


def _slices(clips: pd.DataFrame, folds: bool, source: str) -> tuple[pd.Series, list[str]]:
    """By clip, the recording on Freesound that links it to others, "" for none; and what is odd.

    None where the user names a group. Names of files prove little: where folds (if they are used)
    or splits of the user's divide such a recording, these stay, and it links nothing.
    """
    names = clips["path"].map(freesound_of).where(clips["group"] == "", "")
    warned = []
    for what in ("fold", "split") if folds else ("split",):
        given = clips[what].replace("", None)
        if pairs := apart(names, given):
            (one, other), slices = pairs[0], {names[pair[0]] for pair in pairs}
            more = f" ({len(pairs)} such recordings in all)" if len(pairs) > 1 else ""
            places = [
                f"{clips['origin'][n] or source}: {clips['path'][n]} ({what} {given[n]})"
                for n in (one, other)
            ]
            warned.append(
                f"{places[0]} and {places[1]} are slices of one recording on Freesound by their "
                f"names{more}. Kept as given; unless it is so meant, give them one {what}."
            )
            names = names.where(~names.isin(slices), "")
    files = pd.DataFrame({"path": clips["path"], "name": names}).drop_duplicates("path")
    linked = files[files["name"] != ""]
    linked = linked[linked["name"].duplicated(keep=False)].sort_values("name", kind="stable")
    if len(linked):
        one, other = linked["path"].iloc[:2]
        warned.append(
            f"{source}: {len(linked)} of {len(files)} files are slices of recordings on Freesound "
            f"by their names, such as {one} and {other}: those of one count as one recording. If "
            "they are not, name groups in a table (options.csv)."
        )
    return names, warned


def _recordings(
    clips: pd.DataFrame, sums: pd.Series, slices: pd.Series
) -> tuple[pd.Series, pd.Series]:
    """What each clip is of, and whether that is a group or a path: files linked by group, path,
    sha256 or the recording on Freesound, called by the first of their groups, else paths."""
    sets = together(clips["path"], clips["group"], sums, slices)
    groups = clips["group"].where(clips["group"] != "").groupby(sets).min()
    paths = clips["path"].groupby(sets).min()
    named_by = groups.isna().map({True: "path", False: "group"})
    return tuple(
        found.loc[sets].reset_index(drop=True) for found in (groups.fillna(paths), named_by)
    )


def _folds(clips: pd.DataFrame, recordings: pd.Series, numbers: Sequence[int]) -> list[int]:
    """The fold of each clip, by the recording that it is of."""
    missing = clips["fold"].isna()
    if not numbers or not missing.any():
        return clips["fold"].fillna(0).astype(int).tolist()
    if not missing.all():
        origin = clips["origin"][missing.idxmax()]
        raise UserError(
            f"{origin}: the fold is empty; give every row one, or none to have them dealt."
        )
    # Of a clip with several labels, the rarest is the one whose spread is at risk.
    counts = Counter(clips["labels"].explode().dropna())
    strata = [
        min(labels, key=lambda label: (counts[label], label), default="")
        for labels in clips["labels"]
    ]
    return deal_folds(recordings.tolist(), strata, numbers, _FOLD_SEED)
