"""The three sets of clips: first planned (names, labels, seeds), then rendered clip by clip.

A plan costs no audio, and each clip has its own seed, so that a set can grow without changing the
clips that it already has.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vipann.datasets.synthesis import signal
from vipann.datasets.synthesis.signal import Range
from vipann.datasets.synthesis.sounds import SOUNDS, VESSELS, log_uniform, sound
from vipann.seeds import derive_seed

_SHORTEST_EVENT_S = 0.2


class Conditions(NamedTuple):
    """Ranges from which a recording draws its room, its background noise and its microphone.

    reverberation_s: time in which the reverberation decays by 60 dB; direct_db: energy of the
    direct sound over that of the reverberation; noise_exponent: background power falls as
    1 / f ** exponent (0 white, 1 pink, 2 brown); level_db: RMS of the file re full scale.
    """

    reverberation_s: Range = (0.1, 1.0)
    direct_db: Range = (0.0, 18.0)
    noise_exponent: Range = (0.0, 2.0)
    low_cut_hz: Range = (25.0, 150.0)
    high_cut_hz: Range = (4500.0, 15000.0)
    level_db: Range = (-32.0, -18.0)


_ANYWHERE = Conditions()
# The sea's noise falls by 17 dB a decade, and the surface and the ground reflect.
_UNDER_WATER = Conditions(
    noise_exponent=(1.7, 1.7), low_cut_hz=(8.0, 25.0), high_cut_hz=(3000.0, 12000.0)
)


class Event(NamedTuple):
    """One sound in a clip; `snr_db` is its gated level over the background's RMS."""

    label: str
    onset_s: float
    duration_s: float
    snr_db: float


class ClipPlan(NamedTuple):
    """All that is decided about a file before its audio is drawn from `seed`."""

    clip_id: str
    folder: str
    seed: int
    seconds: float
    events: tuple[Event, ...]
    split: str = ""
    fold: int = 0
    conditions: Conditions = _ANYWHERE

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.clip_id}.flac"


Plans = Iterator[ClipPlan]


def class_names(options: Mapping[str, Any]) -> list[str]:
    """The classes in label-index order: options.classes, or all sounds where that is null."""
    return list(options.get("classes") or SOUNDS)


def plan_events(options: Mapping[str, Any], block: Mapping[str, Any], seed: int) -> Plans:
    """Multi-label clips in AudioSet's shape: an imbalanced train split, a balanced eval split.

    A train clip draws its classes (without repeats) with probability proportional to
    1 / rank ** imbalance, the rank being the place in options.classes. In eval, each stretch of as
    many clips as there are classes has every class once as its n-th event, for each n.
    """
    names, seconds, snr_db = class_names(options), block["clip_seconds"], options["snr_db"]
    weights = np.arange(1, len(names) + 1) ** -float(options["imbalance"])
    for split in ("train", "eval"):
        for i in range(options[f"{split}_clips"]):
            clip_seed, rng = _seeds(seed, "events", split, "", i)
            count = min(int(rng.integers(1, options["max_events"] + 1)), len(names))
            if split == "train":
                p = weights / weights.sum()
                chosen: NDArray[np.integer] = rng.choice(len(names), count, replace=False, p=p)
            else:
                chosen = _balanced(seed, i, len(names))[:count]
            events = tuple(_event(rng, names[k], seconds, snr_db, (0.15, 0.6)) for k in chosen)
            yield ClipPlan(f"{split}-{i:05d}", split, clip_seed, seconds, events, split)


def plan_scenes(options: Mapping[str, Any], block: Mapping[str, Any], seed: int) -> Plans:
    """Single-label clips in ESC-50's shape, equally many for each class and fold.

    Each fold has recording conditions of its own, as the clips of one source recording share them.
    """
    seconds, numbers = block["clip_seconds"], range(options["clips_per_class_and_fold"])
    for fold in range(1, block["folds"] + 1):
        fold_seed = derive_seed(seed, "synthetic", "scenes", fold, "conditions")
        conditions = _half(_ANYWHERE, np.random.default_rng(fold_seed))
        for name, i in itertools.product(class_names(options), numbers):
            clip_seed, rng = _seeds(seed, "scenes", fold, name, i)
            events = (_event(rng, name, seconds, options["snr_db"], (0.4, 1.0)),)
            about = (f"fold{fold}-{name}-{i:03d}", f"fold{fold}", clip_seed, seconds, events)
            yield ClipPlan(*about, "", fold, conditions)


