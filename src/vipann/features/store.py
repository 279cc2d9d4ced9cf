"""Reading features.h5: labels and folds at once, clips' features as they are asked for."""

import json
import math
import os
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from vipann.errors import UserError
from vipann.features.measures import read_measures
from vipann.features.shards import clips_of, parts_of
from vipann.tasks import Task

_DATASETS = ("labels", "clip_id", "fold", "split", "recording")
_ATTRIBUTES = ("features", "clip_seconds", "padding", "task", "classes", "manifest_sha256")


class FeatureStore(AbstractContextManager):
    """A features.h5 of N clips, C classes, T frames and M mel bands (or components), or of S
    samples, where `(T, M)` below is `(S,)`.

    path; task; classes (list of C); clip_ids, split, recording (N,) str; fold (N,) int16; labels
    (N, C) uint8 multi-hot; feature_settings (dict); clip_seconds; padding; manifest_sha256;
    shape (N, T, M); clip_measures, a table of N rows with the columns `measures.MEASURES`, or none
    for released embeddings. The file is opened at the first `read` in each process, so that a store
    can be pickled into, or forked with, a worker. A file joined from shards reads as one. UserError
    where `path` is not a feature file, or a shard of it is missing.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._open_parts: dict[int, h5py.Dataset] = {}
        self._owner = -1
        try:
            with h5py.File(self.path, "r") as file:
                self._read_head(file)
        except (OSError, KeyError, ValueError) as error:
            raise UserError(
                f"{self.path} is not a feature file of this workflow ({error}). Delete it and "
                "run again to extract the features anew."
            ) from error

    def _read_head(self, file: h5py.File) -> None:
        missing = [name for name in _DATASETS if name not in file]
        missing += [name for name in _ATTRIBUTES if name not in file.attrs]
        if missing:
            raise KeyError(f"lacks {', '.join(missing)}")
        self.task: Task = file.attrs["task"]
        self.padding: str = file.attrs["padding"]
        self.clip_seconds = float(file.attrs["clip_seconds"])
        self.manifest_sha256: str = file.attrs["manifest_sha256"]
        self.classes: list[str] = json.loads(file.attrs["classes"])
        self.feature_settings: dict = json.loads(file.attrs["features"])
        self.clip_ids = np.array(file["clip_id"].asstr()[()], dtype=str)
        self.split = np.array(file["split"].asstr()[()], dtype=str)
        self.recording = np.array(file["recording"].asstr()[()], dtype=str)
        self.fold: np.ndarray = file["fold"][()]
        self.labels: np.ndarray = file["labels"][()]
        self.clip_measures: pd.DataFrame = read_measures(file)
        clips = clips_of(file)
        self.shape: tuple[int, ...] = clips.shape
        self._starts, self._files = zip(*parts_of(clips, self.path), strict=True)
        if not len(self.clip_ids) == len(self.fold) == len(self.labels) == self.shape[0]:
            raise ValueError("its datasets differ in length")

    def __len__(self) -> int:
        return self.shape[0]

    def rows(
        self, folds: int | Collection[int] | None = None, split: str | None = None
    ) -> np.ndarray:
        """Indices (int64, ascending) of the clips in these folds and of this split; None: any."""
        chosen = np.ones(len(self), dtype=bool)
        if folds is not None:
            chosen &= np.isin(self.fold, list(folds) if isinstance(folds, Collection) else [folds])
        if split is not None:
            chosen &= self.split == split
        return np.flatnonzero(chosen).astype(np.int64)

    def read(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Features (B, T, M) of clips, float16 as stored, in the order asked for; repeats allowed.

        IndexError for an index outside 0..N-1. (numpy widens them at a tenth of torch's speed.)
        """
        indices = np.asarray(indices, dtype=np.int64).reshape(-1)
        if indices.size and not 0 <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"{self.path} has rows 0..{len(self) - 1}; asked for {indices}")
        rows = np.empty((indices.size, *self.shape[1:]), dtype=np.float16)
        # Row by row, each a whole chunk as it lies in the file: five times as fast as `read_direct`
        # and fifty times as fast as h5py's fancy indexing, which refuses unsorted rows besides.
        targets = rows.reshape(indices.size, math.prod(self.shape[1:])).view(np.uint8)
        numbers = np.searchsorted(self._starts, indices, side="right") - 1
        places = zip(indices.tolist(), numbers.tolist(), targets, strict=True)
        for index, number, target in places:
            clips = self._open(number)
            corner = (index - self._starts[number], *(0 for _ in self.shape[1:]))
            clips.id.read_direct_chunk(corner, out=target)
        return rows

    def _open(self, number: int) -> h5py.Dataset:
        # An HDF5 handle must not be shared with a forked process.
        if self._owner != os.getpid():
            self._open_parts = {}
            self._owner = os.getpid()
        if number not in self._open_parts:
            self._open_parts[number] = clips_of(h5py.File(self._files[number], "r"))
        return self._open_parts[number]

    def close(self) -> None:
        """Close the file; a later `read` opens it again."""
        if self._owner == os.getpid():
            for clips in self._open_parts.values():
                clips.file.close()
        self._open_parts = {}

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_open_parts": {}, "_owner": -1}
