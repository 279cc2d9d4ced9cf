"""Clips as front ends hear them: read, padded, judged; and what every front end offers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from vipann.audio.decode import TOLERANCE_S, read_mono
from vipann.errors import MissingProgramError, UserError
from vipann.features.measures import measured
from vipann.parts import place
from vipann.registry import load

# A float file in the range of 16-bit integers is far above it even where it is quiet, and no
# healthy one is: 30 dB over full scale.
_LARGEST_SAMPLE = 32.0
_PAD_MODES: dict[str, Literal["constant", "wrap", "reflect"]] = {
    "zero": "constant",
    "repeat": "wrap",
    "reflect": "reflect",
}


class Heard(NamedTuple):
    """The features of a clip, and its measures; no measures where there is no audio."""

    features: np.ndarray
    measures: Mapping[str, float]


class FrontEnd(Protocol):
    """How the features of one clip are made.

    A front end is a module of `vipann.features.front_ends` with a dataclass `Settings`, a class
    `FrontEnd(settings)` and a function `frames(samples, settings)`, which uses builtins only (it is
    run without the module, before anything is downloaded); `BANDS` names the setting that is the
    number of components of a frame.
    """

    def shape(self, clip_seconds: float) -> tuple[int, ...]:
        """Of the features of a clip of that length: frames T and components M, or samples."""

    def hear(self, record: Mapping, folder: Path, block: Mapping) -> Heard | str:
        """What is heard of the clip that a manifest's row tells of, or why that is nothing."""


def front_end_of(features: Mapping[str, Any]) -> FrontEnd:
    """The front end of a config's `features` block, or of a job's settings: `front_end`, its name,
    beside its own settings.

    Raises:
        UserError: there is none of that name, or its settings contradict each other.
    """
    module = load(place(features, "front_end"))
    own = {k: v for k, v in features.items() if k != "front_end"}
    return module.FrontEnd(module.Settings(**own))


class AudioFrontEnd(ABC):
    """Features made from a clip's audio. `settings` has at least `sample_rate`."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @abstractmethod
    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        """Waveform (n,) at the settings' rate to features (T, M), or (S,), float32."""

    @abstractmethod
    def frames(self, n_samples: int) -> int:
        """Number of frames T, or samples S, of a waveform of n_samples."""

    @abstractmethod
    def shape(self, clip_seconds: float) -> tuple[int, ...]: ...

    def padded(self, samples: np.ndarray, length: int, padding: str) -> np.ndarray:
        """Features of samples (n,), of n at most `length`, made as long as those of `length`."""
        return self(pad_clip(samples, length, padding))

    def fault(self, samples: np.ndarray, own: np.ndarray) -> str:
        """Why a network could not hear the clip of these samples and frames; "" if it can."""
        largest = max(samples.max(), -samples.min())
        if largest > _LARGEST_SAMPLE:
            return (
                f"is far too loud: its largest sample is {largest:g}, where full scale is 1. "
                "Floats in the range of integers are divided by 32768 (16 bit) or 2147483648 (32)."
            )
        return "" if largest else "is silent: all its samples are 0."

    def quiet(self, own: np.ndarray) -> np.ndarray:
        """Which frames (T,) are near digital silence, as far as the features tell."""
        return np.zeros(len(own), dtype=bool)

    def hear(self, record: Mapping, folder: Path, block: Mapping) -> Heard | str:
        path, rate = folder / record["path"], self.settings.sample_rate
        seconds = block["clip_seconds"]
        try:
            samples = read_clip(path, record["offset_s"], record["duration_s"], seconds, rate)
        except MissingProgramError:
            raise
        except UserError as error:
            return str(error)
        length = round(seconds * rate)
        with np.errstate(over="ignore", invalid="ignore"):
            features = self.padded(samples, length, block["padding"])
        own = features[: self.frames(len(samples))]
        if fault := self.fault(samples, own):
            return f"{path} {fault}"
        about = (rate, length, record["sample_rate"], self.quiet(own))
        return Heard(features, measured(samples, *about))


def read_clip(
    path: Path | str,
    offset_s: float,
    duration_s: float | None,
    clip_seconds: float,
    sample_rate: int,
) -> np.ndarray:
    """Decode [offset_s, offset_s + duration_s) of a file, at most clip_seconds of it.

    Mono float32 (n,), 1 <= n <= round(clip_seconds * sample_rate), resampled by soxr HQ.
    `duration_s` None: to the file's end. UserError names a file that is broken, ends before
    offset_s + duration_s (by over 50 ms), or holds samples that are not finite.
    """
    length = round(clip_seconds * sample_rate)
    wanted = clip_seconds if duration_s is None else min(duration_s, clip_seconds)
    samples = read_mono(path, sample_rate, offset_s, wanted)
    if duration_s is not None and len(samples) < (wanted - TOLERANCE_S) * sample_rate:
        raise UserError(
            f"{path} ends early: {len(samples) / sample_rate:.3f} s can be read from "
            f"{offset_s:.3f} s on, and {wanted:.3f} s should be there."
        )
    if samples.size == 0:
        samples = np.zeros(1, dtype=np.float32)
    return samples[:length]


def pad_clip(samples: np.ndarray, length: int, padding: str) -> np.ndarray:
    """Lengthen (n, ...) to (length, ...) at its end, or cut it there.

    zero: silence. repeat: the clip over and over. reflect: the clip to and fro, its end samples
    not doubled (a single sample is held).
    """
    missing = [(0, max(0, length - len(samples)))] + [(0, 0)] * (samples.ndim - 1)
    return np.pad(samples, missing, mode=_PAD_MODES[padding])[:length]
