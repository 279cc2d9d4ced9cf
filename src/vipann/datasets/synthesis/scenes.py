"""The three sets of clips: first planned (names, labels, seeds), then rendered clip by clip.

A plan costs no audio, and each clip has its own seed, so that a set can grow without changing the
clips that it already has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vipann.datasets.synthesis.sounds import SOUNDS
from vipann.datasets.synthesis.synth import (
    Range,
    Synth,
    Wave,
    band_response,
    fade,
    fast_length,
    filtered,
    gated_level,
    rms,
    to_file_level,
)
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

    def biased(self, rng: np.random.Generator, share: float = 0.5) -> "Conditions":
        """Each range narrowed to a random part of it that is `share` as wide."""
        starts = [low + (high - low) * (1 - share) * rng.random() for low, high in self]
        widths = [(high - low) * share for low, high in self]
        return Conditions(*((low, low + width) for low, width in zip(starts, widths, strict=True)))


_ANYWHERE = Conditions()


class Event(NamedTuple):
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
    conditions: Conditions = _ANYWHERE
    vessel: str = ""


class Vessel(NamedTuple):
    """Ranges of a vessel type's machinery; rates in Hz, `cavitation` relative to the lines."""

    shaft_hz: Range
    blades: Range
    firing_hz: Range
    cavitation: Range


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
        conditions = Conditions().biased(np.random.default_rng(fold_seed))
        for name in class_names(options):
            for i in range(options["clips_per_class_and_fold"]):
                clip_seed = derive_seed(seed, "synthetic", "scenes", fold, name, i)
                rng = np.random.default_rng(derive_seed(clip_seed, "plan"))
                events = (_draw_event(rng, name, seconds, options["snr_db"], (0.4, 1.0)),)
                clip_id = f"fold{fold}-{name}-{i:03d}"
                path = f"fold{fold}/{clip_id}.flac"
                plan = ClipPlan(clip_id, path, clip_seed, seconds, "", fold, events, conditions)
                plans.append(plan)
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
    rng: np.random.Generator, label: str, seconds: float, snr_db: Range, share: Range
) -> Event:
    duration = max(seconds * rng.uniform(*share), _SHORTEST_EVENT_S)
    onset = rng.random() * (seconds - duration)
    return Event(label, round(onset, 3), round(duration, 3), round(rng.uniform(*snr_db), 2))


def render(plan: ClipPlan, rate: int) -> NDArray[np.float32]:
    """Audio of a plan, (round(seconds * rate),): no DC, no NaN, peak at most 0.9."""
    s = Synth(np.random.default_rng(plan.seed), plan.seconds, rate)
    wave = vessel_noise(s, VESSELS[plan.vessel]) if plan.vessel else _clip(s, plan)
    return to_file_level(wave, s.rng.uniform(*plan.conditions.level_db))


def _clip(s: Synth, plan: ClipPlan) -> Wave:
    dry, u, place = np.zeros(s.samples, dtype=np.float32), s.rng.uniform, plan.conditions
    for event in plan.events:
        wave = SOUNDS[event.label](Synth(s.rng, event.duration_s, s.rate))
        wave = fade(wave, s.rate, u(0.005, 0.05))
        gain = 10 ** (event.snr_db / 20) / gated_level(wave, s.rate)
        start = min(round(event.onset_s * s.rate), s.samples - 1)
        dry[start : start + len(wave)] += gain * wave[: s.samples - start]
    high_hz = min(s.log_uniform(*place.high_cut_hz), 0.45 * s.rate)
    band = (s.log_uniform(*place.low_cut_hz), high_hz)
    room = (s.log_uniform(*place.reverberation_s), u(*place.direct_db))
    wet = s.in_room(dry, room, band)
    noise = s.noise(u(*place.noise_exponent), *band)
    return wet + noise * np.exp(0.15 * s.curve(0.7))


def vessel_noise(s: Synth, vessel: Vessel) -> Wave:
    """A passing vessel at a hydrophone: the shaft's, engine's and gear's lines, cavitation, sea.

    Line spectra lie at multiples of the shaft rate (strong at the blade rate = blades x shaft), of
    the engine's firing rate and of the gear's meshing rate, the last with shaft-rate sidebands.
    Cavitation is broadband noise whose strength follows the blades. The sea's noise falls by 17 dB
    a decade, the surface's reflection cancels some frequencies, and the hydrophone cuts at both
    ends.
    """
    u, shaft = s.rng.uniform, s.log_uniform(*vessel.shaft_hz)
    blades = int(s.rng.integers(vessel.blades[0], vessel.blades[1] + 1))
    turns = shaft * (1 + 0.003 * s.curve(0.5))
    machinery = _machinery(s, vessel, turns, blades)
    angle = 2 * np.pi * np.cumsum(turns) / s.rate
    strokes = 1 + u(0.5, 0.9) * np.cos(blades * angle) + u(0, 0.2) * np.cos(angle)
    low, slope = s.log_uniform(80, 600), u(1, 2)
    bubbles = s.noise(slope, low, 0.45 * s.rate)
    source = machinery + u(*vessel.cavitation) * bubbles * np.maximum(strokes, 0)
    delay = int(u(0.0003, 0.004) * s.rate) + 1
    source[delay:] -= u(0.3, 0.8) * source[:-delay]
    closest = u(0, 1) * s.seconds
    passing = 1 / np.hypot(1, (s.time - closest) / u(5, 40))
    cut = s.log_uniform(3000, 12000)
    low_cut, high_cut = u(8, 25), min(cut, 0.45 * s.rate)
    sea = s.noise(1.7, 20, high_cut)
    heard = source * passing * 10 ** (u(-3, 15) / 20) + sea * rms(source)
    length = fast_length(len(heard))
    return filtered(heard, band_response(length, s.rate, low_cut, high_cut), length)


def _machinery(s: Synth, vessel: Vessel, turns: Wave, blades: int) -> Wave:
    """Line spectra of shaft and blades, engine and gear, for a shaft turning at `turns` (Hz)."""
    u, order = s.rng.uniform, np.arange(1, 61)
    heights = order**-1.0 * np.where(order % blades == 0, 1.0, u(0.05, 0.3))
    propeller = s.harmonics(turns, heights)
    firing = s.log_uniform(*vessel.firing_hz) * turns / turns.mean()
    decay = np.arange(1, 41) ** -u(0.6, 1.4)
    engine = s.harmonics(firing, decay * u(0.3, 1, 40))
    teeth = max(int(s.log_uniform(150, 1800) / turns.mean()), 2)
    mesh = s.harmonics(teeth * turns, np.array([1, 0.5, 0.3]))
    sidebands = 1 + 0.4 * np.cos(2 * np.pi * np.cumsum(turns) / s.rate)
    gear = u(0, 0.5) * mesh * sidebands
    return propeller / propeller.std() + u(0.3, 1.5) * engine / engine.std() + gear
