"""Which front end weights were trained on, as the STFT and mel matrices saved with them show."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from scipy.signal import get_window

from vipann.features.front_ends.logmel import FrontEnd, Settings
from vipann.parts import settings_that_differ

_TOLERANCE = 1e-3
_WINDOWS = ("hamming", "hann")
_SAMPLE_RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)
_FMIN = (0.0, 10.0, 20.0, 25.0, 27.5, 30.0, 40.0, 50.0, 60.0, 64.0, 80.0, 100.0, 125.0, 150.0)
_FMAX = (3800.0, 4000.0, 7000.0, 7500.0, 7600.0, 8000.0, 10000.0, 11025.0, 12000.0, 14000.0)
_FMAX_HIGH = (15000.0, 16000.0, 18000.0, 20000.0, 22050.0, 24000.0)


def differences(
    real: np.ndarray,
    imaginary: np.ndarray,
    features: Mapping[str, Any],
    mel: np.ndarray | None = None,
    precision: float = 0.0,
) -> list[str]:
    """How the config's `features` differ from a front end saved as matrices, one line each.

    `real` and `imaginary` (window_length // 2 + 1, window_length) are the windowed Fourier
    transform that torchlibrosa's STFT convolves with, `mel` (window_length // 2 + 1, mel_bands)
    its mel filterbank, where the file has one. `precision` is the relative one that they were
    saved in: 2^-7 for bfloat16. A line names the setting and the value that it must have, as far as
    it can be told. The hop length and amin leave no trace in these matrices.
    """
    tolerance = max(_TOLERANCE, precision)
    bins, length = real.shape if real.ndim == 2 else (0, 0)
    is_filterbank = mel is None or (mel.ndim == 2 and len(mel) == bins)
    if imaginary.shape != real.shape or bins != length // 2 + 1 or not is_filterbank:
        shapes = ", ".join(str(a.shape) for a in (real, imaginary, mel) if a is not None)
        return [f"its matrices of shapes {shapes} are no STFT and mel filterbank"]
    found: dict[str, Any] = {"window_length": length}
    lines = []
    windows = {name: get_window(name, length) for name in _WINDOWS}
    window = next((n for n, w in windows.items() if _close(real[0], w, tolerance)), None)
    if window is None:
        lines.append(f"its window is none of {', '.join(_WINDOWS)}, which this workflow can make")
    else:
        found["window"] = window
    if not _is_fourier_transform(real, imaginary, tolerance):
        lines.append("its STFT is no Fourier transform: it was trained or is damaged")
    if mel is not None:
        found["mel_bands"] = mel.shape[1]
        mel_settings = _mel_settings(mel, dict(features) | found, tolerance)
        if mel_settings is None:
            lines.append(_describe_mel(mel, length, features))
        else:
            found |= mel_settings
    found = {"front_end": "logmel"} | found
    return [*settings_that_differ(dict(features) | found, features), *lines]


def _close(one: np.ndarray, other: np.ndarray, tolerance: float) -> bool:
    scale = max(float(np.abs(other).max()), float(np.finfo(np.float32).tiny))
    return bool(np.abs(one - other).max() <= tolerance * scale)


def _is_fourier_transform(real: np.ndarray, imaginary: np.ndarray, tolerance: float) -> bool:
    bins, length = real.shape
    # The angle of bin k at sample n is that of k n modulo the length.
    turns = np.outer(np.arange(bins), np.arange(length)) % length
    wave = np.exp(-2j * np.pi * np.arange(length) / length)[turns]
    window = real[0]
    parts = (real, wave.real), (imaginary, wave.imag)
    return all(_close(found, part * window, tolerance) for found, part in parts)


def _mel_settings(
    mel: np.ndarray, features: Mapping[str, Any], tolerance: float
) -> dict[str, Any] | None:
    """sample_rate, fmin and fmax of a filterbank: the ones nearest to `features` that make it."""
    keys = ("sample_rate", "fmin", "fmax")
    own = tuple(features[key] for key in keys)
    rates = (own[0], *_SAMPLE_RATES)
    candidates = [
        (rate, fmin, fmax)
        for rate in rates
        for fmin, fmax in product((own[1], *_FMIN), (own[2], *_FMAX, *_FMAX_HIGH, rate / 2))
        if fmin < fmax <= rate / 2
    ]
    candidates.sort(key=lambda c: sum(a != b for a, b in zip(c, own, strict=True)))
    nonzero = np.flatnonzero(mel.any(axis=1))
    length = features["window_length"]
    for candidate in dict.fromkeys(candidates):
        rate, fmin, fmax = candidate
        edges = fmin * length / rate, fmax * length / rate
        if not len(nonzero) or not (
            edges[0] <= nonzero[0] <= edges[0] + 4 and edges[1] - 4 <= nonzero[-1] <= edges[1]
        ):
            continue
        size = {key: features[key] for key in ("window_length", "mel_bands")}
        made = Settings(**size, **dict(zip(keys, candidate, strict=True)))
        if _close(mel, FrontEnd(made).filters, tolerance):
            return dict(zip(keys, candidate, strict=True))
    return None


def _describe_mel(mel: np.ndarray, length: int, features: Mapping[str, Any]) -> str:
    rate = features["sample_rate"]
    nonzero = np.flatnonzero(mel.any(axis=1))
    low, high = (nonzero[0], nonzero[-1]) if len(nonzero) else (0, 0)
    return (
        f"its mel filterbank is not that of sample_rate {rate}, fmin {features['fmin']:g}, "
        f"fmax {features['fmax']:g}; at {rate} Hz its filters would "
        f"reach from about {low * rate / length:.0f} to {high * rate / length:.0f} Hz"
    )
