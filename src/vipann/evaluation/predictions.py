"""The predictions file: what Monte Carlo sampling left behind for one model on one set of clips."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import h5py
import numpy as np
import pandas as pd

from vipann.errors import UserError
from vipann.files import replacing
from vipann.tasks import Task

UNCERTAINTIES = ("total", "aleatoric", "epistemic")
# What every row of a results file says first: which network, and whose clips.
FILE_COLUMNS = ["dataset", "scored_dataset", "strategy", "phase", "fold"]

_NAMES = ("clip_id", "recording")
_WORDS = ("task", "dataset", "scored_dataset", "strategy", "phase")
_NUMBERS = ("fold", "mc_samples", "seed")
_AMOUNTS = ("clip_seconds", "clamped")


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of one model for N clips and C classes, repeated R times.

    mean_probability: (R, N, C) float32 in [0, 1], the mean over Monte Carlo samples (eq. 1).
    total, aleatoric, epistemic: (R, N) float32 in nats (eqs. 2 to 8); higher is more uncertain.
    labels: (N, C) uint8 multi-hot, or (N, 0) where the clips' labels mean nothing to the model.
    clip_id: (N,) str; recording: (N,) str, the same for clips that are not independent.
    dataset: the dataset that the model belongs to; scored_dataset: where the clips come from.
    fold: 0 for upstream. clip_seconds: length at which the clips were heard. clamped: of the
    outputs of all samples, the share that left [0, 1] and was clamped (`multi_head_attention`).
    Raises ValueError when the shapes disagree or a value is not finite.
    """

    mean_probability: np.ndarray
    total: np.ndarray
    aleatoric: np.ndarray
    epistemic: np.ndarray
    labels: np.ndarray
    clip_id: np.ndarray
    recording: np.ndarray
    task: Task
    dataset: str
    scored_dataset: str
    strategy: str
    phase: str
    fold: int
    mc_samples: int
    seed: int
    classes: tuple[str, ...]
    clip_seconds: float
    clamped: float = 0.0

    def __post_init__(self) -> None:
        if self.task not in get_args(Task):
            raise ValueError(f"task is {self.task!r}, not one of {', '.join(get_args(Task))}")
        if self.mean_probability.ndim != 3:
            raise ValueError(
                f"mean_probability has shape {self.mean_probability.shape}, not (R, N, C)"
            )
        replications, clips, classes = self.mean_probability.shape
        wanted: dict[str, tuple[int, ...]] = dict.fromkeys(UNCERTAINTIES, (replications, clips))
        wanted |= dict.fromkeys(_NAMES, (clips,))
        wanted["labels"] = (clips, classes if self.labels.ndim == 2 and self.labels.shape[1] else 0)
        for name, shape in wanted.items():
            found = getattr(self, name).shape
            if found != shape:
                raise ValueError(
                    f"{name} has shape {found}, but {shape} goes with mean_probability "
                    f"{self.mean_probability.shape}"
                )
        if len(self.classes) != classes:
            raise ValueError(f"{len(self.classes)} class names for {classes} classes")
        for name in ("mean_probability", *UNCERTAINTIES):
            # A sum passes NaN and infinity on without an (R, N, C) array of flags.
            if not np.isfinite(getattr(self, name).sum(dtype=np.float64)):
                raise ValueError(f"{name} holds values that are not finite")

    def described(self, rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
        """The rows with just `columns`, where they lack some with this file's own facts."""
        lacking = {name: getattr(self, name) for name in columns if name not in rows}
        return rows.assign(**lacking)[list(columns)]

    @property
    def replications(self) -> int:
        """R, how many times the Monte Carlo prediction was repeated (1 for det)."""
        return self.mean_probability.shape[0]

    @property
    def labelled(self) -> bool:
        """Whether the clips have labels that the model can be scored against."""
        return self.labels.shape[1] > 0

    @property
    def targets(self) -> np.ndarray:
        """Multiclass only: index of each clip's class, (N,) int."""
        return self.labels.argmax(axis=1)

    @property
    def predicted(self) -> np.ndarray:
        """Multiclass only: index of the most probable class, (R, N) int."""
        return self.mean_probability.argmax(axis=2)


def write_predictions(predictions: Predictions, path: Path | str) -> None:
    """Write the file whole or not at all (format: see `Predictions`; names as its fields)."""
    with replacing(path) as beside, h5py.File(beside, "w") as file:
        pack(predictions, file)


def pack(predictions: Predictions, file: h5py.File) -> None:
    """Write the predictions into an open file, beside what it may hold of frames."""
    file["mean_probability"] = predictions.mean_probability.astype(np.float32, copy=False)
    for name in UNCERTAINTIES:
        file[name] = getattr(predictions, name).astype(np.float32, copy=False)
    file["labels"] = predictions.labels.astype(np.uint8, copy=False)
    for name in _NAMES:
        text = getattr(predictions, name).astype(object)
        file.create_dataset(name, data=text, dtype=h5py.string_dtype())
    for name in _WORDS:
        file.attrs[name] = getattr(predictions, name)
    for name in (*_NUMBERS, "replications"):
        file.attrs[name] = int(getattr(predictions, name))
    file.attrs["classes"] = json.dumps(list(predictions.classes))
    for name in _AMOUNTS:
        file.attrs[name] = float(getattr(predictions, name))


def read_predictions(path: Path | str) -> Predictions:
    """Read a file written by `write_predictions`.

    Raises UserError, naming the file, when it is missing, truncated, of another kind, or when
    its arrays do not fit together.
    """
    try:
        with h5py.File(path, "r") as file:
            return _unpack(file)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such predictions file. Run the rule that predicts.") from error
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"{path}: not a whole predictions file ({error}). "
            "Delete it and run again: the rule that predicts writes it anew."
        ) from error


def read_group(path: Path | str) -> tuple[str, str, str]:
    """(dataset, strategy, phase) of a predictions file, without reading its arrays."""
    try:
        with h5py.File(path, "r") as file:
            return str(file.attrs["dataset"]), str(file.attrs["strategy"]), str(file.attrs["phase"])
    except (OSError, KeyError) as error:
        raise UserError(f"{path}: not a predictions file ({error}).") from error


def _unpack(file: h5py.File) -> Predictions:
    arrays = ("mean_probability", *UNCERTAINTIES, "labels")
    fields: dict[str, Any] = {name: file[name][:] for name in arrays}
    fields |= {name: np.asarray(file[name].asstr()[:], dtype=str) for name in _NAMES}
    fields |= {name: str(file.attrs[name]) for name in _WORDS}
    fields |= {name: int(file.attrs[name]) for name in _NUMBERS}
    predictions = Predictions(
        **fields,
        classes=tuple(json.loads(file.attrs["classes"])),
        clip_seconds=float(file.attrs["clip_seconds"]),
        clamped=float(file.attrs.get("clamped", 0.0)),
    )
    if int(file.attrs["replications"]) != predictions.replications:
        raise ValueError(
            f"it announces {file.attrs['replications']} replications and holds "
            f"{predictions.replications}"
        )
    return predictions
