"""Embeddings of clips in place of audio: one .npz for a list of clips."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from vipann.errors import UserError
from vipann.files import replacing

_ARRAYS = ("ids", "emb", "n_frames", "labels")


class EmbeddingTable:
    """An .npz of embeddings by clip: ids (N,), emb (N, F, M) uint8, n_frames (N,), labels.

    `labels` are np.packbits of the multi-hot rows (N, C), along the classes; rows of `emb` past a
    clip's n_frames say nothing. The file is read when first asked for, with UserError where it is
    something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name."""
        try:
            with np.load(self.path) as file:
                arrays = {name: file[name] for name in _ARRAYS}
        except Exception as error:  # numpy and zipfile raise anything on a file that is broken
            raise UserError(f"{self.path} is no file of embeddings ({error}).") from error
        if len({len(array) for array in arrays.values()}) != 1 or arrays["emb"].ndim != 3:
            raise UserError(f"{self.path} is no file of embeddings: its arrays don't fit together.")
        return arrays

    @cached_property
    def _position(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.arrays["ids"].tolist())}

    def of(self, clip_id: str) -> np.ndarray:
        """The vectors (n_frames, M) of a clip."""
        row = self._position[clip_id]
        return self.arrays["emb"][row, : self.arrays["n_frames"][row]]

    def labels(self, classes: int) -> np.ndarray:
        """Multi-hot labels (N, classes), bool."""
        return np.unpackbits(self.arrays["labels"], axis=1, count=classes).astype(bool)


def write_embeddings(
    path: Path, ids: Sequence[str], emb: np.ndarray, n_frames: np.ndarray, labels: np.ndarray
) -> None:
    """Write such a file; `labels` (N, C) bool."""
    packed = np.packbits(labels, axis=1)
    with replacing(path) as beside, beside.open("wb") as stream:
        np.savez(stream, ids=np.array(ids), emb=emb, n_frames=n_frames, labels=packed)
