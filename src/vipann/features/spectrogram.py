"""Mel spectrograms of clips: what front ends made from a short-time Fourier transform share."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import numpy as np
import scipy.fft

from vipann.errors import UserError
from vipann.features.audio import AudioFrontEnd
from vipann.features.measures import QUIET_DB, level_db
from vipann.parts import band_fault

_BLOCK_SAMPLES = 1 << 17
_BANDS_AT_ONCE = 8
_AT_FLOOR_DB = 3.0


@dataclass(frozen=True)
class SpectrogramSettings:
    """The settings that all mel spectrograms have; the defaults are the paper's."""

    sample_rate: Annotated[
        int, "Hz, after resampling (§3.4).", {"minimum": 1000, "maximum": 192000}
    ] = 32000
    window: Annotated[
        Literal["hamming", "hann"],
        "Of the analysis: `hamming` as the paper says, `hann` as the published code of PANNs and "
        "VI-PANN does; weights trained with one are not exactly right for the other (§3.4).",
    ] = "hamming"
    window_length: Annotated[int, "Samples (§3.4).", {"minimum": 16, "maximum": 65536}] = 1024
    hop_length: Annotated[int, "Samples (§3.4).", {"minimum": 1, "maximum": 65536}] = 320
    mel_bands: Annotated[int, "How many (§3.4).", {"minimum": 32, "maximum": 512}] = 64
    fmin: Annotated[float, "Hz (§3.4).", {"minimum": 0}] = 50.0
    fmax: Annotated[float, "Hz, at most half the rate (§3.4).", {"exclusiveMinimum": 0}] = 14000.0
    amin: Annotated[
        float, "Power that stands for silence: -100 dB (PANNs).", {"exclusiveMinimum": 0}
    ] = 1e-10


class MelSpectrogram(AudioFrontEnd):
    """Short-time power spectra through a mel filterbank: `mel(waveform)`.

    floor: what digital silence gives in all bands; decibel: by how much a value changes where the
    power does by 1 dB. A subclass hands over its `window` (n,), as long as the FFT, and its
    `filters` (n // 2 + 1, mel_bands), the filterbank.
    """

    floor: float
    decibel: float

    def __init__(
        self, settings: SpectrogramSettings, window: np.ndarray, filters: np.ndarray
    ) -> None:
        super().__init__(settings)
        if fault := band_fault(asdict(settings)):
            raise UserError(f"features: {fault[0]} {fault[1]}")
        self.filters = filters.astype(np.float32)
        self._window = window.astype(np.float32)
        self._parts = list(_nonzero_parts(self.filters))

    def shape(self, clip_seconds: float) -> tuple[int, int]:
        samples = round(clip_seconds * self.settings.sample_rate)
        return self.frames(samples), self.settings.mel_bands

    def fault(self, samples: np.ndarray, own: np.ndarray) -> str:
        settings = self.settings
        if fault := super().fault(samples, own):
            return fault
        if len(samples) < settings.hop_length:
            return (
                f"is too short: {len(samples)} samples at {settings.sample_rate} Hz, where a "
                f"frame of the spectrogram takes {settings.hop_length}."
            )
        if own.max() < self.floor + _AT_FLOOR_DB * self.decibel:
            return (
                "is silent to the network: all of its spectrogram is at the floor (amin "
                f"{settings.amin:g}), and its level {level_db(samples):.0f} dB re full scale. "
                "Channels that cancel each other, a dead microphone, or sound that lies wholly "
                f"outside of fmin to fmax ({settings.fmin:g} to {settings.fmax:g} Hz) look so."
            )
        return ""

    def quiet(self, own: np.ndarray) -> np.ndarray:
        return own.max(axis=1) < self.floor + QUIET_DB * self.decibel

    def mel(self, waveform: np.ndarray) -> np.ndarray:
        """Waveform (n,) to power (1 + n // hop_length, mel_bands), float32.

        Frames are centred, the waveform is continued by reflection.
        """
        length, hop = len(self._window), self.settings.hop_length
        padded = np.pad(waveform.astype(np.float32, copy=False), length // 2, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]
        frames = frames[: 1 + len(waveform) // hop]
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
        nonzero = np.flatnonzero(filters[:, bands].any(axis=1))
        bins = slice(nonzero[0], nonzero[-1] + 1) if nonzero.size else slice(0, 0)
        yield bands, bins, np.ascontiguousarray(filters[bins, bands])
