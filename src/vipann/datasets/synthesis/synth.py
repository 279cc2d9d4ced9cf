"""What sounds are made of, and what happens to them between their source and the file.

Waveforms are mono float arrays of shape (samples,); frequencies are in Hz, times in seconds,
levels in dB. Filtering is done on spectra (zero phase), so nothing here needs scipy.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.floating]
Range = tuple[float, float]

_TABLE = 8192
_PEAK = 0.9
_FRAME_S = 0.025


@dataclass(frozen=True)
class Synth:
    """The random draws of a sound, its length (s) and sample rate (Hz)."""

    rng: np.random.Generator
    seconds: float
    rate: int

    @property
    def samples(self) -> int:
        return round(self.seconds * self.rate)

    @property
    def time(self) -> Wave:
        return np.arange(self.samples) / self.rate

    def log_uniform(self, low: float, high: float) -> float:
        """Draw between `low` and `high` so that each octave is equally likely."""
        return float(low * (high / low) ** self.rng.random())

    def curve(self, rate_hz: float) -> NDArray[np.float64]:
        """Random curve of mean about 0 and deviation below 1, `rate_hz` new values a second."""
        knots = max(2, math.ceil(self.samples / self.rate * rate_hz) + 1)
        values, last = self.rng.standard_normal(knots), max(self.samples - 1, 1)
        return np.interp(np.arange(self.samples), np.linspace(0, last, knots), values)

    def noise(
        self, exponent: float, low_hz: float, high_hz: float, doublings: int = 3, samples: int = 0
    ) -> Wave:
        """Gaussian noise of RMS 1 whose power falls as 1 / f ** exponent between two cut-offs.

        It is drawn as a spectrum, which saves a transform; `doublings` as for `band_response`;
        `samples` other than the sound's own.
        """
        samples = samples or self.samples
        length = fast_length(samples)
        white = self.rng.standard_normal(2 * (length // 2 + 1), dtype=np.float32)
        shape = np.maximum(_bins(length, self.rate) / np.float32(low_hz), 1)
        shape = shape ** np.float32(-exponent / 2)
        shape *= band_response(length, self.rate, low_hz, high_hz, doublings)
        noise = np.fft.irfft(white.view(np.complex64) * shape, length)[:samples]
        return noise / np.float32(rms(noise))

    def harmonics(self, frequency: Wave, amplitudes: Wave) -> Wave:
        """Periodic sound whose fundamental follows `frequency` (one value a sample).

        amplitudes: (harmonics,), the fundamental's first. Harmonics that would pass 0.47 of the
        sample rate are left out. Each harmonic has a random, fixed phase.
        """
        count = max(1, min(len(amplitudes), int(0.47 * self.rate / frequency.max())))
        spectrum = np.zeros(_TABLE // 2 + 1, dtype=complex)
        phases = 2j * np.pi * self.rng.random(len(amplitudes))
        spectrum[1 : count + 1] = (amplitudes * np.exp(phases))[:count]
        table = np.fft.irfft(spectrum, _TABLE) * (_TABLE / 2)
        table = np.append(table, table[0])
        position = (np.cumsum(frequency) / self.rate + self.rng.random()) % 1 * _TABLE
        index = position.astype(np.int64)
        return table[index] + (table[index + 1] - table[index]) * (position - index)

    def struck(
        self, frequencies: Wave, decays_s: Wave, gains: Wave, onset_s: float = 0.0005
    ) -> Wave:
        """Sum of exponentially decaying sinusoids, as a struck solid gives; 60 dB long."""
        time = np.arange(int(7 * max(decays_s) * self.rate) + 1) / self.rate
        wave = np.zeros(len(time))
        for frequency, decay, gain in zip(frequencies, decays_s, gains, strict=True):
            part = time[: int(7 * decay * self.rate) + 1]
            if frequency < 0.47 * self.rate:
                tone = np.sin(2 * np.pi * frequency * part)
                wave[: len(part)] += gain * np.exp(-part / decay) * tone
        return wave * (1 - np.exp(-time / onset_s))

    def onsets(self, rate_hz: float, irregularity: float, seconds: float = 0.0) -> Wave:
        """Times in the sound (or in `seconds`), about `rate_hz` a second; gaps vary by
        `irregularity` (relative)."""
        seconds = seconds or self.seconds
        count = math.ceil(seconds * rate_hz * 3) + 1
        gaps = np.maximum(1 + irregularity * self.rng.standard_normal(count), 0.35) / rate_hz
        times = self.rng.random() * min(gaps[0], seconds / 3) + np.append(0, np.cumsum(gaps[1:]))
        return times[times < seconds]

    def placed(self, times: Wave, kernels: Sequence[Wave]) -> Wave:
        """Kernel i added at times[i]; what runs past the end is cut."""
        wave = np.zeros(self.samples)
        for time, kernel in zip(times, kernels, strict=True):
            start = min(int(time * self.rate), self.samples - 1)
            part = kernel[: self.samples - start]
            wave[start : start + len(part)] += part
        return wave

    def sparks(self, rate_hz: float, spread: float) -> Wave:
        """Poisson impulses, at least one, with log-normal heights of log deviation `spread`."""
        count = 1 + self.rng.poisson(self.samples / self.rate * rate_hz)
        wave = np.zeros(self.samples)
        heights = np.exp(spread * self.rng.standard_normal(count)) * self.rng.choice([-1, 1], count)
        np.add.at(wave, self.rng.integers(0, self.samples, count), heights)
        return wave

    def resonant(
        self, wave: Wave, centres: Sequence[float], widths: Sequence[float], floor: float
    ) -> Wave:
        """`wave` through two-pole resonances of peak 1 over a flat `floor`: formants, a body."""
        length = fast_length(len(wave))
        frequency = _bins(length, self.rate)
        response = np.full(len(frequency), floor, dtype=np.float32)
        for centre, width in zip(centres, widths, strict=True):
            offset = (frequency - np.float32(centre)) / np.float32(width / 2)
            response += 1 / np.sqrt(1 + offset * offset)
        return filtered(wave.astype(np.float32), response, length)

    def in_room(self, wave: Wave, room: Range, band: Range) -> Wave:
        """`wave` convolved with a synthetic impulse response of energy 1, then band limited.

        room: (time in which the reverberation decays by 60 dB, direct over reverberant energy in
        dB); band: (low, high) cut-off. Response: the direct sound, then Gaussian noise that decays
        and grows duller the later it arrives, as high frequencies of real rooms decay faster.
        """
        reverberation_s, direct_db = room
        time = np.arange(int(reverberation_s * self.rate), dtype=np.float32) / self.rate
        decay = np.exp(time * np.float32(-3 * math.log(10) / reverberation_s))
        bright = self.rng.standard_normal(len(time), dtype=np.float32)
        dull = np.convolve(bright, np.hanning(10)[1:-1].astype(np.float32) / 2, mode="same")
        tail = decay * (bright * decay + dull * (1 - decay))
        tail *= 10 ** (-direct_db / 20) / math.sqrt(float(tail @ tail))
        tail[0] += 1
        tail /= math.sqrt(float(tail @ tail))
        length = fast_length(len(wave) + len(tail))
        spectrum = np.fft.rfft(wave, length) * np.fft.rfft(tail, length)
        spectrum *= band_response(length, self.rate, *band)
        return np.fft.irfft(spectrum, length)[: len(wave)]


def fast_length(samples: int) -> int:
    """Smallest length of at least `samples` for which a Fourier transform is quick."""
    return min(odd << max(0, math.ceil(math.log2(samples / odd))) for odd in (1, 3, 5, 9, 15))


def _bins(length: int, rate: int) -> NDArray[np.float32]:
    return np.fft.rfftfreq(length, 1 / rate).astype(np.float32)


def band_response(
    length: int, rate: int, low_hz: float, high_hz: float, doublings: int = 3
) -> NDArray[np.float32]:
    """Magnitude of a Butterworth band pass (-3 dB at the cuts, none at 0 Hz) on an rfft's bins.

    Its slopes are 6 * 2 ** (doublings - 1) dB an octave: 24 by default.
    """
    frequency = _bins(length, rate)
    falling, rising = frequency / np.float32(high_hz), frequency / np.float32(low_hz)
    for _ in range(doublings):
        falling, rising = falling * falling, rising * rising
    return np.sqrt(rising / ((1 + rising) * (1 + falling)))


def filtered(wave: Wave, response: Wave, length: int) -> Wave:
    """`wave` with its spectrum at a Fourier length of `length` multiplied by `response`."""
    return np.fft.irfft(np.fft.rfft(wave, length) * response, length)[: len(wave)]


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
