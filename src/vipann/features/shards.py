"""A feature file in parts: which rows a shard holds, and shards joined to one file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vipann.errors import UserError
from vipann.features.rejected import join_rejected, rejected_list
from vipann.files import replacing


def shard_rows(total: int, shard: int, shards: int) -> slice:
    """Rows of a manifest that shard 1..shards holds: runs in order, as even as can be."""
    if not 1 <= shard <= shards <= max(total, 1):
        raise UserError(
            f"shard {shard} of {shards} is empty, as there are {total} clips: lower `shards` in "
            "the dataset's block of the config."
        )
    return slice((shard - 1) * total // shards, shard * total // shards)


def packed(rows: np.ndarray) -> dict[str, Any]:
    """How HDF5 stores rows: multi-hot ones of hundreds of classes, nearly all 0, packed take a
    hundredth of their size."""
    is_wide = rows.ndim == 2 and rows.size
    return {"compression": "gzip", "compression_opts": 1} if is_wide else {}


def clips_of(file: h5py.File) -> h5py.Dataset:
    """The dataset of a feature file that holds the clips' features: the one of half precision.

    It is called as their front end. (N, T, M), or (N, S) of waveforms.

    Raises:
        KeyError: there is none.
    """
    found = [dataset for dataset in file.values() if dataset.dtype == np.float16]
    if not found:
        raise KeyError("lacks features")
    return found[0]


def join_shards(shards: Sequence[Path], out: Path) -> None:
    """Write `out`, which reads as the shards' rows one after the other.

    Its clips are an HDF5 virtual dataset: the rows stay in the shards, found by their path
    relative to `out`. The shards' lists of refused clips are joined too.

    Raises:
        UserError: the shards were not made from one manifest with the same settings.
    """
    files = [h5py.File(path, "r") for path in shards]
    try:
        _check_alike(files)
        clips = [clips_of(file) for file in files]
        lengths = [len(each) for each in clips]
        shape = (sum(lengths), *clips[0].shape[1:])
        dataset = clips[0].name.lstrip("/")
        layout = h5py.VirtualLayout(shape, "float16")
        starts = np.cumsum([0, *lengths])
        for path, each, start in zip(shards, clips, starts, strict=False):
            name = Path(path).resolve().relative_to(Path(out).resolve().parent).as_posix()
            layout[start : start + len(each)] = h5py.VirtualSource(name, dataset, each.shape)
        with replacing(out) as beside, h5py.File(beside, "w") as joined:
            joined.create_virtual_dataset(dataset, layout)
            for name in files[0].keys() - {dataset}:
                rows = np.concatenate([file[name][()] for file in files])
                joined.create_dataset(name, data=rows, dtype=files[0][name].dtype, **packed(rows))
            joined.attrs.update(files[0].attrs)
    finally:
        for file in files:
            file.close()
    refused = join_rejected(map(rejected_list, shards), rejected_list(out))
    size = sum(Path(path).stat().st_size for path in shards)
    print(f"{shape[0]} clips in {len(shards)} shards, {refused} refused; {size / 1e9:.3f} GB")


def parts_of(clips: h5py.Dataset, path: Path) -> list[tuple[int, Path]]:
    """The files in which the rows of `clips` of the feature file `path` lie: first row, file.

    Reading through a virtual dataset costs ten times what reading its sources costs, and takes a
    source that is missing for zeros.

    Raises:
        UserError: a shard is missing or was replaced by one with other rows.
    """
    if not clips.is_virtual:
        if clips.chunks != (1, *clips.shape[1:]):
            raise ValueError(f"its {clips.name[1:]} has not one clip a chunk")
        return [(0, path)]
    parts = []
    for source in clips.virtual_sources():
        first, last = (corner[0] for corner in source.vspace.get_select_bounds())
        shard = path.parent / source.file_name
        found = _rows(shard)
        if found != last - first + 1:
            raise UserError(
                f"{path} is joined from shards, and {shard} "
                + ("is missing." if found is None else f"has {found} clips instead of its own.")
                + f" Delete {path} and run again."
            )
        parts.append((int(first), shard))
    return sorted(parts)


def _rows(path: Path) -> int | None:
    try:
        with h5py.File(path, "r") as file:
            return len(clips_of(file))
    except FileNotFoundError:
        return None


def _check_alike(files: Sequence[h5py.File]) -> None:
    first = dict(files[0].attrs)
    for file in files[1:]:
        differing = [name for name, value in first.items() if file.attrs.get(name) != value]
        if differing or clips_of(file).shape[1:] != clips_of(files[0]).shape[1:]:
            raise UserError(
                f"{file.filename} and {files[0].filename} are not shards of one dataset: they "
                f"differ in {', '.join(differing) or 'shape'}. Delete them and run again."
            )
