"""A tiny features file and the settings of a tiny network."""

import json

import h5py
import numpy as np
import pytest

CLASSES = ["high", "low", "quiet"]
FEATURES = {"front_end": "logmel", "sample_rate": 32000, "mel_bands": 64}


def write_features(path, task, clips=30, frames=40, seed=0):
    """Clips whose class is where in frequency they are loud; 3 folds; 2 of 3 in the train split."""
    rng = np.random.default_rng(seed)
    target = np.arange(clips) % 3
    logmel = rng.normal(-60, 5, (clips, frames, 64)).astype(np.float32)
    logmel[target == 0, :, 40:] += 30
    logmel[target == 1, :, :20] += 30
    labels = np.eye(3, dtype=np.uint8)[target]
    if task == "multilabel":
        labels[::5, 1] = 1
    with h5py.File(path, "w") as file:
        file.create_dataset("logmel", data=logmel.astype(np.float16), chunks=(1, frames, 64))
        file["labels"] = labels
        text = h5py.string_dtype()
        file.create_dataset("clip_id", data=[f"clip{i:02}" for i in range(clips)], dtype=text)
        file["fold"] = (np.arange(clips) // 3 % 3 + 1).astype(np.int16)
        split = ["eval" if i % 3 == 2 else "train" for i in np.arange(clips) // 3]
        file.create_dataset("split", data=split, dtype=text)
        file["recording"] = file["clip_id"][()]
        file.attrs.update(
            features=json.dumps(FEATURES),
            clip_seconds=1.0,
            padding="zero",
            task=task,
            classes=json.dumps(CLASSES),
            manifest_sha256="0" * 64,
        )
    return path


@pytest.fixture
def multiclass(tmp_path):
    return write_features(tmp_path / "multiclass.h5", "multiclass")


@pytest.fixture
def multilabel(tmp_path):
    return write_features(tmp_path / "multilabel.h5", "multilabel")


@pytest.fixture
def settings(small_network):
    """Of a training on folds."""
    return small_network | {
        "seed": 7,
        "training": {
            "batch_size": 8,
            "epochs": 2,
            "learning_rate": 0.001,
            "learning_rate_schedule": "constant",
            "amsgrad": True,
            "mixup_alpha": 0.0,
            "spec_augment": {"time_stripes": 1, "time_width": 4, "mel_stripes": 1, "mel_width": 4},
            "validation": {
                "split": "none",
                "every_epochs": 1,
                "mc_samples": 2,
                "select": "last",
            },
        },
    }


@pytest.fixture
def upstream_settings(settings):
    """Of a pretraining."""
    training = {k: v for k, v in settings["training"].items() if k not in ("epochs", "validation")}
    return settings | {"training": training | {"steps": 3}}
