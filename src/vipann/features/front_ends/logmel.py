"""Log-mel spectrograms in decibels: the front end of the paper and of the PANNs."""

from collections.abc import Mapping
from dataclasses import dataclass

import librosa
import numpy as np
from scipy.signal import get_window

from vipann.features.spectrogram import MelSpectrogram, SpectrogramSettings

BANDS = "mel_bands"


@dataclass(frozen=True)
class Settings(SpectrogramSettings):
    """Of the config's `features.logmel`."""


def frames(samples: int, settings: Mapping) -> int:
    """Number of frames T of a waveform."""
    return 1 + samples // settings["hop_length"]


class FrontEnd(MelSpectrogram):
    """Mono waveform (n,) at the settings' rate to (T, mel_bands) in dB, T = 1 + n // hop_length.

    Power spectrogram of centred, reflect-padded frames under a periodic window as long as the FFT,
    librosa's Slaney mel filterbank (area-normalised), 10 log10(max(x, amin)); no upper limit on the
    range. `filters` is the mel filterbank (window_length // 2 + 1, mel_bands), float32.
    """

    decibel = 1.0

    def __init__(self, settings: Settings) -> None:
        length = settings.window_length
        filters = librosa.filters.mel(
            sr=settings.sample_rate,
            n_fft=length,
            n_mels=settings.mel_bands,
            fmin=settings.fmin,
            fmax=settings.fmax,
        )
        super().__init__(settings, get_window(settings.window, length, fftbins=True), filters.T)
        self.floor = 10 * float(np.log10(settings.amin))

    def frames(self, n_samples: int) -> int:
        return frames(n_samples, vars(self.settings))

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        mel = self.mel(waveform)
        np.maximum(mel, np.float32(self.settings.amin), out=mel)
        np.log10(mel, out=mel)
        mel *= np.float32(10)
        return mel
