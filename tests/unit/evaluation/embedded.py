"""Small embeddings with known properties."""

import json

import h5py
import numpy as np
from dummies import labels_of

from vipann.evaluation.embeddings import Clips, Embeddings, pack

FEATURES = {"front_end": "logmel", "sample_rate": 32000, "mel_bands": 64}


def clips_of(rng, count, labels, centres, name, away=0.0):
    classes = len(centres)
    where = centres[labels.argmax(axis=1)] if labels.shape[1] else rng.normal(0, 3, centres.shape)
    embedding = (np.resize(where, (count, centres.shape[1])) + away).astype(np.float32)
    embedding += rng.normal(size=embedding.shape).astype(np.float32)
    logits = rng.normal(0, 2, (count, classes)).astype(np.float32)
    names = np.array([f"{name}{index}" for index in range(count)])
    return Clips(embedding, logits, logits, labels, names, names)


def embeddings_of(seed=0, classes=4, size=6, away=0.0, **changes):
    """40 training, 30 test and 20 clips outside, `away` from the others; no validation clips."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 3, (classes, size))
    sides = {}
    for part, count in (("training", 40), ("validation", 0), ("test", 30)):
        labels = labels_of(rng.integers(0, classes, count), classes)
        sides[part] = clips_of(rng, count, labels, centres, part)
    nothing = np.zeros((20, 0), np.uint8)
    sides["outside"] = clips_of(rng, 20, nothing, centres, "outside", away)
    fields = {
        "task": "multiclass",
        "dataset": "own",
        "scored_dataset": "ships",
        "strategy": "flip",
        "phase": "finetuned",
        "fold": 1,
        "training_clips": 40,
        "classes": tuple(f"class{index}" for index in range(classes)),
        "clip_seconds": 5.0,
    }
    return Embeddings(**{**sides, **fields, **changes})


def write_embeddings(path, embeddings):
    with h5py.File(path, "w") as file:
        pack(embeddings, file)
    return path


def write_clips(path, task="multiclass", clips=18, seconds=1.0, seed=0, name="clip"):
    """A features file: 3 classes, 3 folds, the splits train and eval."""
    rng = np.random.default_rng(seed)
    logmel = rng.normal(-60, 8, (clips, 40, 64)).astype(np.float16)
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        file.create_dataset("logmel", data=logmel, chunks=(1, 40, 64))
        file["labels"] = labels_of(np.arange(clips) % 3, 3)
        file["fold"] = (np.arange(clips) % 3 + 1).astype(np.int16)
        for key in ("clip_id", "recording"):
            file.create_dataset(key, data=[f"{name}{i:02}" for i in range(clips)], dtype=text)
        split = ["eval" if i % 3 == 0 else "train" for i in range(clips)]
        file.create_dataset("split", data=split, dtype=text)
        words = {"padding": "zero", "task": task, "manifest_sha256": "0" * 64}
        file.attrs.update(words, features=json.dumps(FEATURES), clip_seconds=seconds)
        file.attrs["classes"] = json.dumps(["high", "low", "quiet"])
    return path
