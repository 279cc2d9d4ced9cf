"""What a clip's features can be, `features.kind` in the config, and how each kind is made."""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol

import numpy as np

from vipann.datasets.embedding_table import EmbeddingTable
from vipann.errors import MissingProgramError, UserError
from vipann.features.kaldi_mel import KaldiMel
from vipann.features.logmel import LogMel, pad_clip, read_clip
from vipann.features.measures import QUIET_DB, ClipMeasures, level_db

# A float file in the range of 16-bit integers is far above it even where it is quiet, and no
# healthy one is: 30 dB over full scale.
_LARGEST_SAMPLE = 32.0
_AT_FLOOR_DB = 3.0


class Heard(NamedTuple):
    """The features (T, M) of a clip, and its measures; no measures where there is no audio."""

    features: np.ndarray
    measures: ClipMeasures


class ClipFeatures(Protocol):
    """How the features of one clip are made. `name` is their dataset in a features file."""

    name: str

    def shape(self, clip_seconds: float) -> tuple[int, int]:
        """Frames T and components M of a clip of that length."""

    def __call__(self, record: Mapping, folder: Path, block: Mapping) -> Heard | str:
        """What is heard of the clip that a manifest's row tells of, or why that is nothing."""


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

    def __call__(self, record: Mapping, folder: Path, block: Mapping) -> Heard | str:
        """Spectrogram (T, mel_bands) of a clip and its measures, or why there is none."""
        path, rate = folder / record["path"], int(self.front_end.settings["sample_rate"])
        seconds = block["clip_seconds"]
        try:
            samples = read_clip(path, record["offset_s"], record["duration_s"], seconds, rate)
        except MissingProgramError:
            raise
        except UserError as error:
            return str(error)
        waveform = pad_clip(samples, round(seconds * rate), block["padding"])
        with np.errstate(over="ignore", invalid="ignore"):
            features = self.front_end(waveform)
        own = features[: self.front_end.frames(len(samples))]
        if fault := self._fault(samples, own):
            return f"{path} {fault}"
        quiet = own.max(axis=1) < self.front_end.floor + QUIET_DB * self.front_end.decibel
        about = (rate, len(waveform), record["sample_rate"], quiet)
        return Heard(features, ClipMeasures.of(samples, *about))

    def _fault(self, samples: np.ndarray, own: np.ndarray) -> str:
        """Why a network could not hear the clip of these samples and frames; "" if it can."""
        settings = self.front_end.settings
        largest = max(samples.max(), -samples.min())
        if largest > _LARGEST_SAMPLE:
            return (
                f"is far too loud: its largest sample is {largest:g}, where full scale is 1. "
                "Floats in the range of integers are divided by 32768 (16 bit) or 2147483648 (32)."
            )
        if len(samples) < settings["hop_length"]:
            return (
                f"is too short: {len(samples)} samples at {settings['sample_rate']} Hz, where a "
                f"frame of the spectrogram takes {settings['hop_length']}."
            )
        if not largest:
            return "is silent: all its samples are 0."
        if own.max() < self.front_end.floor + _AT_FLOOR_DB * self.front_end.decibel:
            return (
                f"is silent to the network: all of its spectrogram is at the floor (features.amin "
                f"{settings['amin']:g}), and its level {level_db(samples):.0f} dB re full scale. "
                "Channels that cancel each other, a dead microphone, or sound that lies wholly "
                f"outside of features.fmin to fmax ({settings['fmin']:g} to {settings['fmax']:g} "
                "Hz) look so."
            )
        return ""


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

    def __call__(self, record: Mapping, folder: Path, block: Mapping) -> Heard:
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
        padded = pad_clip(vectors[:frames], frames, block["padding"]).astype(np.float32)
        return Heard(padded, ClipMeasures())
