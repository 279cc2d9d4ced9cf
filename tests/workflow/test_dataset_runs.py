"""Each of the paper's datasets, from its archive or folder to its features, on real audio."""

import re
import zipfile
from io import BytesIO

import h5py
import numpy as np
import pandas as pd
import pytest
import soundfile
from workflow_harness import MICRO, ROOT, Workflow

from vipann.config import merge, read_layer
from vipann.datasets.adapters.dcase2013 import CLASSES as SCENES
from vipann.files import digest

SHIPS = ("6__10_07_13_marDeCangas_Entra.wav", "93__A__Draga_1.wav", "07_10_07_13_Espera.wav")
MIRRORED = ("ESC-10.zip", "UrbanSound8K-mini.tar.gz", "audioset-sample")


@pytest.fixture(scope="module")
def places(mirror, tmp_path_factory):
    """A mirror, a folder of AudioSet's clips (one broken), and one of ship recordings."""
    root = tmp_path_factory.mktemp("places")
    for name in ("mirror", "clips", "ships"):
        (root / name).mkdir()
    for name in MIRRORED:
        (root / "mirror" / name).symlink_to(mirror / name)
    write_scenes(root / "mirror/scenes_stereo.zip", mirror)
    clips = sorted((mirror / "audioset-sample/audio").glob("*.wav"))
    for clip in clips[:-1]:
        (root / "clips" / clip.name).symlink_to(clip)
    (root / "clips" / clips[-1].name).write_bytes(clips[-1].read_bytes()[:30])
    for name, recording in zip(SHIPS, sorted(mirror.glob("deepship/*/*.wav")), strict=False):
        (root / "ships" / name).symlink_to(recording)
    return root


def write_scenes(archive, mirror):
    """An archive of DCASE2013's layout: each scene is a short stereo piece of a real clip."""
    clips = sorted((mirror / "audioset-sample/audio").glob("*.wav"))
    with zipfile.ZipFile(archive, "w") as packed:
        for number, (scene, take) in enumerate((s, t) for s in SCENES for t in range(1, 11)):
            samples, rate = soundfile.read(clips[number % len(clips)], always_2d=True)
            first = (number // len(clips)) * rate // 10
            piece = BytesIO()
            part = samples[first : first + rate // 5, [0, -1]]
            soundfile.write(piece, part, rate, format="WAV")
            packed.writestr(f"scenes_stereo/{scene}{take:02d}.wav", piece.getvalue())


@pytest.fixture(scope="module")
def extracted(places, tmp_path_factory, write_config):
    paper = read_layer(ROOT / "config/config.yaml")["datasets"]
    small = read_layer(ROOT / "config/esc10.yaml")["datasets"]
    scenes = places / "mirror/scenes_stereo.zip"
    clips, ships = str(places / "clips"), str(places / "ships")
    archive = paper["dcase2013"]["archives"][0] | {"md5": [], "sha256": [digest(scenes)]}
    datasets = {
        "esc50": {key: paper["esc10"][key] for key in ("archives", "options")},
        "urbansound8k": {
            "archives": small["urban_mixtures"]["archives"],
            "folds": [1, 2, 3, 10],
        },
        "dcase2013": {"archives": [archive]},
        "audioset": {"shards": 2, "options": {"audio_dir": clips}},
        "shipsear": {"options": {"path": ships}},
    }
    own = {"data": {"mirror": str(places / "mirror")}, "datasets": datasets}
    workflow = Workflow(tmp_path_factory.mktemp("datasets"))
    targets = [
        f"results/micro/{kind}"
        for name in [*(datasets.keys() - {"shipsear"}), "shipsear_5s"]
        for kind in (f"features/{name}.h5", f"manifests/{name}.summary.csv")
    ]
    config = merge(MICRO, own)
    workflow(write_config("datasets", config), "--cores", "2", *targets)
    return workflow, config


@pytest.fixture(scope="module")
def finished(extracted):
    return extracted[0].directory / "results/micro"


def test_a_run_of_another_seed_takes_the_audio_that_is_there(extracted, write_config):
    workflow, config = extracted
    for seed in (1, 2):
        other = write_config("other", merge(config, {"run": f"seed{seed}", "seed": seed}))
        targets = [f"results/seed{seed}/features/{name}.h5" for name in ("esc50", "audioset")]
        plan = workflow(other, "-n", "--quiet", "rules", "--", *targets).stdout
        # Of AudioSet only what no transfer dataset holds.
        assert re.search(r"^manifest +4$", plan, re.MULTILINE), plan
        assert not re.search(r"^(audio|download) ", plan, re.MULTILINE), plan


@pytest.mark.parametrize(
    ("name", "clips", "classes", "folds"),
    [
        ("esc50", 400, 10, [1, 2, 3, 4, 5]),
        ("urbansound8k", 319, 10, [1, 2, 3, 10]),
        ("dcase2013", 100, 10, [1, 2, 3, 4, 5]),
        ("audioset", 6, 527, [0]),
    ],
)
def test_each_datasets_clips_reach_its_features(finished, name, clips, classes, folds):
    with h5py.File(finished / f"features/{name}.h5") as file:
        assert file["logmel"].shape[0] == clips
        assert file["labels"].shape == (clips, classes)
        assert sorted(set(file["fold"][()].tolist())) == folds
        logmel = file["logmel"][()].astype(float)
    assert np.isfinite(logmel).all()
    assert (logmel.max(axis=(1, 2)) > logmel.min() + 10).all()


def test_ship_recordings_become_windows_without_labels(finished):
    manifest = pd.read_parquet(finished / "manifests/shipsear_5s.parquet")
    assert set(manifest["path"].map(lambda path: path.rsplit("/", 1)[-1])) == set(SHIPS)
    with h5py.File(finished / "features/shipsear_5s.h5") as file:
        assert file["logmel"].shape[0] == len(manifest) > len(SHIPS)
        assert file["labels"].shape[1] == 0


def test_what_could_not_be_had_of_audioset_is_told(finished, places):
    missing = pd.read_csv(finished / "manifests/audioset.missing.csv").set_index("clip_id")
    (broken,) = (path.stem for path in (places / "clips").glob("*.wav") if not path.is_symlink())
    assert "cannot be decoded" in missing.loc[broken, "reason"]
    others = missing.drop(broken)
    assert set(others["reason"]) == {"no file in the audio folder"}
    summary = pd.read_csv(finished / "manifests/audioset.summary.csv")
    assert summary[summary["what"] == "missing"]["clips"].sum() == len(missing)
