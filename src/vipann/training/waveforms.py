"""Clips heard anew: at each step their audio is read, changed, and made into features.

EfficientAT's networks are fine-tuned so (its `ex_esc50.py`): waveforms are shifted in time and
amplified at random, then mixed, and the range of the mel bands is drawn for each batch. PSLA mixes
waveforms too (Algorithm 1, lines 9 to 15).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from vipann.datasets.manifest import read_manifest
from vipann.features.audio import FrontEnd, front_end_of, pad_clip, read_clip
from vipann.features.batches import Batch, LogmelDataset
from vipann.seeds import derive_seed
from vipann.training.mixup import MixedClips, Mixture
from vipann.training.recipe import Recipe


@dataclass(frozen=True)
class Changes:
    """What a recipe's `waveform_augmentation` draws: pure functions of the seed, the step and the
    clip, however many processes share a batch.

    features: the front end and its settings, as a features file has them.
    """

    settings: Mapping[str, float]
    features: Mapping[str, Any]
    seed: int

    def changed(self, waveform: np.ndarray, step: int, position: int) -> np.ndarray:
        """The waveform (S,) of the clip at that position, shifted in a circle by up to
        `shift_seconds` and amplified by up to `gain_db`, both drawn evenly, either way."""
        rng = np.random.default_rng(derive_seed(self.seed, "waveform", step, position))
        reach = round(self.settings.get("shift_seconds", 0) * self.features["sample_rate"])
        gain_db = self.settings.get("gain_db", 0.0)
        shift, gain = rng.integers(-reach, reach, endpoint=True), rng.uniform(-gain_db, gain_db)
        return np.roll(waveform, shift) * np.float32(10 ** (gain / 20))

    def front_end(self, step: int) -> FrontEnd:
        """Of all clips of a step: fmin raised by up to `fmin_range_hz`, fmax moved by up to half of
        `fmax_range_hz` either way."""
        rise, width = (self.settings.get(key, 0.0) for key in ("fmin_range_hz", "fmax_range_hz"))
        if not rise and not width:
            return front_end_of(self.features)
        rng = np.random.default_rng(derive_seed(self.seed, "mel range", step))
        fmin = self.features["fmin"] + rng.uniform(0, rise)
        fmax = self.features["fmax"] + rng.uniform(-width / 2, width / 2)
        return front_end_of({**self.features, "fmin": fmin, "fmax": fmax})


class HeardAnew(Dataset[Batch]):
    """Training clips of which an item is asked for as (step, positions), or (step, mixture) where
    the recipe mixes with any: features (B, T, M) and labels (B, C), see `MixedClips`.

    clips: of a features file. recordings: their manifest, and the folder of their audio. UserError
    where that cannot be read any more.
    """

    def __init__(
        self, clips: LogmelDataset, recordings: Sequence[Path], recipe: Recipe, seed: int
    ) -> None:
        self.clips, self.recipe = clips, recipe
        manifest, self.audio = recordings
        features = clips.store.feature_settings
        self.changes = Changes(recipe.waveform_augmentation or {}, features, seed)
        self.clip_ids, self.labels = clips.clip_ids, clips.labels
        places = read_manifest(manifest).frame.set_index("clip_id").loc[self.clip_ids]
        self.places = places[["path", "offset_s", "duration_s"]].to_dict("records")

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, asked: tuple[int, np.ndarray | Mixture]) -> Batch:
        step, chosen = asked
        clips: Any = _Changed(self, step)
        if self.recipe.mixes_with_any:
            clips = MixedClips(clips, self.recipe.mixing == "cutmix")
        waveforms, labels = clips[chosen]
        front_end: Any = self.changes.front_end(step)
        features = np.stack([front_end(waveform) for waveform in waveforms.numpy()])
        return torch.from_numpy(features), labels

    def waveform(self, position: int) -> np.ndarray:
        """Of a clip, padded as its features were: (S,) at the front end's sample rate."""
        place, store = self.places[position], self.clips.store
        rate, seconds = self.changes.features["sample_rate"], store.clip_seconds
        where = self.audio / place["path"], place["offset_s"], place["duration_s"]
        return pad_clip(read_clip(*where, seconds, rate), round(seconds * rate), store.padding)


class _Changed:
    """The clips' waveforms (B, S) as a step hears them, and labels (B, C)."""

    def __init__(self, heard: HeardAnew, step: int) -> None:
        self.heard, self.step, self.clip_ids = heard, step, heard.clip_ids

    def __getitem__(self, positions: Sequence[int]) -> Batch:
        chosen, changes = np.asarray(positions), self.heard.changes
        waveforms = [
            changes.changed(self.heard.waveform(position), self.step, position)
            for position in chosen.tolist()
        ]
        labels = torch.from_numpy(self.heard.labels[chosen]).float()
        return torch.from_numpy(np.stack(waveforms)), labels
