"""Label sets: other labels of a dataset's clips than those of its manifest, keyed by clip id."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vipann.datasets.manifest import ClipTable
from vipann.errors import UserError
from vipann.files import replacing

_SCHEMA = pa.schema([("clip_id", pa.string()), ("labels", pa.list_(pa.string()))])
# Of each class: how many clips had it and got or lost it; of enhanced sets how, see `enhancement`.
COUNTS = ("class", "clips", "added", "removed")


@dataclass(frozen=True, eq=False)
class LabelSet:
    """Labels of every clip of a manifest; None where the set says nothing of a clip.

    by_clip: clip id -> class names, or None; classes: those of the manifest, in its order; about:
    who made the labels, in words for captions; source: the file, for messages.
    """

    by_clip: Mapping[str, Sequence[str] | None]
    classes: Sequence[str]
    about: str
    source: str = ""

    def covers(self, clip_ids: Sequence[str]) -> np.ndarray:
        """(N,) bool: of which clips it has labels.

        Raises:
            UserError: a clip is none of its manifest's; names the first.
        """
        if foreign := [clip for clip in clip_ids if clip not in self.by_clip]:
            raise UserError(
                f"{self.source}: a label set of other clips: {foreign[0]!r} is not among its "
                f"{len(self.by_clip)} ({len(foreign)} of {len(clip_ids)} clips are not)."
            )
        return np.array([self.by_clip[clip] is not None for clip in clip_ids], dtype=bool)

    def labels(self, clip_ids: Sequence[str], classes: Sequence[str]) -> np.ndarray:
        """(N, C) uint8, multi-hot in the order of `classes`.

        Raises:
            UserError: the classes are others, or a clip has no labels here; names it.
        """
        if list(classes) != list(self.classes):
            other = sorted(set(classes) ^ set(self.classes))[:5] or "in another order"
            raise UserError(f"{self.source}: a label set of other classes: {other}.")
        if not (there := self.covers(clip_ids)).all():
            clip = clip_ids[int(np.flatnonzero(~there)[0])]
            raise UserError(f"{self.source}: has no labels of the clip {clip!r}.")
        return multi_hot([self.by_clip[clip] or [] for clip in clip_ids], classes)


def multi_hot(labels: Sequence[Sequence[str]], classes: Sequence[str]) -> np.ndarray:
    """(N, C) uint8 of N clips' class names."""
    number = {name: n for n, name in enumerate(classes)}
    found = np.zeros((len(labels), len(classes)), dtype=np.uint8)
    for row, names in enumerate(labels):
        found[row, [number[name] for name in names]] = 1
    return found


def write_label_set(
    manifest: ClipTable, labels: Sequence[Sequence[str] | None], about: str, path: Path | str
) -> None:
    """Write the labels of the manifest's clips, in its order."""
    beside_rows = {"classes": json.dumps(manifest.classes), "about": about}
    columns = {"clip_id": manifest.frame["clip_id"].tolist(), "labels": list(labels)}
    with replacing(path) as beside:
        pq.write_table(pa.table(columns, schema=_SCHEMA.with_metadata(beside_rows)), beside)


def read_label_set(path: Path | str) -> LabelSet:
    """Read a file of `write_label_set`; UserError where it is none."""
    try:
        rows = pq.read_table(path, columns=list(_SCHEMA.names))
        said = rows.schema.metadata or {}
        classes, about = json.loads(said[b"classes"]), said[b"about"].decode()
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} is no label set ({error}). Delete it and run again.") from error
    columns = rows.to_pydict()
    by_clip = dict(zip(columns["clip_id"], columns["labels"], strict=True))
    return LabelSet(by_clip, classes, about, str(path))


