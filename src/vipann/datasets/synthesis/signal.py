"""What happens to a sound between its source and the file: room, background, microphone, level.

Waveforms are mono float arrays of shape (samples,); frequencies are in Hz, times in seconds,
levels in dB. Filtering is done on spectra (zero phase), so nothing here needs scipy.
"""

import math

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.floating]
Range = tuple[float, float]

_PEAK = 0.9
_FRAME_S = 0.025


def fast_length(samples: int) -> int:
    """Smallest length of at least `samples` for which a Fourier transform is quick."""
    return min(odd << max(0, math.ceil(math.log2(samples / odd))) for odd in (1, 3, 5, 9, 15))


def band_response(length: int, rate: int, low_hz: float, high_hz: float) -> NDArray[np.float32]:
    """Magnitude of a Butterworth band pass, 24 dB an octave, on the bins of an rfft of `length`."""
    frequency = np.fft.rfftfreq(length, 1 / rate).astype(np.float32)
    falling, rising = (frequency / np.float32(high_hz)) ** 8, (frequency / np.float32(low_hz)) ** 8
    return np.sqrt(rising / ((1 + rising) * (1 + falling)))


def coloured_noise(
    rng: np.random.Generator,
    samples: int,
    rate: int,
    exponent: float,
    low_hz: float,
    high_hz: float,
) -> Wave:
    """Gaussian noise of RMS 1 whose power falls as 1 / f ** exponent between two cut-offs."""
    length = fast_length(samples)
    # Drawn as a spectrum, which saves a transform.
    white = rng.standard_normal(2 * (length // 2 + 1), dtype=np.float32).view(np.complex64)
    frequency = np.fft.rfftfreq(length, 1 / rate).astype(np.float32)
    shape = np.maximum(frequency / np.float32(low_hz), 1) ** np.float32(-exponent / 2)
    shape *= band_response(length, rate, low_hz, high_hz)
    noise = np.fft.irfft(white * shape, length)[:samples]
    return noise / np.float32(rms(noise))


def reverberate(rng: np.random.Generator, wave: Wave, rate: int, room: Range, band: Range) -> Wave:
    """Convolve with a room's synthetic impulse response of energy 1, then band limit; same length.

    room: (time in which the reverberation decays by 60 dB, direct over reverberant energy in dB);
    band: (low, high) cut-off. Response: the direct sound, then Gaussian noise that decays.
    """
    reverberation_s, direct_db = room
    time = np.arange(int(reverberation_s * rate), dtype=np.float32) / rate
    tail = np.exp(time * np.float32(-3 * math.log(10) / reverberation_s))
    tail *= rng.standard_normal(len(time), dtype=np.float32)
    tail *= 10 ** (-direct_db / 20) / math.sqrt(float(tail @ tail))
    tail[0] += 1
    tail /= math.sqrt(float(tail @ tail))
    length = fast_length(len(wave) + len(tail))
    spectrum = np.fft.rfft(wave, length) * np.fft.rfft(tail, length)
    return np.fft.irfft(spectrum * band_response(length, rate, *band), length)[: len(wave)]


def slow_curve(
    rng: np.random.Generator, samples: int, rate: int, rate_hz: float
) -> NDArray[np.float64]:
    """Random curve of mean about 0 and deviation below 1, with `rate_hz` new values a second."""
    values = rng.standard_normal(max(2, math.ceil(samples / rate * rate_hz) + 1))
    return np.interp(np.linspace(0, len(values) - 1, samples), np.arange(len(values)), values)


def rms(wave: Wave) -> float:
    """Root mean square."""
    return math.sqrt(float(np.vdot(wave, wave)) / len(wave))


def gated_level(wave: Wave, rate: int) -> float:
    """RMS over the 25 ms frames within 20 dB of the loudest one.

    So a clock that ticks once a second and steady rain count as equally loud where each sounds.
    """
    frame = max(1, int(_FRAME_S * rate))
    padded = np.pad(wave, (0, -len(wave) % frame))
    power = np.square(padded).reshape(-1, frame).mean(axis=1)
    return float(np.sqrt(power[power >= power.max() / 100].mean()))


def fade(wave: Wave, rate: int, seconds: float) -> Wave:
    """Fade in and out by half a cosine over `seconds` (at most half the wave) each."""
    count = min(int(seconds * rate), len(wave) // 2)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(count, 1))
    return wave * np.concatenate([ramp, np.ones(len(wave) - 2 * count), ramp[::-1]])


def to_file_level(wave: Wave, level_db: float) -> NDArray[np.float32]:
    """Remove the mean and set the RMS to `level_db` (full scale 0), or lower for a peak of 0.9."""
    centred = wave - wave.mean()
    gain = 10 ** (level_db / 20) / rms(centred)
    peak = float(np.abs(centred).max()) * gain
    return (centred * (gain * min(1.0, _PEAK / peak))).astype(np.float32)
