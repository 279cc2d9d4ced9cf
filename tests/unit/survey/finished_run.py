"""The results of a small run, as training and prediction leave them, without either."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import soundfile
import torch

from vipann.evaluation.predictions import Predictions, write_predictions
from vipann.models.checkpoints import save_checkpoint
from vipann.models.strategies import build_transferred
from vipann.parts import feature_settings

SOURCE = Path(__file__).parents[3] / "src"
CLASSES = ["dog", "rain", "siren"]
RATE, CLIP_SECONDS, CLIPS = 8000, 1.0, 12
FEATURES = feature_settings(
    {
        "front_end": "logmel",
        "logmel": {
            "sample_rate": RATE,
            "window_length": 256,
            "hop_length": 200,
            "mel_bands": 32,
            "fmax": 4000.0,
        },
    }
)
SETTINGS = {
    "model": {
        "encoder": "frame_mlp",
        "frame_mlp": {"hidden": 8, "dropout": 0.2},
        "pooling": "mean",
        "head": "two_layers",
    },
    "bands": 32,
    "bayesian": {
        "prior_mu": 0.0,
        "prior_sigma": 1.0,
        "posterior_mu_init": 0.0,
        "posterior_rho_init": -1.0,
        "signs": "element",
    },
    "code": "0123456789abcdef",
    "seed": 5,
    "training": {"epochs": 3},
}


def make_run(folder, strategy="det_flip", *, frozen=True, task="multiclass", dataset="scenes"):
    """A folder of results with networks of two folds; `frozen`: of one backbone."""
    torch.manual_seed(1)
    backbone = None
    for fold in (1, 2):
        network = build_transferred(strategy, len(CLASSES), SETTINGS)
        if frozen and backbone is not None:
            network.encoder.load_state_dict(backbone)
        backbone = network.encoder.state_dict()
        facts = {
            "classes": CLASSES,
            "features": FEATURES,
            "task": task,
            "clip_seconds": CLIP_SECONDS,
            "strategy": strategy,
            "phase": "fixed",
            "fold": fold,
            "settings": SETTINGS,
            "last_step": {"loss": 0.5},
        }
        path = folder / "checkpoints" / dataset / strategy / f"fold{fold}"
        path.mkdir(parents=True, exist_ok=True)
        save_checkpoint(network, path / "fixed.safetensors", facts)
        predictions = folder / "predictions" / dataset / strategy / f"fold{fold}" / "fixed.h5"
        predictions.parent.mkdir(parents=True, exist_ok=True)
        write_predictions(predictions_of(fold, strategy, task, dataset), predictions)
    (folder / "features").mkdir(exist_ok=True)
    write_features(folder / "features" / f"{dataset}.h5", task)
    return folder


def write_features(path, task):
    """Of the clips of both folds; what they sound like is drawn at random."""
    folds = np.repeat([1, 2], CLIPS)
    names = [f"fold{fold}-{n}" for fold in (1, 2) for n in range(CLIPS)]
    logmel = np.random.default_rng(3).standard_normal((2 * CLIPS, 41, 32)).astype(np.float16)
    with h5py.File(path, "w") as file:
        file.create_dataset("logmel", data=logmel, chunks=(1, 41, 32))
        file["labels"] = np.eye(3, dtype=np.uint8)[np.arange(2 * CLIPS) % 3]
        file["fold"] = folds.astype(np.int16)
        for name in ("clip_id", "split", "recording"):
            file.create_dataset(name, data=names, dtype=h5py.string_dtype())
        file.attrs.update(
            features=json.dumps(FEATURES),
            clip_seconds=CLIP_SECONDS,
            padding="zero",
            task=task,
            classes=json.dumps(CLASSES),
            manifest_sha256="",
        )


def predictions_of(fold, strategy="det_flip", task="multiclass", dataset="scenes"):
    rng = np.random.default_rng(fold)
    clips, replications = CLIPS, 1 if strategy == "det" else 3
    probability = rng.dirichlet(np.ones(3), (replications, clips)).astype(np.float32)
    spread = rng.random((3, replications, clips)).astype(np.float32)
    return Predictions(
        mean_probability=probability,
        total=spread[0],
        aleatoric=spread[1],
        epistemic=spread[2],
        labels=np.eye(3, dtype=np.uint8)[np.arange(clips) % 3],
        clip_id=np.array([f"fold{fold}-{n}" for n in range(clips)]),
        recording=np.array([f"fold{fold}-{n // 2}" for n in range(clips)]),
        task=task,
        dataset=dataset,
        scored_dataset=dataset,
        strategy=strategy,
        phase="fixed",
        fold=fold,
        mc_samples=4,
        seed=7,
        classes=tuple(CLASSES),
        clip_seconds=CLIP_SECONDS,
    )


def checkout_first():
    """The environment of a process that imports this checkout's library."""
    paths = [str(SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def noise(seconds, seed=0, rate=RATE):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))


def write_wav(path, samples, rate=RATE, subtype="FLOAT"):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples.astype(np.float32), rate, subtype=subtype)
    return path