def plan_ships(options: Mapping[str, Any], block: Mapping[str, Any], seed: int) -> Plans:
    """Unlabelled recordings under water in ShipsEar's shape; the vessel types take turns."""
    names = list(VESSELS)
    for i in range(options["recordings"]):
        name = names[i % len(names)]
        clip_seed, rng = _seeds(seed, "ships", "", name, i)
        length = round(rng.uniform(*options["seconds"]), 2)
        events = (Event(name, 0.0, length, rng.uniform(-3, 15)),)
        about = (f"{name}-{i:03d}", name, clip_seed, length, events)
        yield ClipPlan(*about, conditions=_UNDER_WATER)


PLANNERS = {"events": plan_events, "scenes": plan_scenes, "ships": plan_ships}


def _seeds(seed: int, *names: object) -> tuple[int, np.random.Generator]:
    """A clip's seed, for its audio, and the draws of its plan."""
    clip_seed = derive_seed(seed, "synthetic", *names)
    return clip_seed, np.random.default_rng(derive_seed(clip_seed, "plan"))


def _half(whole: Conditions, rng: np.random.Generator) -> Conditions:
    """Each range narrowed to a random half of it."""
    ranges = np.array(whole)
    widths = (ranges[:, 1] - ranges[:, 0]) / 2
    starts = ranges[:, 0] + widths * rng.random(len(ranges))
    return Conditions(*zip(starts.tolist(), (starts + widths).tolist(), strict=True))


def _balanced(seed: int, clip: int, classes: int) -> NDArray[np.integer]:
    """All classes in the order in which eval clip `clip` may hold them: shifts of one another."""
    stretch, place = divmod(clip, classes)
    stretch_seed = derive_seed(seed, "synthetic", "events", "eval", "order", stretch)
    shifts = np.random.default_rng(stretch_seed).permutation(classes)
    return (place + shifts) % classes


def _event(
    rng: np.random.Generator, label: str, seconds: float, snr_db: Range, share: Range
) -> Event:
    duration = max(seconds * rng.uniform(*share), _SHORTEST_EVENT_S)
    onset = rng.random() * (seconds - duration)
    return Event(label, round(onset, 3), round(duration, 3), round(rng.uniform(*snr_db), 2))


def render(plan: ClipPlan, rate: int) -> NDArray[np.float32]:
    """Audio of a plan, (round(seconds * rate),): no DC, no NaN, peak at most 0.9."""
    rng, place = np.random.default_rng(plan.seed), plan.conditions
    samples = round(plan.seconds * rate)
    dry = np.zeros(samples, dtype=np.float32)
    for event in plan.events:
        wave = sound((SOUNDS | VESSELS)[event.label], rng, event.duration_s, rate)
        wave = signal.fade(wave, rate, rng.uniform(0.005, 0.05))
        gain = 10 ** (event.snr_db / 20) / signal.gated_level(wave, rate)
        start = min(round(event.onset_s * rate), samples - 1)
        dry[start : start + len(wave)] += gain * wave[: samples - start]
    high_hz = min(log_uniform(rng, *place.high_cut_hz), 0.45 * rate)
    band = (log_uniform(rng, *place.low_cut_hz), high_hz)
    room = (log_uniform(rng, *place.reverberation_s), rng.uniform(*place.direct_db))
    wet = signal.reverberate(rng, dry, rate, room, band)
    noise = signal.coloured_noise(rng, samples, rate, rng.uniform(*place.noise_exponent), *band)
    swell = np.exp(0.15 * signal.slow_curve(rng, samples, rate, 0.7))
    return signal.to_file_level(wet + noise * swell, rng.uniform(*place.level_db))
