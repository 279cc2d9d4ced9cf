"""Audio that several datasets of a run hold: what one is trained on must not be tested in another.

ESC-50 and UrbanSound8K are both cut from recordings of Freesound, for one, and hold pieces of the
same ones.
"""

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
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


def write_shared(dataset: str, role: str, manifests: Mapping[str, Path], out: Path) -> None:
    """List the clips of `dataset` that share audio with others of the run: csv of `COLUMNS`.

    manifests: by dataset, `dataset` itself among them; the others in the order in which they are
    looked through. role: "upstream" and "ood" leave the clips out, "transfer" only lists them, as
    every transfer dataset has networks of its own. Clips share audio where their files have the
    same sha256, or where the same recording can be heard in them (manifest columns recording and
    sources), by a name that is the same in all datasets, such as freesound:116400. A path or a
    group of the user's is no such name, and a sha256 that was not computed says nothing.

    Raises:
        UserError: no clip would be left, or of an upstream class none of a split that had some.
    """
    own = read_clips(manifests[dataset])
    others = {name: read_clips(path) for name, path in manifests.items() if name != dataset}
    found, left_out = shared_clips(own, others), role != "transfer"
    if left_out and len(found):
        _check_rest(dataset, role, own, found)
    listed = own.loc[found.index].assign(reason=found["reason"], left_out=left_out)
    with replacing(out) as beside:
        listed.to_csv(beside, index=False, columns=list(COLUMNS))
    print(f"{dataset}: {len(listed)} of {len(own)} clips share audio with {', '.join(others)}")


def read_clips(path: Path) -> pd.DataFrame:
    """What is compared of a manifest, as Arrow's columns: AudioSet has millions of rows."""
    read_classes(path)  # names a file that is no manifest
    return pq.read_table(path, columns=list(_READ)).to_pandas(types_mapper=pd.ArrowDtype)


def shared_clips(own: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows of `own` that share audio with one of `others`: dataset and reason, by row.

    Frames are those of `read_clips`. Of several things shared the reason names the first: the file,
    the recording, the sources; of several datasets the first of `others`.
    """
    names = _names(own)
    places = [
        _placed(_names(clips, names["name"]), clips).assign(dataset=dataset)
        for dataset, clips in others.items()
    ]
    found = names.merge(pd.concat(places).drop_duplicates("name"), on="name")
    found = found.sort_values("row", kind="stable").drop_duplicates("row").set_index("row")
    by_file = found["name"].str.startswith(_FILE)
    what = ("its recording " + found["name"]).mask(by_file, "its file, by its sha256,")
    return found.assign(reason=what + " is in " + found["dataset"] + found["place"])


def _names(clips: pd.DataFrame, wanted: pd.Series | None = None) -> pd.DataFrame:
    """Row and name of all that can be compared between datasets: a clip's file, recording and
    sources; only those that are `wanted`."""
    parts = [_FILE + clips["sha256"], clips["recording"], clips["sources"].explode()]
    names = pd.concat(parts).rename("name").rename_axis("row").reset_index()
    if wanted is None:
        is_same = names["name"].str.startswith((_FILE, *SAME_EVERYWHERE)).fillna(False)
        return names[is_same & (names["name"] != _FILE)]
    return names[names["name"].isin(wanted)].drop_duplicates("name")


def _placed(names: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """name, and place, where its clip lies: ", fold 2", ", eval"."""
    folds, splits = (", " + clips[key].loc[names["row"]].astype(str) for key in ("fold", "split"))
    place = folds.str.replace(", ", ", fold ").mask(folds == ", 0", splits)
    return pd.DataFrame({"name": names["name"], "place": place.mask(place == ", ", "").to_numpy()})


def _check_rest(dataset: str, role: str, own: pd.DataFrame, found: pd.DataFrame) -> None:
    names = ", ".join(found["dataset"].unique())
    remedy = (
        f"Take {names} out of the datasets of the run, or other clips into {dataset} "
        f"(datasets.{dataset} in the config), or another dataset as `{role}`."
    )
    first = f"The first, {own['clip_id'][found.index[0]]}: {found['reason'].iloc[0]}."
    if len(found) == len(own):
        raise UserError(
            f"{dataset}: all {len(own)} clips share their audio with {names} and are left out, "
            f"so nothing remains. {first} {remedy}"
        )
    if role != "upstream":
        return
    if lost := sorted(_labels(own) - _labels(own.drop(index=found.index))):
        split, label = lost[0]
        raise UserError(
            f"{dataset}: {len(found)} of {len(own)} clips share their audio with {names} and "
            f"are left out, and with them every clip of the class {label!r}"
            + (f" in {split}" if split else "")
            + f". {first} {remedy}"
        )


def _labels(clips: pd.DataFrame) -> set[tuple[str, str]]:
    """(split, class) of all classes that are heard in a split."""
    pairs = clips[["split", "labels"]].explode("labels").dropna().drop_duplicates()
    return set(pairs.itertuples(index=False, name=None))


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
    """The sha256 of a list; "" where there is none."""
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