def import_label_set(
    path: Path | str,
    manifest: ClipTable,
    split: str,
    ids: Mapping[str, str],
    about: str,
    out: Path | str,
    counts_out: Path | str,
) -> None:
    """Make a label set of a list that someone else labelled anew.

    path: a table with the columns clip_id (or ytid) and labels (separated by ;), or JSON as PSLA's
    code and AudioSet-R have it: {"data": [{"wav": ".../Y<clip id>.wav", "labels": "/m/a,/m/b"}]}.
    Labels are class names or their ids (`ids`: class -> id). Listed clips that the manifest lacks
    are left out, as it holds only what is there. Clips of `split` that are not listed have no
    labels in the set; those of other splits keep theirs.

    Raises:
        UserError: the file is neither; a clip is listed twice or is of another split; a label is
            no class; or no clip is the manifest's. Names the line or entry.
    """
    frame, name_of = manifest.frame, {own: name for name, own in ids.items()}
    name_of |= {name: name for name in manifest.classes}
    split_of = dict(zip(frame["clip_id"], frame["split"], strict=True))
    listed: dict[str, list[str]] = {}
    order = {name: n for n, name in enumerate(manifest.classes)}
    foreign = 0
    for where, clip, labels in _listed(Path(path)):
        own = clip if clip in split_of else clip.removeprefix("Y")
        if own in listed:
            raise UserError(f"{where}: the clip {own!r} is listed a second time.")
        if unknown := [label for label in labels if label not in name_of]:
            raise UserError(f"{where}: {unknown[0]!r} is none of the dataset's classes.")
        if split_of.get(own, split) != split:
            raise UserError(f"{where}: {own!r} is a clip of {split_of[own]!r}, not of {split!r}.")
        listed[own] = sorted({name_of[label] for label in labels}, key=order.__getitem__)
        foreign += own not in split_of
    if len(listed) == foreign:
        raise UserError(f"{path}: a label set of other clips: none is in the manifest.")
    in_split = (frame["split"] == split).tolist()
    new = [
        listed.get(clip) if is_meant else old
        for clip, old, is_meant in zip(frame["clip_id"], frame["labels"], in_split, strict=True)
    ]
    print(f"{len(listed) - foreign} of {sum(in_split)} clips of {split} are relabelled; {about}")
    if foreign:
        print(f"{foreign} listed clips are not in the manifest")
    write_label_set(manifest, new, about, out)
    changed = [n for n, labels in enumerate(new) if in_split[n] and labels is not None]
    before = multi_hot([frame["labels"].iloc[n] for n in changed], manifest.classes)
    after = multi_hot([new[n] for n in changed], manifest.classes)
    write_counts(manifest.classes, before, after, counts_out)


def write_counts(
    classes: Sequence[str],
    before: np.ndarray,
    after: np.ndarray,
    path: Path | str,
    **more: Sequence[object],
) -> None:
    """How many clips each class had and got and lost (`COUNTS`), and columns `more`, as CSV.

    before, after: (N, C) multi-hot.
    """
    numbers = (before.sum(0), (after > before).sum(0), (after < before).sum(0))
    columns = dict(zip(COUNTS, (list(classes), *numbers), strict=True))
    with replacing(path) as beside:
        pd.DataFrame(columns | more).to_csv(beside, index=False)


def _listed(path: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Place, clip and labels of each entry of a relabelled list; its content decides what it is."""
    try:
        text = path.read_text(encoding="utf-8")
        if text.lstrip().startswith("{"):
            for number, entry in enumerate(json.loads(text)["data"], start=1):
                clip = PurePosixPath(entry["wav"]).stem
                yield f"{path}, entry {number}", clip, entry["labels"].split(",")
            return
        rows = csv.DictReader(text.splitlines())
        clip_column = "ytid" if "ytid" in (rows.fieldnames or []) else "clip_id"
        for row in rows:
            labels = [label for label in row["labels"].split(";") if label]
            yield f"{path}, line {rows.line_num}", row[clip_column], labels
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is no list of labels: a table with the columns clip_id and labels, or JSON "
            f"with `data`, entries of `wav` and `labels` ({error!r})."
        ) from error
