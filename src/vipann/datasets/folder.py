"""The user's own recordings: folders named after classes, or a CSV that lists them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path, PurePosixPath
from unicodedata import normalize

import pandas as pd

from vipann.audio.probe import inspect_all
from vipann.datasets.archives import place
from vipann.datasets.classes import odd_class_folders
from vipann.datasets.independence import apart, sums_of_audio, together
from vipann.datasets.manifest import SPLITS, ClipTable, clip_table
from vipann.datasets.metadata import (
    freesound_of,
    label_name,
    read_rows,
    refuse,
    whole_numbers,
)
from vipann.datasets.recordings import READABLE, cut, find_recordings
from vipann.datasets.windows import WHOLE
from vipann.errors import UserError
from vipann.folds import deal_folds, fold_numbers

# Not the run's seed: runs that differ in it are compared on the same folds.
_FOLD_SEED = 0
_OPTIONAL = ("label", "labels", "fold", "split", "group")


@dataclass(frozen=True)
class _File:
    """A file, as the user lists it; fold None where the user gives none."""

    path: str
    labels: list[str]
    fold: int | None = None
    split: str = ""
    group: str = ""
    origin: str = ""


@dataclass(frozen=True)
class _Recording:
    """What is not independent of each other; `kind` says what it is named after: group or path."""

    name: str
    kind: str


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
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; check options.path of this dataset.")
    labelled, said = block["task"] != "unlabelled", []
    if options.get("csv"):
        files = list(_from_csv(folder, folder / options["csv"], labelled=labelled))
    else:
        files = list(_from_folders(folder, labelled=labelled))
        if labelled and files:
            said = list(odd_class_folders([file.path for file in files], str(folder)))
    if not files:
        raise UserError(f"{folder}: no recordings found (looked for {', '.join(READABLE)}).")
    windows = bool(options.get("windows"))
    # Padding would tell out-of-distribution clips from others.
    whole = options.get("windows") == WHOLE
    listed, rows = [], []
    found = inspect_all(folder, [file.path for file in files], "recordings")
    for audio, file in zip(found, files, strict=True):
        about = {"split": file.split, "origin": file.origin}
        clips = list(
            cut(audio, file.labels, block["clip_seconds"], windows=windows, whole=whole, **about)
        )
        rows.extend(clips)
        listed.extend([file] * len(clips))
    frame = pd.DataFrame(rows)
    numbers = fold_numbers(block.get("folds") or 0)
    slices, odd = _slices(listed, bool(numbers), str(folder))
    recordings = _recordings(listed, sums_of_audio(frame).tolist(), slices)
    folds = _folds(listed, recordings, numbers)
    for row, recording, fold in zip(rows, recordings, folds, strict=True):
        known = freesound_of(row["path"])
        row["recording"], row["fold"] = recording.name, fold
        row["sources"] = [recording.name, *([known] if known else [])]
    return clip_table(rows, sorted({label for row in rows for label in row["labels"]}), said + odd)


def _from_folders(folder: Path, *, labelled: bool) -> Iterator[_File]:
    for path in find_recordings(folder, classes=labelled):
        parts = Path(path).parts
        if labelled and len(parts) < 2:
            raise UserError(
                f"{folder / path} has no label: put it in a folder named after its class, or name "
                "a CSV as options.csv."
            )
        yield _File(path, [label_name(parts[0])] if labelled else [])


def _from_csv(folder: Path, csv: Path, *, labelled: bool) -> Iterator[_File]:
    table = read_rows(csv, ["path"], _OPTIONAL)
    if table.empty:
        raise UserError(f"{csv} lists no files: there is nothing below its header.")
    label_columns = [column for column in ("label", "labels") if column in table.columns]
    if labelled and len(label_columns) != 1:
        raise UserError(f"{csv} needs either a column `label` or a column `labels`.")
    for column in ("fold", "split", "group"):
        table[column] = table[column] if column in table.columns else ""
    table["path"] = _paths(table, folder)
    split = table["split"]
    known = split.isin(SPLITS)
    refuse(table, ~known, lambda row: f"split {row['split']!r} is neither train nor eval nor empty")
    if labelled and label_columns == ["label"]:
        refuse(table, table["label"] == "", lambda row: "the label is empty")
    numbers = _given_folds(table)
    for row, fold in zip(table.to_dict("records"), numbers, strict=True):
        labels = _labels(row, label_columns[0]) if labelled else []
        yield _File(row["path"], labels, fold, row["split"], row["group"], row["origin"])


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
    slashes = written.str.contains("\\", regex=False) & gone
    refuse(
        table,
        slashes,
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
    again = paths.duplicated()
    refuse(
        table.assign(path=paths),
        again,
        lambda row: (
            f"{row['path']} appears twice, first at {first[row['path']]}; remove one line (several "
            "labels of one file go into a column `labels`, separated by ;)"
        ),
    )
    return paths


def _there(paths: pd.Series, folder: Path) -> pd.Series:
    return paths.map(lambda path: (folder / path).is_file()).astype(bool)


def _given_folds(table: pd.DataFrame) -> list[int | None]:
    given = table["fold"] != ""
    folds = iter(whole_numbers(table[given], "fold").tolist())
    return [next(folds) if is_given else None for is_given in given]


def _labels(row: Mapping[str, str], column: str) -> list[str]:
    parts = [row[column]] if column == "label" else row[column].split(";")
    return [label_name(part) for part in parts if part.strip()]


def _slices(clips: Sequence[_File], folds: bool, source: str) -> tuple[list[str], list[str]]:
    """By clip, the recording on Freesound that links it to others, "" for none; and what is odd.

    None where the user names a group. Names of files prove little: where folds (if they are used)
    or splits of the user's divide such a recording, these stay, and it links nothing.
    """
    names = pd.Series(["" if clip.group else freesound_of(clip.path) for clip in clips], dtype=str)
    said = []
    for what in ("fold", "split") if folds else ("split",):
        given = [getattr(clip, what) or None for clip in clips]
        pairs = apart(names, pd.Series(given, dtype=object))
        if pairs:
            (one, other), slices = pairs[0], {names[pair[0]] for pair in pairs}
            more = f" ({len(pairs)} such recordings in all)" if len(pairs) > 1 else ""
            places = [f"{clips[n].origin or source}: {clips[n].path}" for n in (one, other)]
            said.append(
                f"{places[0]} ({what} {given[one]}) and {places[1]} ({what} {given[other]}) are "
                f"slices of one recording on Freesound by their names{more}. Kept as given; unless "
                f"it is so meant, give them one {what}."
            )
            names = names.where(~names.isin(slices), "")
    files = pd.DataFrame({"path": [clip.path for clip in clips], "name": names})
    files = files[files["name"] != ""].drop_duplicates("path")
    joined = files[files["name"].duplicated(keep=False)].sort_values("name", kind="stable")
    if len(joined):
        total, (one, other) = len({clip.path for clip in clips}), joined["path"].iloc[:2]
        said.append(
            f"{source}: {len(joined)} of {total} files are slices of recordings on Freesound by "
            f"their names, such as {one} and {other}: those of one count as one recording. If they "
            "are not, name groups in a table (options.csv)."
        )
    return names.tolist(), said


def _recordings(
    clips: Sequence[_File], sums: Sequence[str], slices: Sequence[str]
) -> list[_Recording]:
    """What each clip is of: files linked by group, path, sha256 or the recording on Freesound."""
    paths, groups = [clip.path for clip in clips], [clip.group for clip in clips]
    sets = together(paths, groups, sums, slices)
    table = pd.DataFrame({"path": paths, "group": groups, "set": sets})
    named, first = _first(table[table["group"] != ""], "group"), _first(table, "path")
    made = {
        number: _Recording(named[number], "group") if number in named else _Recording(path, "path")
        for number, path in first.items()
    }
    return [made[number] for number in table["set"]]


def _first(table: pd.DataFrame, column: str) -> dict[int, str]:
    """By set, the first in sorted order: which it is doesn't depend on the order of the files."""
    rows = table.sort_values(column).drop_duplicates("set")
    return dict(zip(rows["set"], rows[column], strict=True))


def _folds(
    clips: Sequence[_File], recordings: Sequence[_Recording], numbers: Sequence[int]
) -> list[int]:
    """The fold of each clip, by the recording that it is of."""
    given = [clip.fold is not None for clip in clips]
    if not numbers or all(given):
        return [clip.fold or 0 for clip in clips]
    if any(given):
        origin = clips[given.index(False)].origin
        raise UserError(
            f"{origin}: the fold is empty; give every row one, or none to have them dealt."
        )
    # Of a clip with several labels, the rarest is the one whose spread is at risk.
    counts = Counter(label for clip in clips for label in clip.labels)
    strata = [
        min(clip.labels, key=lambda label: (counts[label], label), default="") for clip in clips
    ]
    names = [f"{recording.kind} {recording.name}" for recording in recordings]
    return deal_folds(names, strata, numbers, _FOLD_SEED)
