"""The three sets of clips: first planned (names, labels, seeds), then rendered clip by clip.

A plan costs no audio, and each clip has its own seed, so that a set can grow without changing the
clips that it already has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vipann.datasets.synthesis import acoustics
from vipann.datasets.synthesis.sounds import SOUNDS, harmonic_stack, log_uniform
from vipann.seeds import derive_seed

_SHORTEST_EVENT_S = 0.2
_ANYWHERE = acoustics.Conditions()


@dataclass(frozen=True)
class Event:
    """One labelled sound in a clip; `snr_db` is its gated level over the background's RMS."""

    label: str
    onset_s: float
    duration_s: float
    snr_db: float


@dataclass(frozen=True)
class ClipPlan:
    """All that is decided about a file before its audio is drawn from `seed`."""

    clip_id: str
    path: str
    seed: int
    seconds: float
    split: str = ""
    fold: int = 0
    events: tuple[Event, ...] = ()
    conditions: acoustics.Conditions = _ANYWHERE
    vessel: str = ""


class Vessel(NamedTuple):
    """Ranges of a vessel type's machinery; rates in Hz, `cavitation` relative to the lines."""

    shaft_hz: acoustics.Range
    blades: acoustics.Range
    firing_hz: acoustics.Range
    cavitation: acoustics.Range


VESSELS = {
    "ferry": Vessel((2.5, 6), (4, 5), (30, 80), (0.5, 2)),
    "fishing-boat": Vessel((4, 9), (3, 4), (15, 60), (0.3, 1.5)),
    "motorboat": Vessel((15, 45), (3, 4), (60, 250), (1, 4)),
    "sailboat": Vessel((8, 20), (2, 3), (25, 90), (0.1, 0.6)),
    "tanker": Vessel((1, 2.2), (4, 6), (6, 14), (0.5, 2)),
    "tugboat": Vessel((2.5, 5), (3, 5), (20, 60), (1, 3)),
}


def plan_events(options: Mapping[str, Any], block: Mapping[str, Any], seed: int) -> list[ClipPlan]:
    """Multi-label clips in AudioSet's shape: an imbalanced train split, a balanced eval split.

    A train clip draws its classes (without repeats) with probability proportional to
    1 / rank ** imbalance, the rank being the place in options.classes. In eval, each stretch of as
    many clips as there are classes has every class once as its n-th event, for each n.
    """
    names, seconds = class_names(options), float(block["clip_seconds"])
    weights = np.arange(1, len(names) + 1) ** -float(options["imbalance"])
    weights /= weights.sum()
    plans = []
    for split in ("train", "eval"):
        for i in range(options[f"{split}_clips"]):
            clip_seed = derive_seed(seed, "synthetic", "events", split, "", i)
            rng = np.random.default_rng(derive_seed(clip_seed, "plan"))
            count = min(int(rng.integers(1, options["max_events"] + 1)), len(names))
            if split == "train":
                chosen = rng.choice(len(names), count, replace=False, p=weights)
            else:
                chosen = _balanced(seed, i, len(names))[:count]
            events = tuple(
                _draw_event(rng, names[k], seconds, options["snr_db"], (0.15, 0.6)) for k in chosen
            )
            clip_id = f"{split}-{i:05d}"
            path = f"{split}/{clip_id}.flac"
            plans.append(ClipPlan(clip_id, path, clip_seed, seconds, split, events=events))
    return plans


def plan_scenes(options: Mapping[str, Any], block: Mapping[str, Any], seed: int) -> list[ClipPlan]:
    """Single-label clips in ESC-50's shape, equally many for each class and fold.

    Each fold has recording conditions of its own, as the clips of one source recording share them.
    """
    seconds = float(block["clip_seconds"])
    plans = []
    for fold in range(1, block["folds"] + 1):
        fold_seed = derive_seed(seed, "synthetic", "scenes", fold, "conditions")
        conditions = acoustics.biased_conditions(np.random.default_rng(fold_seed))
        for name in class_names(options):
            for i in range(options["clips_per_class_and_fold"]):
                clip_seed = derive_seed(seed, "synthetic", "scenes", fold, name, i)
                rng = np.random.default_rng(derive_seed(clip_seed, "plan"))
                event = _draw_event(rng, name, seconds, options["snr_db"], (0.4, 1.0))
                clip_id = f"fold{fold}-{name}-{i:03d}"
                path = f"fold{fold}/{clip_id}.flac"
                plans.append(
                    ClipPlan(clip_id, path, clip_seed, seconds, "", fold, (event,), conditions)
                )
    return plans


