"""What networks score where folds are wrong, and that the manifest deals or refuses such folds.

Small networks are trained on audio of which the truth is known: labels drawn at random, which
cannot be told for a recording never heard, and tones, which can be told by anybody.
"""

import copy
import shutil
from collections import Counter

import h5py
import numpy as np
import pytest
import soundfile
from recipes import train_from_scratch

from vipann.datasets.building import build_manifest
from vipann.errors import DataWarning, UserError
from vipann.evaluation.predict import predict
from vipann.evaluation.predictions import read_predictions
from vipann.features.extract import extract_features
from vipann.training import stages

pytestmark = pytest.mark.slow

RATE, BANDS = 8000, 32
BLOCK = {
    "adapter": "folder",
    "task": "multiclass",
    "clip_seconds": 1.0,
    "folds": 2,
    "padding": "zero",
    "options": {},
}
SCORING = {
    "seed": 3,
    "mc_samples": 1,
    "replications": 1,
    "dataset": "own",
    "scored_dataset": "own",
}


def write(path, frequencies, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(RATE) / RATE
    tones = sum(0.1 * np.sin(2 * np.pi * hz * t) for hz in frequencies)
    soundfile.write(path, tones + 0.01 * np.random.default_rng(seed).standard_normal(RATE), RATE)


@pytest.fixture
def trained(tmp_path, settings):
    """Whether each clip, by its id, is recognised by the network that its fold did not train.

    `fold_of` a clip's id stands in for the manifest's fold.
    """
    front_end = {
        "front_end": "logmel",
        "sample_rate": RATE,
        "hop_length": 200,
        "window_length": 512,
        "mel_bands": BANDS,
        "fmax": 4000.0,
    }
    own = copy.deepcopy(settings) | {"bands": BANDS}
    own["model"]["resnet54"] |= {"width": 4, "dropout": 0.0, "block_dropout": 0.0}
    own["model"]["two_layers"]["dropout"] = 0.0
    own["training"] |= {"epochs": 35, "learning_rate": 0.003, "batch_norm_momentum": 0.5}
    own["training"]["spec_augment"] = dict.fromkeys(own["training"]["spec_augment"], 0)

    def run(folder, manifest, fold_of=None):
        features, found = tmp_path / "features.h5", {}
        extract_features(manifest, folder, BLOCK, front_end, features, 1)
        if fold_of is not None:
            with h5py.File(features, "r+") as file:
                file["fold"][...] = [fold_of(name) for name in file["clip_id"].asstr()[()]]
        for fold in (1, 2):
            checkpoint, out = tmp_path / "net.safetensors", tmp_path / "predictions.h5"
            train_from_scratch("det", fold, features, own, checkpoint)
            predict(checkpoint, features, {"folds": [fold]}, SCORING, "cpu", 64, out)
            scored = read_predictions(out)
            chosen = scored.mean_probability[0].argmax(1)
            right = chosen == scored.labels.argmax(1)
            found |= dict(zip(scored.clip_id.tolist(), right.tolist(), strict=True))
        return found

    return run


def accuracy(found):
    return np.mean(list(found.values()))


def test_copies_are_no_second_recording_of_a_random_label(tmp_path, trained, show):
    folder, manifest = tmp_path / "mine", tmp_path / "m.parquet"
    draw = np.random.default_rng(7)
    for number in range(48):
        path = folder / f"class{number % 4}" / f"r{number:02d}.wav"
        write(path, draw.uniform(200, 3800, 6), number)
        shutil.copy(path, path.with_name(f"r{number:02d}_backup.wav"))
    with pytest.warns(DataWarning, match="48 of 96 files are copies"):
        frame = build_manifest("folder", folder, BLOCK, 0, manifest).frame
    assert frame["recording"].nunique() == 48
    assert (frame.groupby("sha256")["fold"].nunique() == 1).all()
    assert set(Counter(frame["fold"]).values()) == {48}
    joined = accuracy(trained(folder, manifest))
    apart = accuracy(trained(folder, manifest, lambda name: 1 + name.endswith("_backup.wav")))
    show("Copies, random labels in 4 classes", f"one fold: {joined:.3f}, dealt apart: {apart:.3f}")
    assert joined < 0.45
    assert apart > 0.7


def test_a_class_in_one_fold_is_never_recognised(tmp_path, trained, show, monkeypatch):
    folder, manifest = tmp_path / "mine", tmp_path / "m.parquet"
    for label, hz in (("cargo", 400), ("ferry", 900), ("tug", 2000)):
        for number in range(8):
            write(folder / label / f"{number}.wav", [hz, hz * 1.5], hz + number)
    build_manifest("folder", folder, BLOCK, 0, manifest)
    spread = trained(folder, manifest)

    def in_one_fold(name):
        return 1 if name.startswith("cargo") else 1 + int(name[-5]) % 2

    with pytest.raises(UserError, match=r"cargo.*fold 1"):
        trained(folder, manifest, in_one_fold)
    monkeypatch.setattr(stages, "refuse_lost_classes", lambda *_: None)
    alone = trained(folder, manifest, in_one_fold)
    of_cargo = [
        accuracy({name: right for name, right in found.items() if name.startswith("cargo")})
        for found in (spread, alone)
    ]
    show("A class of tones", f"in both folds: {of_cargo[0]:.3f}, in one alone: {of_cargo[1]:.3f}")
    assert of_cargo[0] > 0.9
    assert of_cargo[1] == 0
    lines = [f"{label}/{n}.wav,{label}" for label in ("cargo", "ferry", "tug") for n in range(8)]
    rows = [f"{line},{in_one_fold(line.split(',')[0])}" for line in lines]
    (folder / "t.csv").write_text("\n".join(["path,label,fold", *rows]))
    own = BLOCK | {"options": {"csv": "t.csv"}}
    with pytest.raises(UserError, match="cargo is in fold 1 only"):
        build_manifest("folder", folder, own, 0, manifest)
