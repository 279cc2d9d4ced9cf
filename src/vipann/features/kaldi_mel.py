"""The front end of EfficientAT's networks: Kaldi's mel bands, a logarithm and a fixed scale."""

from collections.abc import Mapping

import numpy as np
from scipy.signal import get_window

from vipann.errors import UserError
from vipann.features.logmel import WINDOWS, check_band
from vipann.features.spectrogram import MelSpectrogram

# EfficientAT's "fast normalization".
_SHIFT, _SCALE = 4.5, 5.0


class KaldiMel(MelSpectrogram):
    """Waveform (n,) at settings["sample_rate"] -> (T, mel_bands), about -1.4 to 2.

    T = 1 + (n - 1) // hop_length. Pre-emphasis x[t] - pre_emphasis * x[t - 1]; power spectrogram of
    centred, reflect-padded frames under a symmetric window of window_length samples in the middle
    of fft_length; Kaldi's mel filterbank; (ln(x + amin) + 4.5) / 5. Settings: those of `LogMel`,
    fft_length (samples) and pre_emphasis.
    """

    def __init__(self, settings: Mapping) -> None:
        check_band(settings)
        if settings["window"] not in WINDOWS:
            raise UserError(f"features.window is {settings['window']!r}; it is hamming or hann.")
        inner, length = int(settings["window_length"]), int(settings["fft_length"])
        if inner > length:
            raise UserError(
                f"features.window_length {inner} is more than features.fft_length {length}."
            )
        window = np.zeros(length)
        start = (length - inner) // 2
        window[start : start + inner] = get_window(settings["window"], inner, fftbins=False)
        super().__init__(settings, window, kaldi_filters(settings))
        self._amin = np.float32(settings["amin"])
        self._emphasis = np.float32(settings["pre_emphasis"])
        # What digital silence gives.
        self.floor = (float(np.log(settings["amin"])) + _SHIFT) / _SCALE
        # By how much a value changes where the power does by 1 dB.
        self.decibel = float(np.log(10)) / 10 / _SCALE

    def frames(self, n_samples: int) -> int:
        """Number of frames T of a waveform of n_samples."""
        return 1 + (n_samples - 1) // self._hop

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        """Return the scaled log-mel spectrogram (T, mel_bands), float32."""
        waveform = waveform.astype(np.float32, copy=False)
        mel = self.mel(waveform[1:] - self._emphasis * waveform[:-1])
        mel += self._amin
        np.log(mel, out=mel)
        mel += np.float32(_SHIFT)
        mel /= np.float32(_SCALE)
        return mel


def kaldi_filters(settings: Mapping) -> np.ndarray:
    """Kaldi's mel filterbank (fft_length // 2 + 1, mel_bands): triangles in mel, of height 1.

    Equally spaced on mel = 1127 ln(1 + f / 700); the bin at half the sample rate counts nowhere, as
    in Kaldi.
    """
    length = int(settings["fft_length"])
    low, high = _mel(settings["fmin"]), _mel(settings["fmax"])
    edges = np.linspace(low, high, int(settings["mel_bands"]) + 2)
    bins = _mel(np.arange(length // 2 + 1) * settings["sample_rate"] / length)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling))
    filters[-1] = 0.0
    return filters


def _mel(hertz: float | np.ndarray) -> float | np.ndarray:
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)
