"""A multi-label upstream set in AudioSet's shape: mixtures of UrbanSound8K clips.

It stands in for AudioSet where that cannot be had: labelled with the set of classes that sound,
a large imbalanced training split, an evaluation split balanced over classes, from other folds.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import soundfile

from vipann.audio.decode import read_mono
from vipann.audio.probe import inspect_audio
from vipann.datasets.adapters.urbansound8k import read_metadata, recording_of, select
from vipann.datasets.archives import place
from vipann.datasets.manifest import ClipTable, clip_row, clip_table
from vipann.errors import UserError
from vipann.progress import progress
from vipann.seeds import derive_seed

DRAWN = True
_LABELS, _CLASSES = "labels.csv", "classes.csv"
_CACHED_CLIPS = 1024
NOT_INDEPENDENT = (
    "the mixtures share their source clips, so they are not independent of each other: intervals "
    "and tests over these clips, which take them to be, are too sure"
)
_DEFAULTS: dict[str, Any] = {"clips_per_class": None, "imbalance": 1.0}


class _Event(NamedTuple):
    """One source clip in a mixture: onset in samples, gain in dB."""

    file: str
    path: str
    label: str
    onset: int
    gain_db: float


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int) -> None:
    """Write `train/`, `eval/` (mono 16-bit FLAC of clip_seconds), labels.csv and classes.csv.

    labels.csv: clip_id, path, split, labels, and of each mixture the sources, onsets_s and
    gains_db (all ";"-separated). The originals are unpacked below `folder` and removed again.
    Every mixture has its own seed. UserError where train and eval share a fold.
    """
    folder, options, records = Path(folder), _options(block), []
    originals = folder / ".originals"
    try:
        place(archives, originals)
        table, classes = read_metadata(originals)
        read = lru_cache(maxsize=_CACHED_CLIPS)(
            lambda path: read_mono(originals / path, options["sample_rate"])
        )
        for split in ("train", "eval"):
            folds, most = options[f"{split}_folds"], options["clips_per_class"]
            chosen = select(table, folds, most, str(originals))
            records += _write_split(split, chosen, read, folder, block, seed)
    finally:
        shutil.rmtree(originals, ignore_errors=True)
    pd.DataFrame(records).to_csv(folder / _LABELS, index=False)
    pd.Series(classes, name="class").to_csv(folder / _CLASSES, index_label="index")


def list_clips(folder: Path, block: Mapping, seed: int) -> ClipTable:
    """Mixtures in the order of labels.csv, split "train" or "eval", fold 0."""
    folder = Path(folder)
    for name in (_LABELS, _CLASSES):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name} is missing: the mixtures were not made completely.")
    table = pd.read_csv(folder / _LABELS, dtype=str)
    rows = [
        clip_row(
            inspect_audio(folder, row["path"]),
            row["clip_id"],
            row["labels"].split(";"),
            block["clip_seconds"],
            split=row["split"],
            sources=sorted({recording_of(file) for file in row["sources"].split(";")}),
        )
        for row in progress(table.to_dict("records"), len(table), "mixtures", "clip")
    ]
    classes = pd.read_csv(folder / _CLASSES, dtype=str)["class"].tolist()
    return clip_table(rows, classes, [NOT_INDEPENDENT])


def _options(block: Mapping) -> dict:
    """block["options"], whose keys the config's schema has checked each by itself."""
    options = _DEFAULTS | dict(block["options"])
    shared = sorted(set(options["train_folds"]) & set(options["eval_folds"]))
    if shared:
        raise UserError(
            f"options.train_folds and options.eval_folds share fold(s) {shared}; clips of one "
            "recording would be on both sides. Keep them apart."
        )
    if options["gain_db"][0] > options["gain_db"][1]:
        raise UserError(f"options.gain_db is {options['gain_db']}; give [lowest, highest].")
    return options


def _write_split(
    split: str,
    table: pd.DataFrame,
    read: Callable[[str], np.ndarray],
    folder: Path,
    block: Mapping,
    seed: int,
) -> list[dict[str, str]]:
    """Write the mixtures of a split, of the source clips of `table`; their rows of labels.csv."""
    options = _options(block)
    rate, numbers = options["sample_rate"], range(options[f"{split}_clips"])
    length = round(block["clip_seconds"] * rate)
    pool = [clips for _, clips in table.groupby("classID")]
    weights = np.arange(1, len(pool) + 1, dtype=float) ** -float(options["imbalance"])
    (folder / split).mkdir(exist_ok=True)
    records = []
    for number in progress(numbers, len(numbers), f"mixtures {split}", "clip"):
        rng = np.random.default_rng(derive_seed(seed, "mixtures", split, number))
        count = min(int(rng.integers(1, options["max_events"] + 1)), len(pool))
        if split == "train":
            p = weights / weights.sum()
            classes = rng.choice(len(pool), size=count, replace=False, p=p).tolist()
        else:
            # Balanced: the first class goes round all of them.
            first = number % len(pool)
            others = [index for index in range(len(pool)) if index != first]
            classes = [first, *rng.choice(others, size=count - 1, replace=False).tolist()]
        events = [_draw_event(pool[i], length, read, options["gain_db"], rng) for i in classes]
        clip_id = f"{split}-{number:05d}"
        path = f"{split}/{clip_id}.flac"
        soundfile.write(folder / path, _mix(events, length, read), rate, subtype="PCM_16")
        records.append(
            {
                "clip_id": clip_id,
                "path": path,
                "split": split,
                "labels": ";".join(event.label for event in events),
                "sources": ";".join(event.file for event in events),
                "onsets_s": ";".join(f"{event.onset / rate:.6f}" for event in events),
                "gains_db": ";".join(f"{event.gain_db:.6f}" for event in events),
            }
        )
    return records


def _draw_event(
    clips: pd.DataFrame,
    length: int,
    read: Callable[[str], np.ndarray],
    gain_db: tuple[float, float],
    rng: np.random.Generator,
) -> _Event:
    row = clips.iloc[int(rng.integers(len(clips)))]
    # At least half the mixture's length, or the whole event, is heard.
    latest = max(length - len(read(row["path"])), length // 2)
    onset = int(rng.integers(latest + 1))
    gain = float(rng.uniform(*gain_db))
    return _Event(row["slice_file_name"], row["path"], row["class"], onset, gain)


def _mix(events: Sequence[_Event], length: int, read: Callable[[str], np.ndarray]) -> np.ndarray:
    mixture = np.zeros(length, dtype=np.float32)
    for event in events:
        source = read(event.path)[: length - event.onset]
        gain = np.float32(10 ** (event.gain_db / 20))
        mixture[event.onset : event.onset + len(source)] += gain * source
    peak = float(np.abs(mixture).max())
    # The largest 16-bit sample is just below 1, so a peak of exactly 1 would clip.
    limit = 32767 / 32768
    return mixture * np.float32(limit / peak) if peak > limit else mixture
