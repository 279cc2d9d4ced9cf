"""Features of a dataset's test clips under a condition: what changes the sound comes between its
decoding and the front end.

What is drawn for a clip comes from a seed of its id and the condition's kind: it does not depend on
the other clips, and the steps of a ladder of signal-to-noise ratios differ by the level of the same
noise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from vipann.audio import degrade
from vipann.conditions import KINDS, Condition
from vipann.datasets.manifest import read_manifest
from vipann.datasets.shared import heard_clips
from vipann.errors import UserError
from vipann.features.audio import AudioFrontEnd, front_end_of, pad_clip, read_clip
from vipann.features.derived import write_derived
from vipann.features.extract import ordered_map
from vipann.features.store import FeatureStore
from vipann.folds import share_out
from vipann.progress import progress
from vipann.seeds import derive_seed

# How many clips, of different recordings, are heard at once in babble.
VOICES = 4

Noise = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class Audio:
    """Clips of a dataset whose audio is there: rows of its manifest with clip_id as index, the
    folder of their files, and the length that they are heard at, in s."""

    clips: pd.DataFrame
    folder: Path
    seconds: float

    def read(self, clip_id: str, rate: int) -> np.ndarray:
        clip = self.clips.loc[clip_id]
        place = self.folder / clip["path"], clip["offset_s"], clip["duration_s"]
        return read_clip(*place, self.seconds, rate)


def audio_of(manifest: Path, folder: Path, seconds: float, left_out: Path | None = None) -> Audio:
    """The clips of a manifest but those that the list `left_out` leaves out."""
    frame = heard_clips(read_manifest(manifest).frame, left_out)
    return Audio(frame.set_index("clip_id"), folder, seconds)


def degrade_features(
    features: Path,
    own: Audio,
    noise: Audio | None,
    condition: Condition,
    settings: Mapping[str, Any],
    out: Path,
    workers: int,
) -> None:
    """Write the features of the test clips of `features` under a condition.

    own, noise: the dataset's audio, and that of recorded noise. settings: `folds`, those tested;
    `validation`, the config's `validation.split`; `padding`; `seed`. The clips are those of the
    features: what could not be heard there is not heard here. A clip without any power has no
    signal-to-noise ratio, and stays as it is.

    Raises:
        UserError: there is no noise to draw from.
    """
    with FeatureStore(features) as store:
        front_end = front_end_of(store.feature_settings)
        assert isinstance(front_end, AudioFrontEnd), "the plan refuses features without audio"
        rows = store.rows(folds=settings["folds"])
        voices = _Voices(store, own, settings["validation"]) if condition.kind == "babble" else None
        rate = front_end.settings.sample_rate
        length, silent = round(own.seconds * rate), []

        def heard(row: int) -> np.ndarray:
            clip_id, fold = str(store.clip_ids[row]), int(store.fold[row])
            samples = own.read(clip_id, rate)
            if KINDS[condition.kind].is_noise and not degrade.power(samples):
                silent.append(clip_id)
            rng = np.random.default_rng(derive_seed(settings["seed"], condition.kind, clip_id))
            drawn = _noise(condition.kind, fold, voices, noise, rate)
            changed = degraded(samples, rate, condition, drawn, rng)
            return front_end.padded(changed, length, settings["padding"])

        found = progress(ordered_map(heard, list(rows), workers), len(rows), condition.name, "clip")
        write_derived(store, rows, out, clips=found)
    print(f"{len(rows)} clips of folds {settings['folds']} with {condition.label}")
    if silent:
        first = ", ".join(sorted(silent)[:5])
        print(f"{len(silent)} of them are silent: no noise was added ({first})")


def degraded(
    samples: np.ndarray, rate: int, condition: Condition, noise: Noise, rng: np.random.Generator
) -> np.ndarray:
    """Samples (n,) at `rate` Hz under the condition, (n,) float32."""
    kind, amount = condition
    if KINDS[kind].is_noise:
        return degrade.with_noise(samples, noise(rng, len(samples)), amount)
    if kind == "gain":
        return degrade.amplified(samples, amount)
    of_rate = {
        "shift": degrade.shifted,
        "low_pass": degrade.low_passed,
        "mp3": degrade.mp3_coded,
        "opus": degrade.opus_coded,
    }
    return of_rate[kind](samples, amount, rate)


def white(rng: np.random.Generator, length: int) -> np.ndarray:
    """Gaussian noise (length,) of power 1, equally strong at all frequencies."""
    return rng.standard_normal(length, dtype=np.float32)


class _Voices:
    """Which clips babble of a test clip may hold: of the folds that train the network which is
    tested on it."""

    def __init__(self, store: FeatureStore, own: Audio, split: str) -> None:
        self.own, self._ids, self._recordings = own, store.clip_ids, store.recording
        folds = sorted(set(store.fold.tolist()))
        self._rows = {fold: store.rows(folds=share_out(folds, fold, split)[0]) for fold in folds}

    def babble(self, fold: int, rate: int, rng: np.random.Generator, length: int) -> np.ndarray:
        """The sum (length,) of `VOICES` clips of as many recordings, each of power 1."""
        total = np.zeros(length, dtype=np.float32)
        heard: set[str] = set()
        for row in rng.permutation(self._rows[fold]):
            if len(heard) == VOICES:
                break
            recording = str(self._recordings[row])
            samples = pad_clip(self.own.read(str(self._ids[row]), rate), length, "repeat")
            level = degrade.power(samples)
            if recording in heard or not level:
                continue
            heard.add(recording)
            total += samples / np.float32(np.sqrt(level))
        return total


def _recorded(noise: Audio, rate: int, rng: np.random.Generator, length: int) -> np.ndarray:
    """A clip (length,) of the noise, repeated where it is shorter; silent ones are passed over."""
    for clip_id in rng.permutation(noise.clips.index.to_numpy(dtype=object)):
        samples = pad_clip(noise.read(clip_id, rate), length, "repeat")
        if degrade.power(samples):
            return samples
    raise UserError(
        f"{noise.folder}: none of its {len(noise.clips)} clips holds any sound to be added as "
        "noise: name another dataset as uncertainty.robustness.noise."
    )


def _noise(kind: str, fold: int, voices: _Voices | None, noise: Audio | None, rate: int) -> Noise:
    if voices is not None:
        return lambda rng, length: voices.babble(fold, rate, rng, length)
    if kind == "recorded":
        assert noise is not None
        return lambda rng, length: _recorded(noise, rate, rng, length)
    return white
