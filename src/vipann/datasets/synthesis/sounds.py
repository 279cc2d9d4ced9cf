"""Sound classes, each a small physical model: `SOUNDS[name](rng, seconds, sample_rate)`.

A sound returns a float32 waveform of shape (round(seconds * sample_rate),) with peak 1 and no DC.
Whatever tells two instances of a class apart (pitch, rate, decay, modulation) is drawn from `rng`,
over ranges that overlap between classes. Keyword arguments fix one of those draws. `seconds` is
0.2 or more, `sample_rate` 8 kHz or more.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vipann.datasets.synthesis.acoustics import Wave, coloured_noise, fast_length, slow_curve

Sound = Callable[..., NDArray[np.float32]]

SOUNDS: dict[str, Sound] = {}

_TABLE = 8192


def sound(function: Callable[..., Wave]) -> Sound:
    """Register a class under its function's name, with peak 1 and the mean removed."""

    def normalised(
        rng: np.random.Generator, seconds: float, sample_rate: int, **fixed: Any
    ) -> NDArray[np.float32]:
        wave = function(rng, seconds, sample_rate, **fixed)
        wave = wave - wave.mean()
        return (wave / np.abs(wave).max()).astype(np.float32)

    normalised.__name__ = normalised.__qualname__ = function.__name__
    normalised.__doc__ = function.__doc__
    SOUNDS[function.__name__] = normalised
    return normalised


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw between `low` and `high` so that each octave is equally likely."""
    return float(low * (high / low) ** rng.random())


def harmonic_stack(
    rng: np.random.Generator, frequency: Wave, amplitudes: Wave, sample_rate: int
) -> Wave:
    """Periodic sound whose fundamental follows `frequency` (Hz, one value a sample).

    amplitudes: (harmonics,), the fundamental's first. Harmonics that would pass 0.47 of the sample
    rate are left out. Each harmonic has a random, fixed phase.
    """
    count = max(1, min(len(amplitudes), int(0.47 * sample_rate / frequency.max())))
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=complex)
    phases = 2j * np.pi * rng.random(len(amplitudes))
    spectrum[1 : count + 1] = (amplitudes * np.exp(phases))[:count]
    table = np.fft.irfft(spectrum, _TABLE) * (_TABLE / 2)
    table = np.append(table, table[0])
    position = (np.cumsum(frequency) / sample_rate + rng.random()) % 1 * _TABLE
    index = position.astype(np.int64)
    return table[index] + (table[index + 1] - table[index]) * (position - index)


def modes(
    frequencies: Wave, decays_s: Wave, gains: Wave, sample_rate: int, onset_s: float = 0.0005
) -> Wave:
    """Sum of exponentially decaying sinusoids, as a struck solid gives; 60 dB long."""
    time = np.arange(int(7 * max(decays_s) * sample_rate) + 1) / sample_rate
    wave = np.zeros(len(time))
    for frequency, decay, gain in zip(frequencies, decays_s, gains, strict=True):
        part = time[: int(7 * decay * sample_rate) + 1]
        if frequency < 0.47 * sample_rate:
            wave[: len(part)] += gain * np.exp(-part / decay) * np.sin(2 * np.pi * frequency * part)
    return wave * (1 - np.exp(-time / onset_s))


def onsets(rng: np.random.Generator, seconds: float, rate_hz: float, irregularity: float) -> Wave:
    """Times in [0, seconds), about `rate_hz` a second; gaps vary by `irregularity` (relative)."""
    count = math.ceil(seconds * rate_hz * 3) + 1
    gaps = np.maximum(1 + irregularity * rng.standard_normal(count), 0.35) / rate_hz
    times = rng.random() * min(gaps[0], seconds / 3) + np.append(0, np.cumsum(gaps[1:]))
    return times[times < seconds]


def place(samples: int, sample_rate: int, times: Wave, kernels: list[Wave]) -> Wave:
    """Add kernel i at times[i]; what runs past the end is cut."""
    wave = np.zeros(samples)
    for time, kernel in zip(times, kernels, strict=True):
        start = min(int(time * sample_rate), samples - 1)
        part = kernel[: samples - start]
        wave[start : start + len(part)] += part
    return wave


def resonances(wave: Wave, sample_rate: int, centres: Wave, widths: Wave, floor: float) -> Wave:
    """Filter by a sum of two-pole resonances of peak 1 over a flat `floor`: formants, a body."""
    length = fast_length(len(wave))
    frequency = np.fft.rfftfreq(length, 1 / sample_rate).astype(np.float32)
    response = np.full(len(frequency), floor, dtype=np.float32)
    for centre, width in zip(centres, widths, strict=True):
        offset = (frequency - np.float32(centre)) / np.float32(width / 2)
        response += 1 / np.sqrt(1 + offset * offset)
    spectrum = np.fft.rfft(wave.astype(np.float32), length) * response
    return np.fft.irfft(spectrum, length)[: len(wave)]


def bump(samples: int, attack: float) -> Wave:
    """Envelope from 0 to 1 over the share `attack` of the samples, then back to 0."""
    time = (np.arange(samples) + 0.5) / samples
    shape = np.where(time < attack, time / attack, (1 - time) / (1 - attack))
    return np.sin(np.pi / 2 * shape) ** 2


def _tilt(harmonics: int, power: float) -> Wave:
    return np.arange(1, harmonics + 1) ** -power


@sound
def voice(
    rng: np.random.Generator, seconds: float, sample_rate: int, *, pitch_hz: float | None = None
) -> Wave:
    """Vowels: a glottal harmonic stack with vibrato and drift, formed by three formants."""
    samples = round(seconds * sample_rate)
    time = np.arange(samples) / sample_rate
    pitch = log_uniform(rng, 85, 420) if pitch_hz is None else pitch_hz
    vibrato = rng.uniform(0.003, 0.04) * np.sin(2 * np.pi * rng.uniform(4, 7.5) * time)
    drift = 0.04 * slow_curve(rng, samples, sample_rate, rng.uniform(0.5, 3))
    frequency = pitch * np.exp(vibrato + drift)
    glottis = harmonic_stack(rng, frequency, _tilt(48, rng.uniform(0.8, 1.6)), sample_rate)
    breath = coloured_noise(rng, samples, sample_rate, 0.5, 300, 8000)
    centres = [rng.uniform(280, 850), rng.uniform(850, 2400), rng.uniform(2300, 3600)]
    raw = glottis + rng.uniform(0.02, 0.25) * breath
    formed = resonances(raw, sample_rate, np.array(centres), rng.uniform(60, 250, 3), 0.03)
    syllables = np.sin(np.pi * rng.uniform(1.2, 6) * time + rng.uniform(0, np.pi)) ** 2
    return formed * (1 - rng.uniform(0.3, 1) * syllables)


@sound
def bird(rng: np.random.Generator, seconds: float, sample_rate: int) -> Wave:
    """Whistled notes that sweep and trill, a repeated phrase of a few almost pure tones."""
    samples = round(seconds * sample_rate)
    centre, rate = log_uniform(rng, 1700, min(6500, 0.25 * sample_rate)), log_uniform(rng, 2, 9)
    phrase = []
    for _ in range(rng.integers(1, 5)):
        count = int(rng.uniform(0.3, 0.9) / rate * sample_rate)
        time = np.linspace(0, 1, count)
        trill = rng.uniform(0, 0.06) * np.sin(2 * np.pi * rng.uniform(15, 45) * time / rate)
        bend = rng.uniform(-0.5, 0.5) * (time - 0.5) + rng.uniform(-0.4, 0.4) * (time - 0.5) ** 2
        curve = centre * np.exp(bend + trill + rng.uniform(-0.25, 0.25))
        overtones = np.array([1, rng.uniform(0, 0.3), rng.uniform(0, 0.1)])
        phrase.append(harmonic_stack(rng, curve, overtones, sample_rate) * bump(count, 0.3))
    times = onsets(rng, seconds, rate, rng.uniform(0, 0.25))
    return place(samples, sample_rate, times, [phrase[i % len(phrase)] for i in range(len(times))])


def _sweeps(rng: np.random.Generator, seconds: float, sample_rate: int, direction: int) -> Wave:
    samples = round(seconds * sample_rate)
    length = log_uniform(rng, 0.12, 1.2)
    low = log_uniform(rng, 150, 1600)
    octaves = rng.uniform(0.7, min(2.7, math.log2(0.45 * sample_rate / low)))
    count = min(int(length * sample_rate), samples)
    course = np.linspace(0, 1, count)[::direction]
    frequency = low * 2 ** (octaves * course ** rng.uniform(0.7, 1.5))
    overtones = _tilt(12, rng.uniform(1.2, 3.5))
    chirp = harmonic_stack(rng, frequency, overtones, sample_rate) * bump(count, 0.2)
    times = onsets(rng, max(seconds - length, 0.1), rng.uniform(0.5, 0.95) / length, 0.15)
    return place(samples, sample_rate, times, [chirp] * len(times))


@sound
def rising_chirp(rng: np.random.Generator, seconds: float, sample_rate: int) -> Wave:
    """Repeated sweeps upwards by one to three octaves, with a few overtones."""
    return _sweeps(rng, seconds, sample_rate, 1)


@sound
def falling_chirp(rng: np.random.Generator, seconds: float, sample_rate: int) -> Wave:
    """Repeated sweeps downwards by one to three octaves, with a few overtones."""
    return _sweeps(rng, seconds, sample_rate, -1)


@sound
def bell(
    rng: np.random.Generator, seconds: float, sample_rate: int, *, decay_s: float | None = None
) -> Wave:
    """Struck metal: inharmonic partials that ring long, the high ones decaying faster."""
    partials = np.array([0.5, 1, 1.19, 1.5, 2, 2.6, 3, 4.2, 5.4]) * rng.uniform(0.96, 1.04, 9)
    frequencies = partials * log_uniform(rng, 220, 1800)
    ring = log_uniform(rng, 0.12, 1.2) if decay_s is None else decay_s
    decays = ring * partials ** -rng.uniform(0.3, 1) / partials[0] ** -0.6
    struck = modes(frequencies, decays, rng.uniform(0.2, 1, 9), sample_rate, 0.001)
    times = onsets(rng, seconds, log_uniform(rng, 0.25, 2.5), 0.3)
    kernels = [struck * gain for gain in rng.uniform(0.3, 1, len(times))]
    return place(round(seconds * sample_rate), sample_rate, times, kernels)


@sound
def knock(rng: np.random.Generator, seconds: float, sample_rate: int) -> Wave:
    """Struck wood: groups of blows on a board whose few low modes die within milliseconds."""
    count = rng.integers(3, 7)
    frequencies = np.sort(log_uniform(rng, 120, 500) * np.cumprod(rng.uniform(1.1, 2.0, count)))
    decays = rng.uniform(0.006, 0.03, count)
    board = modes(frequencies, decays, rng.uniform(0.3, 1, count), sample_rate)
    times = onsets(rng, seconds, rng.uniform(1.5, 6), 0.1)
    group, rest = rng.integers(2, 6), rng.integers(0, 4)
    times = times[np.arange(len(times)) % (group + rest) < group]
    kernels = [board * gain for gain in rng.uniform(0.4, 1, len(times))]
    return place(round(seconds * sample_rate), sample_rate, times, kernels)


@sound
def wind(rng: np.random.Generator, seconds: float, sample_rate: int) -> Wave:
    """Turbulence: low noise in slow gusts, with a whistling band that rises with the gust."""
    samples = round(seconds * sample_rate)
    gusts = slow_curve(rng, samples, sample_rate, log_uniform(rng, 0.3, 2.5))
    low = coloured_noise(rng, samples, sample_rate, rng.uniform(0.8, 2), 40, rng.uniform(300, 1500))
    centre = log_uniform(rng, 300, 1800)
    high = coloured_noise(rng, samples, sample_rate, 0, centre / 1.3, centre * 1.3, 2)
    strength = rng.uniform(0.2, 0.6)
    return low * np.exp(strength * gusts) + rng.uniform(0.05, 0.8) * high * np.exp(gusts)


@sound
def rain(rng: np.random.Generator, seconds: float, sample_rate: int) -> Wave:
    """Many small impacts: steady broad noise, under single drops that ring for milliseconds."""
    samples = round(seconds * sample_rate)
    low, high = log_uniform(rng, 300, 2000), log_uniform(rng, 4000, 13000)
    hiss = coloured_noise(rng, samples, sample_rate, rng.uniform(0, 1), low, high, 2)
    swell = np.exp(rng.uniform(0.02, 0.25) * slow_curve(rng, samples, sample_rate, 1.0))
    drops = _sparks(rng, samples, sample_rate, log_uniform(rng, 15, 150), rng.uniform(1, 2))
    ring = log_uniform(rng, 1200, 6000)
    drops = resonances(drops, sample_rate, np.array([ring]), np.array([ring / 2]), 0.2)
    return hiss * swell + rng.uniform(0, 0.4) * drops / max(drops.std(), 1e-9)


def _sparks(
    rng: np.random.Generator, samples: int, sample_rate: int, rate_hz: float, spread: float
) -> Wave:
    """Poisson impulses, at least one, with log-normal heights of log deviation `spread`."""
    count = 1 + rng.poisson(samples / sample_rate * rate_hz)
    wave = np.zeros(samples)
    heights = np.exp(spread * rng.standard_normal(count)) * rng.choice([-1, 1], count)
    np.add.at(wave, rng.integers(0, samples, count), heights)
    return wave


@sound
def crackling(rng: np.random.Generator, seconds: float, sample_rate: int) -> Wave:
    """Fire: Poisson snaps of very unequal strength through a broad resonance, over a soft roar."""
    samples = round(seconds * sample_rate)
    snaps = _sparks(rng, samples, sample_rate, log_uniform(rng, 5, 80), rng.uniform(0.6, 1.4))
    centres = np.array([log_uniform(rng, 600, 2500), log_uniform(rng, 2000, 7000)])
    snaps = resonances(snaps, sample_rate, centres, centres * rng.uniform(0.3, 1), 0.05)
    roar = coloured_noise(rng, samples, sample_rate, rng.uniform(1, 2), 40, rng.uniform(300, 1500))
    return snaps / snaps.std() + rng.uniform(0.05, 0.7) * roar


@sound
def clock(
    rng: np.random.Generator, seconds: float, sample_rate: int, *, period_s: float | None = None
) -> Wave:
    """Escapement: a periodic train of clicks, tick and tock through slightly other modes."""
    period = 1 / log_uniform(rng, 1.2, 8) if period_s is None else period_s
    count = rng.integers(2, 5)
    frequencies = log_uniform(rng, 900, min(4000, 0.2 * sample_rate)) * np.cumprod(
        rng.uniform(1.05, 1.7, count)
    )
    decays = rng.uniform(0.001, 0.008, count) * rng.uniform(0.5, 2)
    tick, tock = (
        modes(frequencies * bend, decays, rng.uniform(0.3, 1, count), sample_rate, 0.0002)
        for bend in (1, rng.uniform(0.85, 1))
    )
    times = onsets(rng, seconds, 1 / period, 0.003)
    kernels = [tock * 0.8 if i % 2 else tick for i in range(len(times))]
    return place(round(seconds * sample_rate), sample_rate, times, kernels)


@sound
def engine(
    rng: np.random.Generator, seconds: float, sample_rate: int, *, firing_hz: float | None = None
) -> Wave:
    """Combustion: a comb at the firing rate with jitter, over noise rough at that rate."""
    samples = round(seconds * sample_rate)
    firing = log_uniform(rng, 18, 160) if firing_hz is None else firing_hz
    drift = rng.uniform(0, 0.03) * slow_curve(rng, samples, sample_rate, 0.5)
    jitter = rng.uniform(0.002, 0.02) * slow_curve(rng, samples, sample_rate, firing)
    frequency = firing * np.exp(drift + jitter)
    heights = _tilt(40, rng.uniform(0.5, 1.3)) * np.exp(0.5 * rng.standard_normal(40))
    comb = harmonic_stack(rng, frequency, heights, sample_rate)
    # Unequal cylinders bring weak lines at half the firing rate.
    uneven = harmonic_stack(rng, frequency / 2, rng.uniform(0, 0.15) * _tilt(12, 0.7), sample_rate)
    beat = 1 + rng.uniform(0.3, 0.9) * np.sin(2 * np.pi * np.cumsum(frequency) / sample_rate)
    noise = coloured_noise(rng, samples, sample_rate, rng.uniform(0.5, 1.5), 60, 5000)
    return comb + uneven + rng.uniform(0.1, 0.7) * comb.std() * noise * beat


@sound
def siren(
    rng: np.random.Generator, seconds: float, sample_rate: int, *, sweep_hz: float | None = None
) -> Wave:
    """Horn whose pitch wails up and down (sine, triangle or two tones), rich in harmonics."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    rate = log_uniform(rng, 0.25, 5) if sweep_hz is None else sweep_hz
    swing = np.sin(2 * np.pi * (rate * time + rng.random()))
    shapes = (swing, np.arcsin(swing) * 2 / np.pi, np.tanh(8 * swing))
    course = shapes[rng.integers(3)]
    frequency = log_uniform(rng, 400, 1500) * 2 ** (rng.uniform(0.12, 0.9) * course)
    return harmonic_stack(rng, frequency, _tilt(16, rng.uniform(0.8, 2.5)), sample_rate)


