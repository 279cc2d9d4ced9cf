"""The embeddings file: what one network makes of its training, validation and test clips and of
out-of-distribution clips, for what needs more than probabilities."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vipann.errors import UserError
from vipann.evaluation.predictions import Predictions
from vipann.tasks import Task

PARTS = ("training", "validation", "test", "outside")
_ARRAYS = ("embedding", "logits", "mean_logits", "labels")
_NAMES = ("clip_id", "recording")
_WORDS = ("task", "dataset", "scored_dataset", "strategy", "phase")


@dataclass(frozen=True, eq=False)
class Clips:
    """N clips of one part; N may be 0.

    embedding: (N, E) float32, what the head's last layer takes, of frames their mean; logits:
    (N, C) float32. Both are of a pass without chance: no dropout, Flipout's weights at the means of
    their posteriors. mean_logits: (N, C) float32, the mean over Monte Carlo samples, of training
    and validation clips, and of a network without chance, the same as `logits`. labels: (N, C)
    uint8 multi-hot, (N, 0) of out-of-distribution clips; clip_id, recording: (N,) str.
    """

    embedding: np.ndarray
    logits: np.ndarray
    mean_logits: np.ndarray
    labels: np.ndarray
    clip_id: np.ndarray
    recording: np.ndarray

    def __len__(self) -> int:
        return len(self.embedding)


@dataclass(frozen=True, eq=False)
class Embeddings:
    """One network's clips by part (`PARTS`), and which network it is: see `Predictions`.

    scored_dataset: where the clips outside come from, "" where there are none; training_clips: how
    many clips the network was trained on, of which `training` may be a random part.
    """

    training: Clips
    validation: Clips
    test: Clips
    outside: Clips
    task: Task
    dataset: str
    scored_dataset: str
    strategy: str
    phase: str
    fold: int
    training_clips: int
    classes: tuple[str, ...]
    clip_seconds: float


def pack(embeddings: Embeddings, file: h5py.File) -> None:
    """Write the embeddings into an open file: a group for each part, names as the fields."""
    for part in PARTS:
        group, clips = file.create_group(part), getattr(embeddings, part)
        for name in _ARRAYS:
            group[name] = getattr(clips, name)
        for name in _NAMES:
            text = getattr(clips, name).astype(object)
            group.create_dataset(name, data=text, dtype=h5py.string_dtype())
    for name in (*_WORDS, "fold", "training_clips", "clip_seconds"):
        file.attrs[name] = getattr(embeddings, name)
    file.attrs["classes"] = json.dumps(list(embeddings.classes))


def read_embeddings(path: Path | str) -> Embeddings:
    """Read a file that the rule `embed` wrote.

    Raises:
        UserError: it is missing, truncated or of another kind.
    """
    try:
        with h5py.File(path, "r") as file:
            return _unpack(file)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{path}: not a whole embeddings file ({error}). Delete it and run again: the rule "
            "embed writes it anew."
        ) from error


def _unpack(file: h5py.File) -> Embeddings:
    fields: dict[str, Any] = {part: _clips(file[part]) for part in PARTS}
    fields |= {name: str(file.attrs[name]) for name in _WORDS}
    fields |= {name: int(file.attrs[name]) for name in ("fold", "training_clips")}
    return Embeddings(
        **fields,
        clip_seconds=float(file.attrs["clip_seconds"]),
        classes=tuple(json.loads(file.attrs["classes"])),
    )


def _clips(group: h5py.Group) -> Clips:
    arrays = {name: group[name][()] for name in _ARRAYS}
    return Clips(
        **arrays, **{name: np.asarray(group[name].asstr()[()], dtype=str) for name in _NAMES}
    )


def refuse_other_clips(embeddings: Embeddings, part: str, predictions: Predictions) -> None:
    """UserError where the predictions are not of the clips of that part, in the same order."""
    if not np.array_equal(getattr(embeddings, part).clip_id, predictions.clip_id):
        who = f"{embeddings.dataset}/{embeddings.strategy}/fold{embeddings.fold}/{embeddings.phase}"
        raise UserError(
            f"{who}: its embeddings and its predictions are of different clips of "
            f"{predictions.scored_dataset}. Delete both and run again."
        )
