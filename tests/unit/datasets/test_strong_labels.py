"""Strong labels of synthetic sounds: what was planned, heard there, and refused where it is odd."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from vipann.datasets.adapters import synthetic
from vipann.datasets.building import build_manifest
from vipann.datasets.registry import STRONGLY_LABELLED
from vipann.datasets.strong_labels import read_strong_labels, write_strong_labels
from vipann.datasets.synthesis import scenes
from vipann.errors import UserError
from vipann.files import digest

RATE = 16000
BLOCK = {
    "adapter": "synthetic",
    "task": "multilabel",
    "clip_seconds": 2.0,
    "folds": 0,
    "options": {
        "set": "events",
        "sample_rate": RATE,
        "train_clips": 8,
        "eval_clips": 8,
        "max_events": 2,
        "imbalance": 1.0,
        "snr_db": [40, 40],
        "classes": ["siren", "bell", "engine"],
    },
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of the audio, the manifest and the strong labels."""
    folder = tmp_path_factory.mktemp("audio")
    manifest, strong = folder.parent / "m.parquet", folder.parent / "strong.csv"
    synthetic.place_audio([], folder, BLOCK, 5)
    build_manifest("synthetic", folder, BLOCK, 5, manifest)
    write_strong_labels("synthetic", folder, BLOCK, manifest, strong)
    return folder, manifest, strong


def test_they_are_the_planned_events(made):
    found = read_strong_labels(made[2])
    planned = [
        (plan.clip_id, event.label, event.onset_s, min(event.onset_s + event.duration_s, 2.0))
        for plan in scenes.plan_events(BLOCK["options"], BLOCK, 5)
        for event in plan.events
    ]
    assert len(planned) > 16
    expected = pd.DataFrame(planned, columns=found.columns)
    pd.testing.assert_frame_equal(found, expected, atol=1e-9)


def test_what_they_name_is_heard_from_then_on(made):
    folder, _, strong = made
    found, heard = read_strong_labels(strong), 0
    for clip_id, own in found.groupby("clip_id"):
        onset = own["onset_s"].min()
        if onset < 0.1:
            continue
        wave, _ = soundfile.read(folder / clip_id.partition("-")[0] / f"{clip_id}.flac")
        before, after = wave[: int(onset * RATE)], wave[int(onset * RATE) :]
        assert np.mean(after[: RATE // 2] ** 2) > 20 * np.mean(before**2)
        heard += 1
    assert heard > 5


def test_audio_and_labels_stay_as_they_are(made, tmp_path):
    folder, manifest, _ = made
    before = {path: digest(path) for path in folder.rglob("*") if path.is_file()}
    write_strong_labels("synthetic", folder, BLOCK, manifest, tmp_path / "again.csv")
    assert before == {path: digest(path) for path in folder.rglob("*") if path.is_file()}
    assert (tmp_path / "again.csv").read_bytes() == made[2].read_bytes()


def test_scenes_have_them_too(tmp_path):
    block = BLOCK | {
        "task": "multiclass",
        "folds": 2,
        "options": {
            "set": "scenes",
            "sample_rate": RATE,
            "clips_per_class_and_fold": 1,
            "snr_db": [5, 25],
            "classes": ["siren", "bell"],
        },
    }
    synthetic.place_audio([], tmp_path, block, 0)
    found = synthetic.strong_labels(tmp_path, block)
    clips = synthetic.list_clips(tmp_path, block, 0).frame
    assert found["clip_id"].tolist() == clips["clip_id"].tolist()
    assert [[name] for name in found["class"]] == clips["labels"].tolist()


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("dog_bark@0.1+0.5", "of no class"),
        ("siren@1.9+0.0", "not inside of its clip"),
        ("siren@-0.5+1.0", "not inside of its clip"),
    ],
)
def test_an_odd_event_is_refused_by_clip_and_time(made, tmp_path, event, said):
    folder, manifest, _ = made
    table = pd.read_csv(folder / "labels.csv")
    table.loc[3, "events"] = event
    table.to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(UserError, match=rf"train-00003.*{said}"):
        write_strong_labels("synthetic", tmp_path, BLOCK, manifest, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_the_plan_knows_which_adapters_have_them():
    assert "synthetic" in STRONGLY_LABELLED
    assert "folder" not in STRONGLY_LABELLED