@sound
def dog_bark(rng: np.random.Generator, seconds: float, sample_rate: int) -> Wave:
    """Barks: short harmonic bursts, pitch up then down, rough with noise, through a wide mouth."""
    samples = round(seconds * sample_rate)
    pitch, length = log_uniform(rng, 180, 900), rng.uniform(0.09, 0.32)
    rough, tilt = rng.uniform(0.2, 1), rng.uniform(0.5, 1.2)
    times = onsets(rng, seconds, rng.uniform(0.7, 2.6), rng.uniform(0.1, 0.5))
    barks = []
    for _ in times:
        count = int(length * rng.uniform(0.7, 1.2) * sample_rate)
        arch = np.sin(np.pi * np.linspace(0.1, 1, count))
        curve = pitch * rng.uniform(0.9, 1.1) * (0.7 + 0.45 * arch)
        stack = harmonic_stack(rng, curve, _tilt(24, tilt), sample_rate)
        noise = coloured_noise(rng, count, sample_rate, 0.5, 300, 6000)
        loud = bump(count, 0.15) * rng.uniform(0.5, 1)
        barks.append((stack / stack.std() + rough * noise) * loud)
    wave = place(samples, sample_rate, times, barks)
    centres = np.array([rng.uniform(500, 1300), rng.uniform(1300, 2800)])
    return resonances(wave, sample_rate, centres, rng.uniform(250, 700, 2), 0.08)


