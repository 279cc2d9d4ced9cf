"""The user's own recordings: folders named after classes, or a CSV that lists them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from os.path import normpath
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from vipann.datasets.archives import place
from vipann.datasets.manifest import (
    SPLITS,
    AudioFile,
    ClipTable,
    clip_row,
    clip_table,
    inspect_audio,
)
from vipann.errors import UserError

_READABLE = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64")
_UNREADABLE = (".m4a", ".mp4", ".aac", ".webm", ".wma", ".mkv", ".mov", ".amr", ".3gp")


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int) -> None:
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
    `folder`) has the column path and may have label or labels (";" between), fold, split.
    `options.windows` cuts each recording into consecutive windows of clip_seconds; otherwise its
    first clip_seconds are one clip. A clip id is the file's path, with `#000`.. for windows.
    Labels are left out where block["task"] is "unlabelled". UserError names the file or CSV line.
    """
    folder, options = Path(folder), block.get("options") or {}
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; check options.path of this dataset.")
    labelled = block["task"] != "unlabelled"
    if options.get("csv"):
        records = _from_csv(folder, options["csv"], labelled=labelled)
    else:
        records = _from_folders(folder, labelled=labelled)
    rows: list[dict] = []
    for record in tqdm(list(records), desc="recordings", unit="file", disable=None):
        rows.extend(_clips(folder, record, block["clip_seconds"], bool(options.get("windows"))))
    if not rows:
        raise UserError(f"{folder}: no recordings found (looked for {', '.join(_READABLE)}).")
    classes = sorted({label for row in rows for label in row["labels"]})
    return clip_table(rows, classes)


def _from_folders(folder: Path, *, labelled: bool) -> Iterator[dict]:
    # Links are followed: class folders are often links into a store of recordings.
    walked = os.walk(folder, followlinks=True)
    for path in sorted(Path(where) / name for where, _, names in walked for name in names):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts):
            continue
        if path.suffix.lower() in _UNREADABLE:
            raise UserError(f"{path} cannot be read: convert it to wav or flac, or move it away.")
        if path.suffix.lower() not in _READABLE:
            continue
        if labelled and len(relative.parts) < 2:
            raise UserError(
                f"{path} has no label: put it in a folder named after its class, or name a CSV "
                "as options.csv."
            )
        labels = [relative.parts[0]] if labelled else []
        yield {"path": relative.as_posix(), "labels": labels, "fold": 0, "split": ""}


def _from_csv(folder: Path, name: str, *, labelled: bool) -> Iterator[dict]:
    path = folder / name
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig").fillna("")
    except (OSError, ValueError) as error:
        raise UserError(f"{path} (options.csv) cannot be read: {error}.") from error
    label_columns = [column for column in ("label", "labels") if column in table.columns]
    if "path" not in table.columns:
        raise UserError(f"{path} has no column `path`.")
    if labelled and len(label_columns) != 1:
        raise UserError(f"{path} needs either a column `label` or a column `labels`.")
    for line, row in enumerate(table.to_dict("records"), start=2):
        where = f"{path}, line {line}"
        if Path(row["path"]).is_absolute() or normpath(row["path"]).startswith(".."):
            raise UserError(f"{where}: {row['path']} lies outside {folder}.")
        labels = _labels(row, label_columns[0]) if labelled else []
        fold, split = row.get("fold", "").strip() or "0", row.get("split", "").strip()
        if not fold.isdecimal():
            raise UserError(f"{where}: fold {fold!r} is not a whole number.")
        if split not in SPLITS:
            raise UserError(f"{where}: split {split!r} is neither train nor eval nor empty.")
        if labelled and not labels and label_columns == ["label"]:
            raise UserError(f"{where}: the label is empty.")
        yield {
            "path": Path(row["path"]).as_posix(),
            "labels": labels,
            "fold": int(fold),
            "split": split,
        }


def _labels(row: Mapping[str, str], column: str) -> list[str]:
    parts = [row[column]] if column == "label" else row[column].split(";")
    return [part.strip() for part in parts if part.strip()]


def _clips(folder: Path, record: Mapping, clip_seconds: float, windows: bool) -> Iterator[dict]:
    audio = inspect_audio(folder, record["path"])
    about = {"fold": record["fold"], "split": record["split"]}
    if not windows:
        yield clip_row(audio, record["path"], record["labels"], clip_seconds, **about)
        return
    for number in range(_window_count(audio, clip_seconds)):
        yield clip_row(
            audio,
            f"{record['path']}#{number:03d}",
            record["labels"],
            clip_seconds,
            offset_s=number * clip_seconds,
            **about,
        )


def _window_count(audio: AudioFile, clip_seconds: float) -> int:
    """Whole windows, plus the rest if it is at least half a window; never none."""
    length = clip_seconds * audio.sample_rate
    # Half a sample of slack: clip_seconds need not be a whole number of the file's samples.
    whole = int((audio.frames + 0.5) // length)
    rest = audio.frames - whole * length
    return max(1, whole + (rest >= length / 2))
