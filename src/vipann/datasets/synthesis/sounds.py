"""Sound classes, each a row of ranges: a sound draws its own values, and one model makes it.

The model: a tone whose pitch bends and swings, and noise in a band, as one sound that lasts or as
events that return; with pulses and slow gusts over all of it. What tells classes apart is where
their ranges lie, which overlap between classes.
"""

import math
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vipann.datasets.synthesis.signal import Range, Wave, coloured_noise, slow_curve

_TABLE = 8192


class Kind(NamedTuple):
    """Ranges of a class; frequencies and rates in Hz, times in seconds.

    pitch: of the tone, 0 for none. tilt: its harmonics fall as k ** -tilt. partials: as many of a
    struck solid's in the place of harmonics. bend: octaves that the pitch rises in an event; swing,
    at swing_hz: octaves that it goes up and down; scatter: octaves by which events differ. noise:
    its RMS over the tone's; its power falls as 1 / f ** exponent between low_hz and high_hz. rate:
    events a second, 0 for one that lasts; jitter: how irregular they are; length: of one; rings:
    whether it is struck and dies away, or swells and fades. pulse_hz, depth: pulses of all. gust,
    at gust_hz: slow changes of level, as the deviation of its logarithm.
    """

    pitch: Range = (0, 0)
    tilt: Range = (1, 2)
    partials: int = 0
    bend: Range = (0, 0)
    swing: Range = (0, 0)
    swing_hz: Range = (1, 5)
    scatter: Range = (0, 0)
    noise: Range = (0, 0)
    exponent: Range = (0, 1)
    low_hz: Range = (60, 300)
    high_hz: Range = (5000, 8000)
    rate: Range = (0, 0)
    jitter: Range = (0, 0)
    length: Range = (0.1, 1)
    rings: bool = False
    pulse_hz: Range = (1, 5)
    depth: Range = (0, 0)
    gust: Range = (0, 0)
    gust_hz: Range = (0.3, 2.5)

    def drawn(self, rng: np.random.Generator) -> SimpleNamespace:
        """The same with a number in the place of each range."""
        ranges = {name: both for name, both in self._asdict().items() if isinstance(both, tuple)}
        numbers = {
            name: log_uniform(rng, *both) if name in _BY_OCTAVES else rng.uniform(*both)
            for name, both in ranges.items()
        }
        return SimpleNamespace(**self._asdict() | numbers)