@sound
def water_drip(rng: np.random.Generator, seconds: float, sample_rate: int) -> Wave:
    """Drops: each leaves a bubble that rings, decays and, nearing the surface, rises in pitch."""
    samples = round(seconds * sample_rate)
    base, spread = log_uniform(rng, 500, 2800), rng.uniform(0.02, 0.35)
    times = onsets(rng, seconds, log_uniform(rng, 0.8, 8), rng.uniform(0.05, 0.6))
    drops = []
    for _ in times:
        frequency = base * np.exp(spread * rng.standard_normal())
        decay = rng.uniform(8, 40) / frequency
        time = np.arange(int(6 * decay * sample_rate)) / sample_rate
        curve = np.minimum(
            frequency * (1 + rng.uniform(0.02, 0.2) * time / decay), 0.45 * sample_rate
        )
        tone = np.sin(2 * np.pi * np.cumsum(curve) / sample_rate)
        drops.append(rng.uniform(0.3, 1) * tone * np.exp(-time / decay))
    return place(samples, sample_rate, times, drops)


@sound
def insect(
    rng: np.random.Generator, seconds: float, sample_rate: int, *, pulse_hz: float | None = None
) -> Wave:
    """Stridulation: a high narrow-band tone in fast pulses, which come in slower chirps."""
    samples = round(seconds * sample_rate)
    time = np.arange(samples) / sample_rate
    carrier = log_uniform(rng, 2200, min(8500, 0.4 * sample_rate))
    wander = rng.uniform(0.001, 0.015) * slow_curve(rng, samples, sample_rate, 200)
    tone = harmonic_stack(rng, carrier * np.exp(wander), np.array([1, 0.15]), sample_rate)
    pulse = log_uniform(rng, 15, 120) if pulse_hz is None else pulse_hz
    pulses = 0.5 + 0.5 * np.sin(2 * np.pi * pulse * time + rng.uniform(0, 2 * np.pi))
    chirps = np.sin(2 * np.pi * log_uniform(rng, 0.6, 4) * time + rng.uniform(0, 2 * np.pi))
    gate = 1 / (1 + np.exp(-12 * (chirps + rng.uniform(-0.3, 1.1))))
    return tone * pulses ** rng.uniform(0.8, 3) * (0.02 + gate)


