"""Waveforms as they are, for networks that learn their own filters; by default each standardised.

The defaults are those of the thesis on event detection (section 3.3): 8 kHz, mean 0, variance 1.
With `standardised: false` samples keep the level of the recording, full scale being 1.

Half precision, as the features file holds them, rounds a sample by at most 2^-11 of itself. That is
noise 73 to 75 dB below the sound, whatever its level; 16 bits have as much in a recording at -27 dB
re full scale. Nothing overflows: of S samples with variance 1 none is above sqrt(S).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from vipann.features.audio import AudioFrontEnd, pad_clip

_QUIET_SECONDS = 0.01


@dataclass(frozen=True)
class Settings:
    """Of the config's `features.waveform`."""

    sample_rate: Annotated[
        int, "Hz, after resampling (thesis §3.3).", {"minimum": 1000, "maximum": 192000}
    ] = 8000
    standardised: Annotated[bool, "Each clip to mean 0 and variance 1 (thesis §3.3)."] = True


def frames(samples: int, settings: Mapping) -> int:
    """Samples S of a waveform: all."""
    return samples


class FrontEnd(AudioFrontEnd):
    """Waveform (n,) at the settings' rate to (n,), standardised or not.

    A clip is standardised before it is padded, so that silence after it changes nothing of it and
    lies at its mean. One without any variance is refused (`fault`), and would become zeros.
    """

    def frames(self, n_samples: int) -> int:
        return n_samples

    def shape(self, clip_seconds: float) -> tuple[int, ...]:
        return (round(clip_seconds * self.settings.sample_rate),)

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        if not self.settings.standardised:
            return waveform.astype(np.float32, copy=False)
        centred = waveform - waveform.mean(dtype=np.float64)
        deviation = centred.std()
        return (centred / (deviation or 1.0)).astype(np.float32)

    def padded(self, samples: np.ndarray, length: int, padding: str) -> np.ndarray:
        return pad_clip(self(samples), length, padding)

    def fault(self, samples: np.ndarray, own: np.ndarray) -> str:
        if fault := super().fault(samples, own):
            return fault
        if samples.min() == samples.max():
            return (
                f"is silent to the network: all of its {len(samples)} samples are "
                f"{samples[0]:g}. A dead microphone, or a file of a single sample, looks so."
            )
        return ""

    def quiet(self, own: np.ndarray) -> np.ndarray:
        """Which stretches of 10 ms hold one value only."""
        length = min(len(own), round(_QUIET_SECONDS * self.settings.sample_rate))
        stretches = own[: len(own) // length * length].reshape(-1, length)
        return np.ptp(stretches, axis=1) == 0
