"""Audio that several datasets of a run hold: what one is trained on must not be tested in another.

ESC-50 and UrbanSound8K are both cut from recordings of Freesound, for one, and hold pieces of the
same ones.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vipann.datasets.manifest import read_classes
from vipann.datasets.metadata import SAME_EVERYWHERE
from vipann.errors import UserError
from vipann.files import digest, replacing

# Of a list of shared clips; left_out: whether features are made without the clip.
COLUMNS = ("clip_id", "split", "reason", "left_out")
# Attribute of a feature file: the sha256 of the list that it was made by, "" where there is none.
MADE_BY = "left_out_sha256"
_FILE = "sha256:"
_READ = ("clip_id", "fold", "split", "labels", "sha256", "recording", "sources")
_LEAVES_OUT = ("upstream", "ood")
_NOWHERE = pd.DataFrame(columns=["name", "dataset", "place"], dtype=str)


def write_shared(dataset: str, role: str, manifests: Mapping[str, Path], out: Path) -> None:
    """List the clips of `dataset` that share audio with others of the run: csv of `COLUMNS`.

    manifests: by dataset, `dataset` itself among them; the others in the order in which they are
    looked through. role: "upstream" and "ood" leave the clips out, "transfer" lists them alone, as
    every transfer dataset has networks of its own. Clips share audio where their files have the
    same sha256, or where the same recording can be heard in them (manifest columns recording and
    sources), by a name that is the same in all datasets, such as freesound:116400. A path or a
    group of the user's is no such name, and a sha256 that was not computed tells nothing.

    Raises:
        UserError: no clip would be left, or of an upstream class none of a split that had some.
    """
    own = _read(manifests[dataset])
    others = {name: _read(path) for name, path in manifests.items() if name != dataset}
    found = shared_clips(own, others)
    left_out = role in _LEAVES_OUT
    if left_out and len(found):
        partners = [name for name in others if found["dataset"].eq(name).any()]
        _check_rest(dataset, role, own, found, partners)
    ids, splits = (own[name].take(found["row"].to_numpy()) for name in ("clip_id", "split"))
    listed = found.assign(clip_id=ids.to_pylist(), split=splits.to_pylist(), left_out=left_out)
    with replacing(out) as beside:
        listed.to_csv(beside, index=False, columns=list(COLUMNS))
    print(f"{dataset}: {len(listed)} of {own.num_rows} clips share audio with {', '.join(others)}")


def shared_clips(own: pa.Table, others: Mapping[str, pa.Table]) -> pd.DataFrame:
    """Rows of `own` that share audio with one of `others`: row, dataset and reason, by row.

    Tables have a manifest's columns. Of several things shared the reason names the first: the file,
    the recording, the sources; of several datasets the first of `others`.
    """
    names = _names(own)
    places = [_places(dataset, table, names["name"]) for dataset, table in others.items()]
    first = pd.concat([_NOWHERE, *places], ignore_index=True).drop_duplicates("name")
    # Of AudioSet's millions of names only these few become Python's strings.
    names = names.filter(pc.is_in(names["name"], pa.array(first["name"], pa.string())))
    found = names.to_pandas().merge(first, on="name")
    found = found.sort_values("row", kind="stable").drop_duplicates("row", ignore_index=True)
    by_file = found["name"].str.startswith(_FILE)
    what = ("its recording " + found["name"]).mask(by_file, "its file, by its sha256,")
    found["reason"] = what + " is in " + found["dataset"] + found["place"]
    return found[["row", "dataset", "reason"]]


def _read(path: Path) -> pa.Table:
    read_classes(path)  # tells of a file that is no manifest
    return pq.read_table(path, columns=list(_READ)).combine_chunks()


def _names(table: pa.Table) -> pa.Table:
    """(row, name) of all that can be compared between datasets: file, recording, sources."""
    rows = pa.array(np.arange(table.num_rows))
    files = pc.binary_join_element_wise(_FILE, table["sha256"], "")
    sources = _flat(table["sources"])
    pairs = {
        "row": [rows, rows, pc.list_parent_indices(sources)],
        "name": [*files.chunks, *table["recording"].chunks, pc.list_flatten(sources)],
    }
    names = pa.table({column: pa.chunked_array(parts) for column, parts in pairs.items()})
    return names.filter(pc.match_substring_regex(names["name"], f"^({_FILE}.|{SAME_EVERYWHERE})"))


def _flat(column: pa.ChunkedArray) -> pa.Array:
    chunk = column.combine_chunks()
    return chunk if isinstance(chunk, pa.Array) else pa.concat_arrays(chunk.chunks)


def _places(dataset: str, table: pa.Table, wanted: pa.ChunkedArray) -> pd.DataFrame:
    """(name, dataset, place) of the names of a dataset that are wanted; place: ", fold 2"."""
    names = _names(table)
    found = names.filter(pc.is_in(names["name"], wanted)).to_pandas().drop_duplicates("name")
    where = table.select(["fold", "split"]).take(found["row"].to_numpy()).to_pandas()
    split = (", " + where["split"]).mask(where["split"] == "", "")
    place = split.where(where["fold"] == 0, ", fold " + where["fold"].astype(str))
    columns = {"name": found["name"].to_numpy(), "dataset": dataset, "place": place.to_numpy()}
    return pd.DataFrame(columns, dtype=str)


def _check_rest(
    dataset: str, role: str, own: pa.Table, found: pd.DataFrame, partners: Sequence[str]
) -> None:
    names = ", ".join(partners)
    remedy = (
        f"Take {names} out of the datasets of the run, or other clips into {dataset} "
        f"(datasets.{dataset} in the config), or another dataset as `{role}`."
    )
    first = f"The first, {own['clip_id'][int(found['row'].iloc[0])]}: {found['reason'].iloc[0]}."
    if len(found) == own.num_rows:
        raise UserError(
            f"{dataset}: all {own.num_rows} clips share their audio with {names} and are left out, "
            f"so nothing remains. {first} {remedy}"
        )
    if role != "upstream":
        return
    kept = ~np.isin(np.arange(own.num_rows), found["row"])
    if lost := sorted(_labels(own) - _labels(own.filter(pa.array(kept)))):
        split, label = lost[0]
        raise UserError(
            f"{dataset}: {len(found)} of {own.num_rows} clips share their audio with {names} and "
            f"are left out, and with them every clip of the class {label!r}"
            + (f" in {split}" if split else "")
            + f". {first} {remedy}"
        )


def _labels(table: pa.Table) -> set[tuple[str, str]]:
    """(split, class) of all classes that are heard in a split."""
    labels = _flat(table["labels"])
    splits = table["split"].take(pc.list_parent_indices(labels))
    pairs = pa.table({"split": splits, "label": pc.list_flatten(labels)})
    unique = pairs.group_by(["split", "label"]).aggregate([])
    return set(zip(*(unique[name].to_pylist() for name in ("split", "label")), strict=True))


def read_list(path: Path) -> pd.DataFrame:
    """Rows of a list with the columns `COLUMNS`; left_out is bool."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    return frame.assign(left_out=frame["left_out"] == "True")


def heard_clips(frame: pd.DataFrame, listed: Path | None) -> pd.DataFrame:
    """The rows of a manifest (column clip_id) that the list `listed` does not leave out."""
    if listed is None:
        return frame
    rows = read_list(listed)
    return frame[~np.isin(frame["clip_id"], rows.loc[rows["left_out"], "clip_id"])]


def list_sum(listed: Path | None) -> str:
    """What tells a list from another one with other contents; "" where there is none."""
    return digest(listed) if listed is not None else ""


def check_features(features: Path, listed: Path) -> None:
    """UserError unless the feature file was made by the list as it is now.

    A change of another dataset that changes the list, too, is only known when the jobs of the run
    have been planned.
    """
    with h5py.File(features) as file:
        made_by = file.attrs.get(MADE_BY)
    if made_by != list_sum(listed):
        raise UserError(
            f"{listed} is another list now than when {features} was made: since a dataset of this "
            "run has changed, other clips share their audio with it. Run the same command again: "
            "it makes these features anew, without the clips of the list, and all networks that "
            "are trained on them."
        )
