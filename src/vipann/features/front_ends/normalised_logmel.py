"""Log-mel spectrograms in decibels, normalised: the small features of a thesis on event detection.

The defaults are those of its section 6.4 (footnote 6): 64 bands and 400 frames of 10 s. The mean
and the deviation are of its published code (run.py): decibels of AudioSet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import librosa
import numpy as np
from scipy.signal import get_window

from vipann.errors import UserError
from vipann.features.spectrogram import MelSpectrogram, SpectrogramSettings

BANDS = "mel_bands"


@dataclass(frozen=True)
class Settings(SpectrogramSettings):
    """Of the config's `features.normalised_logmel`."""

    sample_rate: Annotated[int, "Hz, after resampling.", {"minimum": 1000, "maximum": 192000}] = (
        16000
    )
    window: Annotated[Literal["hamming", "hann"], "Of the analysis, periodic."] = "hann"
    window_length: Annotated[int, "Samples: 64 ms.", {"minimum": 16, "maximum": 65536}] = 1024
    fft_length: Annotated[
        int, "Samples, in the middle of which the window lies.", {"minimum": 16, "maximum": 65536}
    ] = 4096
    hop_length: Annotated[int, "Samples: 25 ms.", {"minimum": 1, "maximum": 65536}] = 400
    mel_bands: Annotated[int, "How many.", {"minimum": 32, "maximum": 512}] = 64
    fmin: Annotated[float, "Hz.", {"minimum": 0}] = 0.0
    fmax: Annotated[float, "Hz, at most half the rate.", {"exclusiveMinimum": 0}] = 8000.0
    frames: Annotated[
        int | None,
        "Of a clip: cut to, or filled up to with silence; null: as many as it has.",
        {"minimum": 1},
    ] = 400
    mean: Annotated[float, "dB, subtracted (published code)."] = -12.7509
    sigma: Annotated[float, "Standard deviation, dB (published code).", {"exclusiveMinimum": 0}] = (
        11.7584
    )
    sigmas: Annotated[float, "Divided by so many of them (§6.7: 2).", {"exclusiveMinimum": 0}] = 2.0


def frames(samples: int, settings: Mapping) -> int:
    """Number of frames T of a waveform."""
    return settings["frames"] or 1 + samples // settings["hop_length"]


class FrontEnd(MelSpectrogram):
    """Waveform (n,) at the settings' rate to (T, mel_bands), (dB - mean) / (sigmas * sigma).

    dB: 10 log10(max(x, amin)), where x is the power of centred, reflect-padded frames through
    librosa's Slaney filterbank, as `logmel` has it, but under a window shorter than the FFT. What
    fills up is as digital silence; the published code puts 0 dB there, and pads frames with zeros.
    """

    def __init__(self, settings: Settings) -> None:
        inner, length = settings.window_length, settings.fft_length
        if inner > length:
            raise UserError(
                f"features.normalised_logmel: window_length {inner} is more than fft_length "
                f"{length}."
            )
        window = np.zeros(length)
        start = (length - inner) // 2
        window[start : start + inner] = get_window(settings.window, inner, fftbins=True)
        filters = librosa.filters.mel(
            sr=settings.sample_rate,
            n_fft=length,
            n_mels=settings.mel_bands,
            fmin=settings.fmin,
            fmax=settings.fmax,
        )
        super().__init__(settings, window, filters.T)
        self.scale = settings.sigmas * settings.sigma
        self.decibel = 1 / self.scale
        self.floor = self._normalised(10 * float(np.log10(settings.amin)))

    def _normalised(self, decibels: Any) -> Any:
        return (decibels - self.settings.mean) / self.scale

    def frames(self, n_samples: int) -> int:
        """Those of the sound, without what fills up."""
        own = frames(n_samples, vars(self.settings) | {"frames": None})
        return min(own, self.settings.frames or own)

    def shape(self, clip_seconds: float) -> tuple[int, int]:
        samples = round(clip_seconds * self.settings.sample_rate)
        return frames(samples, vars(self.settings)), self.settings.mel_bands

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        mel = self.mel(waveform)
        decibels = 10 * np.log10(np.maximum(mel, np.float32(self.settings.amin)))
        total = frames(len(waveform), vars(self.settings))
        whole = np.full((total, self.settings.mel_bands), self.floor, np.float32)
        own = self._normalised(decibels[:total])
        whole[: len(own)] = own
        return whole
