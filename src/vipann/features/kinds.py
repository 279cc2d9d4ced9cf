"""What a clip's features can be, `features.kind` in the config, and how each kind is made."""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np

from vipann.datasets.embeddings import EmbeddingTable
from vipann.errors import MissingProgramError, UserError
from vipann.features.kaldi_mel import KaldiMel
from vipann.features.logmel import LogMel, load_clip, pad_clip


class ClipFeatures(Protocol):
    """How the features of one clip are made. `name` is their dataset in a features file."""

    name: str

    def shape(self, clip_seconds: float) -> tuple[int, int]:
        """Frames T and components M of a clip of that length."""

    def __call__(self, record: Mapping, folder: Path, block: Mapping) -> np.ndarray | str:
        """Features (T, M) of the clip that a manifest's row tells of, or why there are none."""


def kind_of(settings: Mapping) -> ClipFeatures:
    """What makes the features that the config's `features` block describes.

    Raises:
        UserError: there is no such kind, or its settings contradict each other.
    """
    kind = settings.get("kind", "logmel")
    if kind == "embedding":
        return ReleasedEmbeddings(settings)
    if kind not in FRONT_ENDS:
        known = ", ".join([*FRONT_ENDS, "embedding"])
        raise UserError(f"features.kind is {kind!r}; it is one of: {known}.")
    return Spectrograms(FRONT_ENDS[kind](settings))


FRONT_ENDS = {"logmel": LogMel, "kaldi_mel": KaldiMel}


class Spectrograms:
    """Features made from audio by a front end."""

    name = "logmel"

    def __init__(self, front_end: LogMel | KaldiMel) -> None:
        self.front_end = front_end

    def shape(self, clip_seconds: float) -> tuple[int, int]:
        """Frames T and mel bands."""
        settings = self.front_end.settings
        frames = self.front_end.frames(round(clip_seconds * settings["sample_rate"]))
        return frames, int(settings["mel_bands"])

    def __call__(self, record: Mapping, folder: Path, block: Mapping) -> np.ndarray | str:
        """Spectrogram (T, mel_bands) of a clip, or why there is none."""
        path = folder / record["path"]
        try:
            waveform = load_clip(
                path,
                record["offset_s"],
                record["duration_s"],
                block["clip_seconds"],
                self.front_end.settings["sample_rate"],
                block["padding"],
            )
        except MissingProgramError:
            raise
        except UserError as error:
            return str(error)
        features = self.front_end(waveform)
        loudest = features.max()
        if not np.isfinite(loudest):
            return (
                f"the log-mel spectrogram of {path} is not finite; its largest sample is "
                f"{np.abs(waveform).max():g}, where 1 is full scale."
            )
        if loudest < self.front_end.floor + 0.01 and not waveform.any():
            return f"{path} is silent: all its samples are 0."
        return features


class ReleasedEmbeddings:
    """Embeddings that came with the dataset, one vector of `mel_bands` components a second."""

    name = "embedding"

    def __init__(self, settings: Mapping) -> None:
        self.components = int(settings["mel_bands"])
        self._tables: dict[Path, EmbeddingTable] = {}
        self._lock = Lock()

    def shape(self, clip_seconds: float) -> tuple[int, int]:
        """Seconds, as frames, and components."""
        return round(clip_seconds), self.components

    def __call__(self, record: Mapping, folder: Path, block: Mapping) -> np.ndarray | str:
        """Vectors (T, M) of a clip; a shorter one is padded as the dataset's `padding` says."""
        path = folder / record["path"]
        with self._lock:
            table = self._tables.setdefault(path, EmbeddingTable(path))
            vectors = table.of(record["clip_id"])
        frames, components = self.shape(block["clip_seconds"])
        if vectors.shape[1] != components:
            raise UserError(
                f"{path} holds vectors of {vectors.shape[1]} components, and features.mel_bands is "
                f"{components}: set it to {vectors.shape[1]}."
            )
        return pad_clip(vectors[:frames], frames, block["padding"]).astype(np.float32)
