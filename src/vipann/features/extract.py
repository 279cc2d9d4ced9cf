"""Features of a whole dataset: one HDF5 file, or several shards of it.

Datasets: the clips' features, called as the front end (N, T, M), float16, uncompressed, one clip a
chunk; labels (N, C) uint8 multi-hot, clip_id, fold, split, recording; and, where they are made from
audio, the `MEASURES` of the clips (N,) float32. Attributes: features (JSON of the front end's
settings), clip_seconds, padding, task, classes (JSON), manifest_sha256, left_out_sha256.

A clip whose audio is broken, ends early, is not finite, far above full scale, too short for a frame
or silent to the network is left out and listed in `rejected_list(out)`. The memory held does not
grow with the dataset.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import h5py
import numpy as np
import pandas as pd

from vipann.datasets.manifest import ClipTable, read_manifest
from vipann.datasets.shared import MADE_BY, heard_clips, list_sum
from vipann.features.audio import Heard, front_end_of
from vipann.features.measures import MEASURES, write_measures
from vipann.features.rejected import RejectedClips, rejected_list
from vipann.features.shards import packed, shard_rows
from vipann.files import clear_partial, digest, enough_space, replacing
from vipann.progress import progress

_WAITING_PER_WORKER = 16
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def extract_features(
    manifest_path: Path,
    audio_folder: Path,
    block: Mapping,
    settings: Mapping,
    out: Path,
    workers: int,
    *,
    left_out: Path | None = None,
    max_rejected: float = 0.0,
    shard: int = 1,
    shards: int = 1,
) -> None:
    """Write the features of every clip of a manifest, in its order, to `out` (HDF5).

    `block` is the dataset's block of the config, `settings` the front end and its own settings.
    `workers` threads decode and transform (libsndfile, soxr and the FFT release the interpreter
    lock). Clips that the list `left_out` leaves out, as other datasets hold them too,
    are as if they were not in the manifest. `shard` 1..`shards` takes that part of the rows.

    Raises:
        UserError: more than the fraction `max_rejected` of the clips were left out, or the disk is
            full. Nothing is left at `out` then.
    """
    table = read_manifest(manifest_path)
    front_end, name = front_end_of(settings), settings["front_end"]
    frame = heard_clips(table.frame, left_out)
    frame = frame.iloc[shard_rows(len(frame), shard, shards)]
    about = ["clip_id", "path", "offset_s", "duration_s", "sample_rate"]
    records = frame[about].to_dict("records")
    shape = (len(records), *front_end.shape(block["clip_seconds"]))
    features_of = partial(front_end.hear, folder=Path(audio_folder), block=block)
    clear_partial(out)
    with (
        enough_space(out, 2 * int(np.prod(shape))),
        closing(RejectedClips(rejected_list(out))) as rejected,
        replacing(out) as beside,
        h5py.File(beside, "w") as file,
    ):
        found = progress(ordered_map(features_of, records, workers), shape[0], name, "clip")
        kept, measures = _write_clips(file, name, shape, found, records, rejected)
        rejected.check(len(records), max_rejected)
        _describe(file, ClipTable(frame.iloc[kept], table.classes), block, settings)
        write_measures(file, measures)
        file.attrs["manifest_sha256"] = digest(manifest_path)
        file.attrs[MADE_BY] = list_sum(left_out)
    size = Path(out).stat().st_size
    print(
        f"{len(kept)} clips in {out}, {len(rejected.rows)} refused; {size / 1e9:.3f} GB, "
        f"{size / len(kept) / 1024:.1f} KiB a clip"
    )


def _write_clips(
    file: h5py.File,
    name: str,
    shape: tuple[int, ...],
    found: Iterator[Heard | str],
    records: list[dict],
    rejected: RejectedClips,
) -> tuple[list[int], dict[str, np.ndarray]]:
    """Write what was found, without gaps.

    Returns the positions of the clips that were kept, and the measures of each.
    """
    clips = file.create_dataset(name, shape, "float16", chunks=(1, *shape[1:]), maxshape=shape)
    measures = {name: np.empty(shape[0], dtype=np.float32) for name in MEASURES}
    kept: list[int] = []
    for position, (record, heard) in enumerate(zip(records, found, strict=True)):
        if isinstance(heard, str):
            rejected.add(record["clip_id"], record["path"], heard)
            continue
        # Past HDF5's selections and chunk cache, which cost more than the copy.
        half = heard.features.astype(np.float16)
        clips.id.write_direct_chunk((len(kept), *(0 for _ in shape[1:])), half)
        for measure in measures.keys() - heard.measures.keys():
            del measures[measure]
        for measure, values in measures.items():
            values[len(kept)] = heard.measures[measure]
        kept.append(position)
    clips.resize(len(kept), axis=0)
    return kept, {name: values[: len(kept)] for name, values in measures.items()}


def ordered_map(
    function: Callable[[_Item], _Result], items: Sequence[_Item], workers: int
) -> Iterator[_Result]:
    """Like map(), by `workers` threads, with a bounded number of results waiting."""
    size = _WAITING_PER_WORKER * workers
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, len(items), size):
            yield from pool.map(function, items[first : first + size])


def _describe(file: h5py.File, table: ClipTable, block: Mapping, settings: Mapping) -> None:
    """Write labels, names, folds and splits of the clips, and how their features were made."""
    clips, labels = table.frame, _multi_hot(table.frame, table.classes)
    file.create_dataset("labels", data=labels, **packed(labels))
    file.create_dataset("fold", data=clips["fold"].to_numpy(dtype=np.int16))
    for name in ("clip_id", "split", "recording"):
        file.create_dataset(name, data=clips[name].tolist(), dtype=h5py.string_dtype("utf-8"))
    file.attrs.update(
        features=json.dumps(dict(settings), sort_keys=True),
        clip_seconds=float(block["clip_seconds"]),
        padding=block["padding"],
        task=block["task"],
        classes=json.dumps(table.classes),
    )


def _multi_hot(frame: pd.DataFrame, classes: list[str]) -> np.ndarray:
    position = {name: index for index, name in enumerate(classes)}
    labels = np.zeros((len(frame), len(position)), dtype=np.uint8)
    for row, names in enumerate(frame["labels"]):
        labels[row, [position[name] for name in names]] = 1
    return labels