@sound
def footsteps(rng: np.random.Generator, seconds: float, sample_rate: int) -> Wave:
    """Gait: near-periodic heel and toe, noise bursts of the ground over a low thud of the floor."""
    samples = round(seconds * sample_rate)
    scrape, thud = log_uniform(rng, 600, 3500), log_uniform(rng, 70, 260)
    decay, weight = rng.uniform(0.01, 0.05), rng.uniform(0.2, 2)
    toe_delay, toe_gain = rng.uniform(0.06, 0.16), rng.uniform(0.2, 0.9)
    times = onsets(rng, seconds, rng.uniform(1.3, 3.2), rng.uniform(0.01, 0.08))
    steps = []
    for _ in times:
        count, delay = int(8 * decay * sample_rate), int(toe_delay * sample_rate)
        dust = coloured_noise(rng, count, sample_rate, 0.3, scrape / 2, scrape * 2, 2)
        dust *= np.exp(-np.arange(count) / (decay * sample_rate))
        blow = modes(np.array([thud]), np.array([decay]), np.array([2.0]), sample_rate)[:count]
        step = np.append(dust, np.zeros(delay))
        step[: len(blow)] += weight * blow
        step[delay:] += toe_gain * dust
        steps.append(step * rng.uniform(0.5, 1))
    return place(samples, sample_rate, times, steps)
