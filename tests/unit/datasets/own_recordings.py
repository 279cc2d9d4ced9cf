"""Folders and tables of a user's own recordings, as tests make them."""

import numpy as np
import soundfile


def block(task="multiclass", clip_seconds=5.0, **options) -> dict:
    return {
        "task": task,
        "clip_seconds": clip_seconds,
        "folds": 0,
        "padding": "zero",
        "options": options,
    }


def write(path, samples=4000, rate=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = [samples, *str(path).encode()]
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, samples)
    soundfile.write(path, noise, rate)