def plan_ships(options: Mapping[str, Any], block: Mapping[str, Any], seed: int) -> list[ClipPlan]:
    """Unlabelled recordings under water in ShipsEar's shape; the vessel types take turns."""
    names = list(VESSELS)
    plans = []
    for i in range(options["recordings"]):
        name = names[i % len(names)]
        clip_seed = derive_seed(seed, "synthetic", "ships", "", name, i)
        rng = np.random.default_rng(derive_seed(clip_seed, "plan"))
        clip_id = f"{name}-{i:03d}"
        length = round(rng.uniform(*options["seconds"]), 2)
        plans.append(ClipPlan(clip_id, f"{name}/{clip_id}.flac", clip_seed, length, vessel=name))
    return plans


PLANNERS: dict[str, Callable[[Mapping, Mapping, int], list[ClipPlan]]] = {
    "events": plan_events,
    "scenes": plan_scenes,
    "ships": plan_ships,
}


def class_names(options: Mapping[str, Any]) -> list[str]:
    """The classes in label-index order: options.classes, or all sounds where that is null."""
    return list(options.get("classes") or SOUNDS)


def _balanced(seed: int, clip: int, classes: int) -> NDArray[np.integer]:
    """All classes in the order in which eval clip `clip` may hold them: shifts of one another."""
    stretch, place = divmod(clip, classes)
    stretch_seed = derive_seed(seed, "synthetic", "events", "eval", "order", stretch)
    shifts = np.random.default_rng(stretch_seed).permutation(classes)
    return (place + shifts) % classes


def _draw_event(
    rng: np.random.Generator,
    label: str,
    seconds: float,
    snr_db: acoustics.Range,
    share: acoustics.Range,
) -> Event:
    duration = max(seconds * rng.uniform(*share), _SHORTEST_EVENT_S)
    onset = rng.random() * (seconds - duration)
    return Event(label, round(onset, 3), round(duration, 3), round(rng.uniform(*snr_db), 2))


def render(plan: ClipPlan, sample_rate: int) -> NDArray[np.float32]:
    """Audio of a plan, (round(seconds * sample_rate),): no DC, no NaN, peak at most 0.9."""
    rng = np.random.default_rng(plan.seed)
    if plan.vessel:
        recording = vessel_noise(rng, plan.seconds, sample_rate, plan.vessel)
        return acoustics.to_file_level(recording, rng.uniform(*plan.conditions.level_db))
    return _render_clip(rng, plan, sample_rate)


def _render_clip(rng: np.random.Generator, plan: ClipPlan, sample_rate: int) -> NDArray[np.float32]:
    samples = round(plan.seconds * sample_rate)
    dry = np.zeros(samples, dtype=np.float32)
    for event in plan.events:
        wave = SOUNDS[event.label](rng, event.duration_s, sample_rate)
        wave = acoustics.fade(wave, sample_rate, rng.uniform(0.005, 0.05))
        gain = 10 ** (event.snr_db / 20) / acoustics.gated_level(wave, sample_rate)
        start = min(round(event.onset_s * sample_rate), samples - 1)
        dry[start : start + len(wave)] += gain * wave[: samples - start]
    place = plan.conditions
    high_hz = min(log_uniform(rng, *place.high_cut_hz), 0.45 * sample_rate)
    band = (log_uniform(rng, *place.low_cut_hz), high_hz)
    room = (log_uniform(rng, *place.reverberation_s), rng.uniform(*place.direct_db))
    wet = acoustics.reverberate(rng, dry, sample_rate, room, band)
    exponent = rng.uniform(*place.noise_exponent)
    noise = acoustics.coloured_noise(rng, samples, sample_rate, exponent, *band)
    swell = np.exp(0.15 * acoustics.slow_curve(rng, samples, sample_rate, 0.7))
    return acoustics.to_file_level(wet + noise * swell, rng.uniform(*place.level_db))


