"""Six real clips with made-up labels and folds, and how their manifest is written."""

from pathlib import Path

from vipann.audio.probe import inspect_audio
from vipann.datasets.manifest import clip_row, clip_table, write_manifest
from vipann.features.audio import pad_clip, read_clip

SETTINGS = {
    "front_end": "logmel",
    "sample_rate": 16000,
    "window": "hamming",
    "window_length": 512,
    "hop_length": 320,
    "mel_bands": 64,
    "fmin": 50,
    "fmax": 8000,
    "amin": 1e-10,
}
BLOCK = {"task": "multilabel", "clip_seconds": 2.0, "padding": "reflect", "folds": 3}
CLASSES = ["cat", "dog", "owl"]
LABELS = [["dog"], ["cat", "owl"], [], ["owl"], ["dog", "cat"], ["cat"]]
MULTI_HOT = [[0, 1, 0], [1, 0, 1], [0, 0, 0], [0, 0, 1], [1, 1, 0], [1, 0, 0]]


def make_manifest(folder: Path, path: Path) -> list[dict]:
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.ogg"))
    rows = [
        clip_row(
            inspect_audio(folder, file),
            f"klang ü {index}",
            LABELS[index],
            BLOCK["clip_seconds"],
            fold=1 + index % 3,
            split="train" if index < 4 else "eval",
            offset_s=2.0 + 0.1 * index,
        )
        for index, file in enumerate(files)
    ]
    write_manifest(clip_table(rows, CLASSES), path)
    return rows


def load_clip(path, offset_s, duration_s, clip_seconds, rate, padding):
    """A clip as a front end hears it."""
    samples = read_clip(path, offset_s, duration_s, clip_seconds, rate)
    return pad_clip(samples, round(clip_seconds * rate), padding)
