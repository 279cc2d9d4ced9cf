"""Sound classes, each a small physical model: `SOUNDS[name](Synth(rng, seconds, rate))`.

A sound returns a float32 waveform of shape (samples,) with peak 1 and no DC. Whatever tells two
instances of a class apart (pitch, rate, decay, modulation) is drawn, over ranges that overlap
between classes. A sound lasts 0.2 s or more, at 8 kHz or more.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vipann.datasets.synthesis.synth import Synth, Wave

Sound = Callable[[Synth], NDArray[np.float32]]

SOUNDS: dict[str, Sound] = {}


def sound(function: Callable[[Synth], Wave]) -> Callable[[Synth], Wave]:
    """Register a class under its function's name, with peak 1 and the mean removed."""

    def normalised(s: Synth) -> NDArray[np.float32]:
        wave = function(s)
        wave = wave - wave.mean()
        return (wave / np.abs(wave).max()).astype(np.float32)

    SOUNDS[function.__name__] = normalised
    return function


def bump(samples: int, attack: float) -> Wave:
    """Envelope from 0 to 1 over the share `attack` of the samples, then back to 0."""
    time = (np.arange(samples) + 0.5) / samples
    shape = np.where(time < attack, time / attack, (1 - time) / (1 - attack))
    return np.sin(np.pi / 2 * shape) ** 2


def tilt(harmonics: int, power: float) -> Wave:
    return np.arange(1, harmonics + 1) ** -power


@sound
def voice(s: Synth) -> Wave:
    """Vowels: a glottal harmonic stack with vibrato and drift, formed by three formants."""
    u = s.rng.uniform
    pitch = s.log_uniform(85, 420)
    vibrato = u(0.003, 0.04) * np.sin(2 * np.pi * u(4, 7.5) * s.time)
    frequency = pitch * np.exp(vibrato + 0.04 * s.curve(u(0.5, 3)))
    glottis = s.harmonics(frequency, tilt(48, u(0.8, 1.6)))
    breath = s.noise(0.5, 300, 8000)
    formants = [u(280, 850), u(850, 2400), u(2300, 3600)]
    formed = s.resonant(glottis + u(0.02, 0.25) * breath, formants, u(60, 250, 3), 0.03)
    syllables = np.sin(np.pi * u(1.2, 6) * s.time + u(0, np.pi)) ** 2
    return formed * (1 - u(0.3, 1) * syllables)


@sound
def bird(s: Synth) -> Wave:
    """Whistled notes that sweep and trill, a repeated phrase of a few almost pure tones."""
    u = s.rng.uniform
    centre, rate = s.log_uniform(1700, min(6500, 0.25 * s.rate)), s.log_uniform(2, 9)
    phrase = []
    for _ in range(s.rng.integers(1, 5)):
        count = int(u(0.3, 0.9) / rate * s.rate)
        time = np.linspace(0, 1, count)
        trill = u(0, 0.06) * np.sin(2 * np.pi * u(15, 45) * time / rate)
        bend = u(-0.5, 0.5) * (time - 0.5) + u(-0.4, 0.4) * (time - 0.5) ** 2
        pitch = centre * np.exp(bend + trill + u(-0.25, 0.25))
        phrase.append(s.harmonics(pitch, np.array([1, u(0, 0.3), u(0, 0.1)])) * bump(count, 0.3))
    times = s.onsets(rate, u(0, 0.25))
    return s.placed(times, [phrase[i % len(phrase)] for i in range(len(times))])


def sweeps(s: Synth, direction: int) -> Wave:
    """Repeated sweeps by one to three octaves, with a few overtones."""
    u = s.rng.uniform
    length, low = s.log_uniform(0.12, 1.2), s.log_uniform(150, 1600)
    octaves = u(0.7, min(2.7, math.log2(0.45 * s.rate / low)))
    count = min(int(length * s.rate), s.samples)
    course = np.linspace(0, 1, count)[::direction]
    frequency = low * 2 ** (octaves * course ** u(0.7, 1.5))
    chirp = s.harmonics(frequency, tilt(12, u(1.2, 3.5))) * bump(count, 0.2)
    times = s.onsets(u(0.5, 0.95) / length, 0.15, max(s.seconds - length, 0.1))
    return s.placed(times, [chirp] * len(times))


@sound
def rising_chirp(s: Synth) -> Wave:
    return sweeps(s, 1)


@sound
def falling_chirp(s: Synth) -> Wave:
    return sweeps(s, -1)


