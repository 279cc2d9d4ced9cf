"""The power of a waveform in mel bands, which every front end starts from."""

from collections.abc import Iterator, Mapping

import numpy as np
import scipy.fft

_BLOCK_SAMPLES = 1 << 17
_BANDS_AT_ONCE = 8


class MelSpectrogram:
    """Short-time power spectra through a mel filterbank: `mel(waveform)`.

    `window` (n,) is as long as the FFT; `filters` (n // 2 + 1, mel_bands) is the filterbank. Of
    `settings` the hop is used here: `hop_length`, in samples.
    """

    def __init__(self, settings: Mapping, window: np.ndarray, filters: np.ndarray) -> None:
        self.settings = dict(settings)
        self.filters = filters.astype(np.float32)
        self._window = window.astype(np.float32)
        self._hop = int(settings["hop_length"])
        self._parts = list(_nonzero_parts(self.filters))

    def mel(self, waveform: np.ndarray) -> np.ndarray:
        """Waveform (n,) to power (1 + n // hop_length, mel_bands), float32.

        Frames are centred, the waveform is continued by reflection.
        """
        length = len(self._window)
        padded = np.pad(waveform.astype(np.float32, copy=False), length // 2, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, length)[:: self._hop]
        frames = frames[: 1 + len(waveform) // self._hop]
        mel = np.empty((len(frames), self.filters.shape[1]), dtype=np.float32)
        # A few frames at a time: large arrays cost more in page faults than in arithmetic.
        step = max(1, _BLOCK_SAMPLES // length)
        windowed = np.empty((min(step, len(frames)), length), dtype=np.float32)
        for start in range(0, len(frames), step):
            block = frames[start : start + step]
            block = np.multiply(block, self._window, out=windowed[: len(block)])
            spectrum = scipy.fft.rfft(block, axis=1)
            power = spectrum.real**2
            power += spectrum.imag**2
            for bands, bins, filters in self._parts:
                np.matmul(power[:, bins], filters, out=mel[start : start + step, bands])
        return mel


def _nonzero_parts(filters: np.ndarray) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Cut (bins, bands) into groups of bands, each with the few bins where it is not zero."""
    for start in range(0, filters.shape[1], _BANDS_AT_ONCE):
        bands = slice(start, start + _BANDS_AT_ONCE)
        used = np.flatnonzero(filters[:, bands].any(axis=1))
        bins = slice(used[0], used[-1] + 1) if used.size else slice(0, 0)
        yield bands, bins, np.ascontiguousarray(filters[bins, bands])
