"""What happens to a sound between its source and the file: room, background, microphone, level.

Waveforms are mono float arrays of shape (samples,); frequencies are in Hz, times in seconds,
levels in dB. Filtering is done on spectra (zero phase), so nothing here needs scipy.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.floating]
Range = tuple[float, float]

_PEAK = 0.9
_FRAME_S = 0.025


@dataclass(frozen=True)
class Conditions:
    """Ranges from which a recording draws its room, its background noise and its microphone."""

    reverberation_s: Range = (0.1, 1.0)
    """Time in which the reverberation decays by 60 dB."""
    direct_db: Range = (0.0, 18.0)
    """Energy of the direct sound over that of the reverberation."""
    noise_exponent: Range = (0.0, 2.0)
    """Background power falls as 1 / f ** exponent: 0 white, 1 pink, 2 brown."""
    low_cut_hz: Range = (25.0, 150.0)
    high_cut_hz: Range = (4500.0, 15000.0)
    level_db: Range = (-32.0, -18.0)
    """RMS of the file, relative to full scale."""


def biased_conditions(rng: np.random.Generator, share: float = 0.5) -> Conditions:
    """Narrow each range of `Conditions` to a random part of it that is `share` as wide."""
    whole = Conditions()
    narrowed = {}
    for field in fields(whole):
        low, high = getattr(whole, field.name)
        start = low + (high - low) * (1 - share) * rng.random()
        narrowed[field.name] = (start, start + (high - low) * share)
    return Conditions(**narrowed)


def fast_length(samples: int) -> int:
    """Smallest length of at least `samples` for which a Fourier transform is quick."""
    return min(odd << max(0, math.ceil(math.log2(samples / odd))) for odd in (1, 3, 5, 9, 15))


def band_response(
    length: int, sample_rate: int, low_hz: float, high_hz: float, doublings: int = 3
) -> NDArray[np.float32]:
    """Magnitude of a Butterworth band pass (-3 dB at the cuts, none at 0 Hz) on an rfft's bins.

    Its slopes are 6 * 2 ** (doublings - 1) dB an octave: 24 by default.
    """
    frequency = np.fft.rfftfreq(length, 1 / sample_rate).astype(np.float32)
    falling, rising = frequency / np.float32(high_hz), frequency / np.float32(low_hz)
    for _ in range(doublings):
        falling, rising = falling * falling, rising * rising
    return np.sqrt(rising / ((1 + rising) * (1 + falling)))


def band_limit(wave: Wave, sample_rate: int, low_hz: float, high_hz: float) -> Wave:
    """Pass `low_hz` to `high_hz`, as a microphone does."""
    length = fast_length(len(wave))
    spectrum = np.fft.rfft(wave, length) * band_response(length, sample_rate, low_hz, high_hz)
    return np.fft.irfft(spectrum, length)[: len(wave)]


def coloured_noise(
    rng: np.random.Generator,
    samples: int,
    sample_rate: int,
    exponent: float,
    low_hz: float,
    high_hz: float,
    doublings: int = 3,
) -> Wave:
    """Gaussian noise of RMS 1 whose power falls as 1 / f ** exponent between two cut-offs.

    It is drawn as a spectrum, which saves a transform; `doublings` as for `band_response`.
    """
    length = fast_length(samples)
    white = rng.standard_normal(2 * (length // 2 + 1), dtype=np.float32).view(np.complex64)
    frequency = np.fft.rfftfreq(length, 1 / sample_rate).astype(np.float32)
    shape = np.maximum(frequency / np.float32(low_hz), 1) ** np.float32(-exponent / 2)
    shape *= band_response(length, sample_rate, low_hz, high_hz, doublings)
    noise = np.fft.irfft(white * shape, length)[:samples]
    return noise / np.float32(rms(noise))


def reverberate(
    rng: np.random.Generator,
    wave: Wave,
    sample_rate: int,
    room: tuple[float, float],
    band: tuple[float, float],
) -> Wave:
    """Convolve with a room's synthetic impulse response of energy 1, then band limit; same length.

    room: (time in which the reverberation decays by 60 dB, direct over reverberant energy in dB);
    band: (low, high) cut-off. Response: the direct sound, then Gaussian noise that decays and
    grows duller the later it arrives, as the high frequencies of real rooms decay faster.
    """
    reverberation_s, direct_db = room
    time = np.arange(int(reverberation_s * sample_rate), dtype=np.float32) / sample_rate
    decay = np.exp(time * np.float32(-3 * math.log(10) / reverberation_s))
    bright = rng.standard_normal(len(time), dtype=np.float32)
    dull = np.convolve(bright, np.hanning(10)[1:-1].astype(np.float32) / 2, mode="same")
    tail = decay * (bright * decay + dull * (1 - decay))
    tail *= 10 ** (-direct_db / 20) / math.sqrt(float(tail @ tail))
    tail[0] += 1
    tail /= math.sqrt(float(tail @ tail))
    length = fast_length(len(wave) + len(tail))
    spectrum = np.fft.rfft(wave, length) * np.fft.rfft(tail, length)
    spectrum *= band_response(length, sample_rate, *band)
    return np.fft.irfft(spectrum, length)[: len(wave)]


def slow_curve(
    rng: np.random.Generator, samples: int, sample_rate: int, rate_hz: float
) -> NDArray[np.float64]:
    """Random curve of mean about 0 and deviation below 1, with `rate_hz` new values a second."""
    knots = max(2, math.ceil(samples / sample_rate * rate_hz) + 1)
    values = rng.standard_normal(knots)
    return np.interp(np.arange(samples), np.linspace(0, max(samples - 1, 1), knots), values)


def rms(wave: Wave) -> float:
    """Root mean square."""
    return math.sqrt(float(np.vdot(wave, wave)) / len(wave))


def gated_level(wave: Wave, sample_rate: int) -> float:
    """RMS over the 25 ms frames within 20 dB of the loudest one.

    So a clock that ticks once a second and steady rain count as equally loud where each sounds.
    """
    frame = max(1, int(_FRAME_S * sample_rate))
    padded = np.pad(wave, (0, -len(wave) % frame))
    power = np.square(padded).reshape(-1, frame).mean(axis=1)
    return float(np.sqrt(power[power >= power.max() / 100].mean()))


def fade(wave: Wave, sample_rate: int, seconds: float) -> Wave:
    """Fade in and out by half a cosine over `seconds` (at most half the wave) each."""
    count = min(int(seconds * sample_rate), len(wave) // 2)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(count, 1))
    shaped = np.array(wave)
    shaped[:count] *= ramp
    shaped[len(shaped) - count :] *= ramp[::-1]
    return shaped


def to_file_level(wave: Wave, level_db: float) -> NDArray[np.float32]:
    """Remove the mean and set the RMS to `level_db` (full scale 0), or lower for a peak of 0.9."""
    centred = wave - wave.mean()
    gain = 10 ** (level_db / 20) / rms(centred)
    peak = float(np.abs(centred).max()) * gain
    return (centred * (gain * min(1.0, _PEAK / peak))).astype(np.float32)