@sound
def bell(s: Synth) -> Wave:
    """Struck metal: inharmonic partials that ring long, the high ones decaying faster."""
    u = s.rng.uniform
    partials = np.array([0.5, 1, 1.19, 1.5, 2, 2.6, 3, 4.2, 5.4]) * u(0.96, 1.04, 9)
    frequencies, ring = partials * s.log_uniform(220, 1800), s.log_uniform(0.12, 1.2)
    decays = ring * partials ** -u(0.3, 1) / partials[0] ** -0.6
    metal = s.struck(frequencies, decays, u(0.2, 1, 9), 0.001)
    times = s.onsets(s.log_uniform(0.25, 2.5), 0.3)
    return s.placed(times, [metal * gain for gain in u(0.3, 1, len(times))])


@sound
def knock(s: Synth) -> Wave:
    """Struck wood: groups of blows on a board whose few low modes die within milliseconds."""
    u, count = s.rng.uniform, s.rng.integers(3, 7)
    frequencies = np.sort(s.log_uniform(120, 500) * np.cumprod(u(1.1, 2.0, count)))
    board = s.struck(frequencies, u(0.006, 0.03, count), u(0.3, 1, count))
    times = s.onsets(u(1.5, 6), 0.1)
    group, rest = s.rng.integers(2, 6), s.rng.integers(0, 4)
    times = times[np.arange(len(times)) % (group + rest) < group]
    return s.placed(times, [board * gain for gain in u(0.4, 1, len(times))])


@sound
def wind(s: Synth) -> Wave:
    """Turbulence: low noise in slow gusts, with a whistling band that rises with the gust."""
    u, gusts = s.rng.uniform, s.curve(s.log_uniform(0.3, 2.5))
    low = s.noise(u(0.8, 2), 40, u(300, 1500))
    centre = s.log_uniform(300, 1800)
    high = s.noise(0, centre / 1.3, centre * 1.3, 2)
    return low * np.exp(u(0.2, 0.6) * gusts) + u(0.05, 0.8) * high * np.exp(gusts)


@sound
def rain(s: Synth) -> Wave:
    """Many small impacts: steady broad noise, under single drops that ring for milliseconds."""
    u = s.rng.uniform
    low, high = s.log_uniform(300, 2000), s.log_uniform(4000, 13000)
    hiss = s.noise(u(0, 1), low, high, 2)
    swell = np.exp(u(0.02, 0.25) * s.curve(1.0))
    drops = s.sparks(s.log_uniform(15, 150), u(1, 2))
    ring = s.log_uniform(1200, 6000)
    drops = s.resonant(drops, [ring], [ring / 2], 0.2)
    return hiss * swell + u(0, 0.4) * drops / max(drops.std(), 1e-9)


@sound
def crackling(s: Synth) -> Wave:
    """Fire: Poisson snaps of very unequal strength through a broad resonance, over a soft roar."""
    u = s.rng.uniform
    snaps = s.sparks(s.log_uniform(5, 80), u(0.6, 1.4))
    centres = np.array([s.log_uniform(600, 2500), s.log_uniform(2000, 7000)])
    snaps = s.resonant(snaps, centres, centres * u(0.3, 1), 0.05)
    roar = s.noise(u(1, 2), 40, u(300, 1500))
    return snaps / snaps.std() + u(0.05, 0.7) * roar


@sound
def clock(s: Synth) -> Wave:
    """Escapement: a periodic train of clicks, tick and tock through slightly other modes."""
    u, rate, count = s.rng.uniform, s.log_uniform(1.2, 8), s.rng.integers(2, 5)
    lowest = s.log_uniform(900, min(4000, 0.2 * s.rate))
    frequencies = lowest * np.cumprod(u(1.05, 1.7, count))
    decays = u(0.001, 0.008, count) * u(0.5, 2)
    tick, tock = (
        s.struck(frequencies * bend, decays, u(0.3, 1, count), 0.0002) for bend in (1, u(0.85, 1))
    )
    times = s.onsets(1 / (1 / rate), 0.003)
    return s.placed(times, [tock * 0.8 if i % 2 else tick for i in range(len(times))])


@sound
def engine(s: Synth) -> Wave:
    """Combustion: a comb at the firing rate with jitter, over noise rough at that rate."""
    u, firing = s.rng.uniform, s.log_uniform(18, 160)
    drift = u(0, 0.03) * s.curve(0.5)
    frequency = firing * np.exp(drift + u(0.002, 0.02) * s.curve(firing))
    heights = tilt(40, u(0.5, 1.3)) * np.exp(0.5 * s.rng.standard_normal(40))
    comb = s.harmonics(frequency, heights)
    # Unequal cylinders bring weak lines at half the firing rate.
    uneven = s.harmonics(frequency / 2, u(0, 0.15) * tilt(12, 0.7))
    beat = 1 + u(0.3, 0.9) * np.sin(2 * np.pi * np.cumsum(frequency) / s.rate)
    noise = s.noise(u(0.5, 1.5), 60, 5000)
    return comb + uneven + u(0.1, 0.7) * comb.std() * noise * beat


