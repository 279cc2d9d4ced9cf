"""From a clip on disk to its log-mel spectrogram, in numpy."""

from collections.abc import Mapping
from pathlib import Path

import librosa
import numpy as np
from scipy.signal import get_window

from vipann.audio.decode import TOLERANCE_S, read_mono
from vipann.errors import UserError
from vipann.features.spectrogram import MelSpectrogram

PADDINGS = ("zero", "repeat", "reflect")
WINDOWS = ("hamming", "hann")


class LogMel(MelSpectrogram):
    """Log-mel front end: mono waveform (n,) at settings["sample_rate"] -> (T, mel_bands) in dB.

    T = 1 + n // hop_length. Power spectrogram of centred, reflect-padded frames under a periodic
    window, librosa's Slaney mel filterbank (area-normalised), 10 log10(max(x, amin)); no upper
    limit on the range. Settings: sample_rate (Hz), window ("hamming": the paper, section 4;
    "hann": the published code), window_length (samples, also the FFT's), hop_length (samples),
    mel_bands, fmin, fmax (Hz), amin (power). `filters` is the mel filterbank
    (window_length // 2 + 1, mel_bands), float32.
    """

    def __init__(self, settings: Mapping) -> None:
        if settings["window"] not in WINDOWS:
            raise UserError(f"features.window is {settings['window']!r}; it is hamming or hann.")
        check_band(settings)
        length = int(settings["window_length"])
        filters = librosa.filters.mel(
            sr=settings["sample_rate"],
            n_fft=length,
            n_mels=settings["mel_bands"],
            fmin=settings["fmin"],
            fmax=settings["fmax"],
        )
        super().__init__(settings, get_window(settings["window"], length, fftbins=True), filters.T)
        self._amin = np.float32(settings["amin"])
        # What digital silence gives, in dB.
        self.floor = 10 * float(np.log10(settings["amin"]))
        self.decibel = 1.0

    def frames(self, n_samples: int) -> int:
        """Number of frames T of a waveform of n_samples."""
        return 1 + n_samples // self._hop

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        """Return the log-mel spectrogram (T, mel_bands), float32, in dB."""
        mel = self.mel(waveform)
        np.maximum(mel, self._amin, out=mel)
        np.log10(mel, out=mel)
        mel *= np.float32(10)
        return mel


def check_band(settings: Mapping) -> None:
    """Raise UserError unless 0 <= fmin < fmax <= sample_rate / 2."""
    if not 0 <= settings["fmin"] < settings["fmax"] <= settings["sample_rate"] / 2:
        raise UserError(
            f"features: fmin {settings['fmin']} < fmax {settings['fmax']} <= half of "
            f"sample_rate {settings['sample_rate']} does not hold."
        )


def load_clip(
    path: Path | str,
    offset_s: float,
    duration_s: float | None,
    clip_seconds: float,
    sample_rate: int,
    padding: str,
) -> np.ndarray:
    """`read_clip`, cut or padded at its end to (round(clip_seconds * sample_rate),)."""
    samples = read_clip(path, offset_s, duration_s, clip_seconds, sample_rate)
    return pad_clip(samples, round(clip_seconds * sample_rate), padding)


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
    """Lengthen (n, ...) to (length, ...) at its end.

    zero: silence. repeat: the clip over and over. reflect: the clip to and fro, its end samples
    not doubled (a single sample is held).
    """
    if padding not in PADDINGS:
        raise UserError(f"padding is {padding!r}; it is one of {', '.join(PADDINGS)}.")
    n = len(samples)
    if n >= length:
        return samples[:length]
    if padding == "zero":
        return np.concatenate(
            [samples, np.zeros_like(samples, shape=(length - n, *samples.shape[1:]))]
        )
    position = np.arange(length)
    if padding == "repeat" or n == 1:
        return samples[position % n]
    period = 2 * (n - 1)
    position %= period
    return samples[np.minimum(position, period - position)]
