"""The front end of EfficientAT's networks: Kaldi's mel bands, a logarithm and a fixed scale.

The defaults are what the published networks were trained on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from scipy.signal import get_window

from vipann.errors import UserError
from vipann.features.spectrogram import MelSpectrogram, SpectrogramSettings

BANDS = "mel_bands"
# EfficientAT's "fast normalization".
_SHIFT, _SCALE = 4.5, 5.0


@dataclass(frozen=True)
class Settings(SpectrogramSettings):
    """Of the config's `features.kaldi_mel`."""

    window: Annotated[Literal["hamming", "hann"], "Of the analysis, symmetric."] = "hann"
    window_length: Annotated[int, "Samples.", {"minimum": 16, "maximum": 65536}] = 800
    fft_length: Annotated[
        int, "Samples, in the middle of which the window lies.", {"minimum": 16, "maximum": 65536}
    ] = 1024
    mel_bands: Annotated[int, "How many.", {"minimum": 32, "maximum": 512}] = 128
    fmin: Annotated[float, "Hz.", {"minimum": 0}] = 0.0
    fmax: Annotated[float, "Hz, at most half the rate.", {"exclusiveMinimum": 0}] = 15000.0
    amin: Annotated[float, "Added to all power.", {"exclusiveMinimum": 0}] = 1e-5
    pre_emphasis: Annotated[float, "x[t] - this * x[t - 1].", {"minimum": 0, "maximum": 1}] = 0.97


def frames(samples: int, settings: Mapping) -> int:
    """Number of frames T of a waveform; pre-emphasis takes a sample."""
    return 1 + (samples - 1) // settings["hop_length"]


class FrontEnd(MelSpectrogram):
    """Waveform (n,) at the settings' rate to (T, mel_bands), about -1.4 to 2.

    T = 1 + (n - 1) // hop_length. Pre-emphasis; power spectrogram of centred, reflect-padded frames
    under a symmetric window of window_length samples in the middle of fft_length; Kaldi's mel
    filterbank; (ln(x + amin) + 4.5) / 5.
    """

    decibel = float(np.log(10)) / 10 / _SCALE

    def __init__(self, settings: Settings) -> None:
        inner, length = settings.window_length, settings.fft_length
        if inner > length:
            raise UserError(
                f"features.kaldi_mel: window_length {inner} is more than fft_length {length}."
            )
        window = np.zeros(length)
        start = (length - inner) // 2
        window[start : start + inner] = get_window(settings.window, inner, fftbins=False)
        super().__init__(settings, window, kaldi_filters(settings))
        self.floor = (float(np.log(settings.amin)) + _SHIFT) / _SCALE

    def frames(self, n_samples: int) -> int:
        return frames(n_samples, vars(self.settings))

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        waveform = waveform.astype(np.float32, copy=False)
        emphasis, amin = np.float32(self.settings.pre_emphasis), np.float32(self.settings.amin)
        mel = self.mel(waveform[1:] - emphasis * waveform[:-1])
        mel += amin
        np.log(mel, out=mel)
        mel += np.float32(_SHIFT)
        mel /= np.float32(_SCALE)
        return mel


def kaldi_filters(settings: Settings) -> np.ndarray:
    """Kaldi's mel filterbank (fft_length // 2 + 1, mel_bands): triangles in mel, of height 1.

    Equally spaced on mel = 1127 ln(1 + f / 700); the bin at half the sample rate counts nowhere, as
    in Kaldi. (torchaudio's, in float32, differ in the fifth digit.)
    """
    length = settings.fft_length
    edges = np.linspace(_mel(settings.fmin), _mel(settings.fmax), settings.mel_bands + 2)
    bins = _mel(np.arange(length // 2 + 1) * settings.sample_rate / length)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling))
    filters[-1] = 0.0
    return filters


def _mel(hertz: float | np.ndarray) -> np.ndarray:
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)