def vessel_noise(
    rng: np.random.Generator,
    seconds: float,
    sample_rate: int,
    kind: str,
    *,
    shaft_hz: float | None = None,
    blades: int | None = None,
    high_cut_hz: float | None = None,
) -> NDArray[np.float64]:
    """A passing vessel at a hydrophone: the shaft's, engine's and gear's lines, cavitation, sea.

    Line spectra lie at multiples of the shaft rate (strong at the blade rate = blades x shaft), of
    the engine's firing rate and of the gear's meshing rate, the last with shaft-rate sidebands.
    Cavitation is broadband noise whose strength follows the blades. The sea's noise falls by 17 dB
    a decade, the surface's reflection cancels some frequencies, and the hydrophone cuts at both
    ends. Keywords fix the draws of the same names.
    """
    type_ = VESSELS[kind]
    samples = round(seconds * sample_rate)
    shaft = log_uniform(rng, *type_.shaft_hz) if shaft_hz is None else shaft_hz
    count = int(rng.integers(type_.blades[0], type_.blades[1] + 1)) if blades is None else blades
    steady = 1 + 0.003 * acoustics.slow_curve(rng, samples, sample_rate, 0.5)
    turns = shaft * steady
    machinery = _machinery(rng, type_, turns, count, sample_rate)
    angle = 2 * np.pi * np.cumsum(turns) / sample_rate
    strokes = (
        1 + rng.uniform(0.5, 0.9) * np.cos(count * angle) + rng.uniform(0, 0.2) * np.cos(angle)
    )
    low, slope = log_uniform(rng, 80, 600), rng.uniform(1, 2)
    bubbles = acoustics.coloured_noise(rng, samples, sample_rate, slope, low, 0.45 * sample_rate)
    source = machinery + rng.uniform(*type_.cavitation) * bubbles * np.maximum(strokes, 0)
    delay = int(rng.uniform(0.0003, 0.004) * sample_rate) + 1
    source[delay:] -= rng.uniform(0.3, 0.8) * source[:-delay]
    closest = rng.uniform(0, 1) * seconds
    passing = 1 / np.hypot(1, (np.arange(samples) / sample_rate - closest) / rng.uniform(5, 40))
    cut = log_uniform(rng, 3000, 12000) if high_cut_hz is None else high_cut_hz
    low_cut, high_cut = rng.uniform(8, 25), min(cut, 0.45 * sample_rate)
    sea = acoustics.coloured_noise(rng, samples, sample_rate, 1.7, 20, high_cut)
    heard = source * passing * 10 ** (rng.uniform(-3, 15) / 20) + sea * acoustics.rms(source)
    return acoustics.band_limit(heard, sample_rate, low_cut, high_cut)


def _machinery(
    rng: np.random.Generator, kind: Vessel, turns: acoustics.Wave, blades: int, sample_rate: int
) -> NDArray[np.float64]:
    """Line spectra of shaft and blades, engine and gear, for a shaft turning at `turns` (Hz)."""
    order = np.arange(1, 61)
    heights = order**-1.0 * np.where(order % blades == 0, 1.0, rng.uniform(0.05, 0.3))
    propeller = harmonic_stack(rng, turns, heights, sample_rate)
    firing = log_uniform(rng, *kind.firing_hz) * turns / turns.mean()
    decay = np.arange(1, 41) ** -rng.uniform(0.6, 1.4)
    engine = harmonic_stack(rng, firing, decay * rng.uniform(0.3, 1, 40), sample_rate)
    teeth = max(int(log_uniform(rng, 150, 1800) / turns.mean()), 2)
    mesh = harmonic_stack(rng, teeth * turns, np.array([1, 0.5, 0.3]), sample_rate)
    sidebands = 1 + 0.4 * np.cos(2 * np.pi * np.cumsum(turns) / sample_rate)
    gear = rng.uniform(0, 0.5) * mesh * sidebands
    return propeller / propeller.std() + rng.uniform(0.3, 1.5) * engine / engine.std() + gear