@sound
def siren(s: Synth) -> Wave:
    """Horn whose pitch wails up and down (sine, triangle or two tones), rich in harmonics."""
    swing = np.sin(2 * np.pi * (s.log_uniform(0.25, 5) * s.time + s.rng.random()))
    shapes = (swing, np.arcsin(swing) * 2 / np.pi, np.tanh(8 * swing))
    course = shapes[s.rng.integers(3)]
    frequency = s.log_uniform(400, 1500) * 2 ** (s.rng.uniform(0.12, 0.9) * course)
    return s.harmonics(frequency, tilt(16, s.rng.uniform(0.8, 2.5)))


@sound
def dog_bark(s: Synth) -> Wave:
    """Barks: short harmonic bursts, pitch up then down, rough with noise, through a wide mouth."""
    u = s.rng.uniform
    pitch, length, rough, fall = s.log_uniform(180, 900), u(0.09, 0.32), u(0.2, 1), u(0.5, 1.2)
    times = s.onsets(u(0.7, 2.6), u(0.1, 0.5))
    barks = []
    for _ in times:
        count = int(length * u(0.7, 1.2) * s.rate)
        arch = np.sin(np.pi * np.linspace(0.1, 1, count))
        stack = s.harmonics(pitch * u(0.9, 1.1) * (0.7 + 0.45 * arch), tilt(24, fall))
        noise = s.noise(0.5, 300, 6000, samples=count)
        barks.append((stack / stack.std() + rough * noise) * (bump(count, 0.15) * u(0.5, 1)))
    mouth = [u(500, 1300), u(1300, 2800)]
    return s.resonant(s.placed(times, barks), mouth, u(250, 700, 2), 0.08)


@sound
def water_drip(s: Synth) -> Wave:
    """Drops: each leaves a bubble that rings, decays and, nearing the surface, rises in pitch."""
    u = s.rng.uniform
    base, spread = s.log_uniform(500, 2800), u(0.02, 0.35)
    times = s.onsets(s.log_uniform(0.8, 8), u(0.05, 0.6))
    drops = []
    for _ in times:
        frequency = base * np.exp(spread * s.rng.standard_normal())
        decay = u(8, 40) / frequency
        time = np.arange(int(6 * decay * s.rate)) / s.rate
        rising = np.minimum(frequency * (1 + u(0.02, 0.2) * time / decay), 0.45 * s.rate)
        gain, tone = u(0.3, 1), np.sin(2 * np.pi * np.cumsum(rising) / s.rate)
        drops.append(gain * tone * np.exp(-time / decay))
    return s.placed(times, drops)


@sound
def insect(s: Synth) -> Wave:
    """Stridulation: a high narrow-band tone in fast pulses, which come in slower chirps."""
    u, time = s.rng.uniform, s.time
    carrier = s.log_uniform(2200, min(8500, 0.4 * s.rate))
    wander = u(0.001, 0.015) * s.curve(200)
    tone = s.harmonics(carrier * np.exp(wander), np.array([1, 0.15]))
    pulses = 0.5 + 0.5 * np.sin(2 * np.pi * s.log_uniform(15, 120) * time + u(0, 2 * np.pi))
    chirps = np.sin(2 * np.pi * s.log_uniform(0.6, 4) * time + u(0, 2 * np.pi))
    gate = 1 / (1 + np.exp(-12 * (chirps + u(-0.3, 1.1))))
    return tone * pulses ** u(0.8, 3) * (0.02 + gate)


@sound
def footsteps(s: Synth) -> Wave:
    """Gait: near-periodic heel and toe, noise bursts of the ground over a low thud of the floor."""
    u = s.rng.uniform
    scrape, thud = s.log_uniform(600, 3500), s.log_uniform(70, 260)
    decay, weight = u(0.01, 0.05), u(0.2, 2)
    delay, toe = int(u(0.06, 0.16) * s.rate), u(0.2, 0.9)
    times = s.onsets(u(1.3, 3.2), u(0.01, 0.08))
    count = int(8 * decay * s.rate)
    blow = s.struck([thud], [decay], [2.0])[:count]
    steps = []
    for _ in times:
        dust = s.noise(0.3, scrape / 2, scrape * 2, 2, samples=count)
        dust *= np.exp(-np.arange(count) / (decay * s.rate))
        step = np.append(dust, np.zeros(delay))
        step[: len(blow)] += weight * blow
        step[delay:] += toe * dust
        steps.append(step * u(0.5, 1))
    return s.placed(times, steps)