_BY_OCTAVES = ("pitch", "rate", "length", *(name for name in Kind._fields if name.endswith("_hz")))
_CHIRP = Kind(pitch=(300, 2000), tilt=(1.2, 3.5), rate=(0.6, 5), jitter=(0.1, 0.2))
# fmt: off
SOUNDS = {
    "voice": Kind(pitch=(85, 420), tilt=(0.8, 1.6), swing=(0.01, 0.08), swing_hz=(4, 7.5),
                  noise=(0.02, 0.25), low_hz=(300, 300), pulse_hz=(1.2, 6), depth=(0.5, 1)),
    "bird": Kind(pitch=(1700, 6500), tilt=(2.5, 4), bend=(-0.7, 0.7), swing=(0, 0.08),
                 swing_hz=(15, 45), scatter=(0.1, 0.4), rate=(2, 9), jitter=(0, 0.25),
                 length=(0.05, 0.4)),
    "rising_chirp": _CHIRP._replace(bend=(0.7, 2.5)),
    "falling_chirp": _CHIRP._replace(bend=(-2.5, -0.7)),
    "bell": Kind(pitch=(220, 1800), tilt=(0.3, 1), partials=9, rate=(0.25, 2.5), jitter=(0.1, 0.4),
                 length=(0.8, 8), rings=True),
    "knock": Kind(pitch=(120, 500), tilt=(0, 1), partials=5, rate=(1.5, 6), jitter=(0.05, 0.3),
                  length=(0.04, 0.2), rings=True),
    "wind": Kind(noise=(1, 1), exponent=(0.8, 2), low_hz=(40, 80), high_hz=(500, 4000),
                 gust=(0.2, 0.7)),
    "rain": Kind(noise=(1, 1), low_hz=(300, 2000), high_hz=(4000, 13000), gust=(0.02, 0.25)),
    "crackling": Kind(noise=(1, 1), low_hz=(400, 2500), high_hz=(3000, 9000), rate=(5, 60),
                      jitter=(0.8, 1.5), length=(0.005, 0.03), rings=True),
    "clock": Kind(pitch=(900, 4000), tilt=(0, 1), partials=3, rate=(1.2, 8), jitter=(0, 0.005),
                  length=(0.01, 0.06), rings=True),
    "engine": Kind(pitch=(18, 160), tilt=(0.5, 1.3), swing=(0, 0.03), swing_hz=(0.3, 3),
                   noise=(0.1, 0.7), exponent=(0.5, 1.5), pulse_hz=(18, 160), depth=(0, 0.6)),
    "siren": Kind(pitch=(400, 1500), tilt=(0.8, 2.5), swing=(0.15, 0.9), swing_hz=(0.25, 5)),
    "dog_bark": Kind(pitch=(180, 900), tilt=(0.5, 1.2), bend=(-0.6, 0), scatter=(0, 0.2),
                     noise=(0.2, 1), low_hz=(300, 500), rate=(0.7, 2.6), jitter=(0.1, 0.5),
                     length=(0.09, 0.32)),
    "water_drip": Kind(pitch=(500, 2800), tilt=(4, 6), bend=(0.1, 0.6), scatter=(0.1, 0.5),
                       rate=(0.8, 8), jitter=(0.05, 0.6), length=(0.05, 0.3), rings=True),
    "insect": Kind(pitch=(2200, 8500), tilt=(3, 4), swing=(0, 0.02), swing_hz=(20, 90),
                   pulse_hz=(15, 120), depth=(0.6, 1), gust=(0.3, 1.5), gust_hz=(1, 6)),
    "footsteps": Kind(pitch=(70, 260), tilt=(2, 3), noise=(0.3, 2), low_hz=(300, 1500),
                      high_hz=(1500, 6000), rate=(1.3, 3.2), jitter=(0.01, 0.08),
                      length=(0.1, 0.4), rings=True),
}
# fmt: on
# Lines at the engine's firing rate, cavitation that follows the propeller's blades.
_SHIP = Kind(tilt=(0.6, 1.4), swing=(0, 0.005), exponent=(1, 2), low_hz=(80, 600), depth=(0.4, 0.9))
_PASSING = _SHIP._replace(high_hz=(8000, 14000), gust=(0.3, 1), gust_hz=(0.05, 0.2))
VESSELS = {
    "ferry": _PASSING._replace(pitch=(30, 80), noise=(0.5, 2), pulse_hz=(10, 30)),
    "fishing-boat": _PASSING._replace(pitch=(15, 60), noise=(0.3, 1.5), pulse_hz=(12, 36)),
    "motorboat": _PASSING._replace(pitch=(60, 250), noise=(1, 4), pulse_hz=(45, 180)),
    "sailboat": _PASSING._replace(pitch=(25, 90), noise=(0.1, 0.6), pulse_hz=(16, 60)),
    "tanker": _PASSING._replace(pitch=(6, 14), noise=(0.5, 2), pulse_hz=(4, 13)),
    "tugboat": _PASSING._replace(pitch=(20, 60), noise=(1, 3), pulse_hz=(7, 25)),
}


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw between `low` and `high` so that each octave is equally likely; 0 of (0, 0)."""
    return float(low * (high / low) ** rng.random()) if low else 0.0


def sound(kind: Kind, rng: np.random.Generator, seconds: float, rate: int) -> NDArray[np.float32]:
    """A sound of 0.2 s or more at 8 kHz or more: (round(seconds * rate),), peak 1, no DC."""
    samples, own = round(seconds * rate), kind.drawn(rng)
    wave = (_events if own.rate else _tone_and_noise)(own, rng, samples, rate)
    time = np.arange(samples) / rate
    pulses = np.sin(2 * np.pi * (own.pulse_hz * time + rng.random()))
    wave *= 1 + own.depth * (pulses - 1) / 2
    wave *= np.exp(own.gust * slow_curve(rng, samples, rate, own.gust_hz))
    wave -= wave.mean()
    return (wave / np.abs(wave).max()).astype(np.float32)


def _events(own: SimpleNamespace, rng: np.random.Generator, samples: int, rate: int) -> Wave:
    """Events at times whose gaps vary by the jitter; four that differ come in turn."""
    length = own.length if own.rings else min(own.length, 0.9 / own.rate)
    count = max(min(int(length * rate), samples), 8)
    course = (np.arange(count) + 0.5) / count
    decay = np.exp(-7 * course) * np.minimum(course * length / 0.0005, 1)
    shape = decay if own.rings else np.sin(np.pi * course**0.7) ** 2
    events = [shape * _tone_and_noise(own, rng, count, rate) for _ in range(4)]
    gaps = 1 + own.jitter * rng.standard_normal(math.ceil(samples / rate * own.rate * 3) + 2)
    gaps = np.maximum(gaps, 0.2) / own.rate * rate
    starts = np.cumsum(gaps) - gaps[0] + rng.random() * min(gaps[0], samples / 3)
    wave = np.zeros(samples + count)
    for number, start in enumerate(starts[starts < samples].astype(int)):
        wave[start : start + count] += rng.uniform(0.5, 1) * events[number % 4]
    return wave[:samples]


def _tone_and_noise(
    own: SimpleNamespace, rng: np.random.Generator, samples: int, rate: int
) -> Wave:
    wave, course = np.zeros(samples), np.linspace(-0.5, 0.5, samples)
    if own.pitch:
        swing = np.sin(2 * np.pi * (own.swing_hz * np.arange(samples) / rate + rng.random()))
        octaves = own.bend * course + own.swing * swing + own.scatter * rng.uniform(-1, 1)
        frequency = np.minimum(min(own.pitch, 0.2 * rate) * 2**octaves, 0.45 * rate)
        wave += (_struck if own.partials else _harmonics)(own, rng, frequency, rate)
        wave /= wave.std() + 1e-9
    if own.noise:
        band = (own.low_hz, min(own.high_hz, 0.45 * rate))
        wave += own.noise * coloured_noise(rng, samples, rate, own.exponent, *band)
    return wave


def _harmonics(own: SimpleNamespace, rng: np.random.Generator, frequency: Wave, rate: int) -> Wave:
    """Up to 48 harmonics below 0.47 of the sample rate, over a `frequency` for each sample."""
    order = np.arange(1, max(1, min(48, int(0.47 * rate / frequency.max()))) + 1)
    heights = order**-own.tilt * rng.uniform(0.5, 1, len(order))
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=complex)
    spectrum[order] = heights * np.exp(2j * np.pi * rng.random(len(order)))
    table = np.fft.irfft(spectrum, _TABLE)
    table = np.append(table, table[0])
    position = (np.cumsum(frequency) / rate) % 1 * _TABLE
    index = position.astype(np.int64)
    return table[index] + (table[index + 1] - table[index]) * (position - index)


def _struck(own: SimpleNamespace, rng: np.random.Generator, frequency: Wave, rate: int) -> Wave:
    """Partials of a struck solid, at no whole multiples of the lowest one's `frequency`."""
    ratios = np.cumprod(np.append(1, rng.uniform(1.15, 1.7, own.partials - 1)))
    ratios = ratios[ratios * frequency.max() < 0.47 * rate]
    phase = 2 * np.pi * np.cumsum(frequency) / rate
    heights = np.arange(1, len(ratios) + 1) ** -own.tilt
    return sum(height * np.sin(k * phase) for height, k in zip(heights, ratios, strict=True))
