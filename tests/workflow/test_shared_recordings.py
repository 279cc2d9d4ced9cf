"""Audio that an upstream and a transfer dataset both hold, while the latter is edited."""

import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import soundfile
from test_rerun_matrix import planned_jobs
from workflow_harness import MICRO, Workflow

from vipann.config import merge

RESULTS = "results/micro"
TARGETS = (f"{RESULTS}/checkpoints/upstream/det.safetensors", f"{RESULTS}/manifests/up.summary.md")
LIST = f"{RESULTS}/manifests/up.shared.csv"


def write_noise(path, seed):
    path.parent.mkdir(exist_ok=True)
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, 32000)
    soundfile.write(path, samples, 8000)


@pytest.fixture
def place(tmp_path):
    """Eight upstream clips of two classes; eight of a user's own, of which one is an upstream clip,
    one another piece of an upstream clip's recording."""
    up, mine = tmp_path / "up", tmp_path / "mine"
    names = [f"{number}.wav" for number in range(7)] + ["116400__user__Dog barks.wav"]
    for seed, name in enumerate(names):
        write_noise(up / name, seed)
    split = ["train"] * 4 + ["eval"] * 3 + ["train"]
    labels = ["a", "b", "a;b", "a;b", "a", "b", "a;b", "a;b"]
    pd.DataFrame({"path": names, "labels": labels, "split": split}).to_csv(up / "l.csv")
    for number in range(6):
        write_noise(mine / f"{number}.wav", 100 + number)
    write_noise(mine / "2-116400-A-0.wav", 106)
    shutil.copy(up / "2.wav", mine / "copy.wav")
    # Each class stays in both folds when a label is edited.
    rows = [(f"{n}.wav", "cd"[n % 2], 1 + n // 2 % 2) for n in range(6)]
    rows += [("2-116400-A-0.wav", "c", 2), ("copy.wav", "d", 1)]
    pd.DataFrame(rows, columns=["path", "label", "fold"]).to_csv(mine / "l.csv")
    return tmp_path


def kept(place):
    with h5py.File(place / RESULTS / "features/up.h5") as file:
        return set(file["clip_id"].asstr()[()])


def test_upstream_networks_are_trained_anew_only_where_what_they_share_changes(place, write_config):
    """Also after a job that could not make the list."""
    block = {"adapter": "folder", "clip_seconds": 4.0, "padding": "zero"}
    own = {
        "upstream": "up",
        "transfer_datasets": ["mine"],
        "ood": None,
        "loader_workers": 0,
        "pretrain": {"batch_size": 4, "steps": {"det": 1}},
    }
    sets = {"up": ("multilabel", 0), "mine": ("multiclass", 2)}
    own["datasets"] = {
        name: block
        | {"task": task, "folds": folds, "options": {"path": str(place / name), "csv": "l.csv"}}
        for name, (task, folds) in sets.items()
    }
    config = write_config("shared", merge(MICRO, own))
    workflow = Workflow(place)

    def plan(config=config):
        return planned_jobs(workflow(config, "-n", "--quiet", "rules", "--", *TARGETS).stdout)[0]

    workflow(config, "--cores", "2", *TARGETS)
    every = {f"{number}.wav" for number in range(7)}
    assert kept(place) == every - {"2.wav"}
    listed = pd.read_csv(place / LIST).set_index("clip_id")["reason"]
    assert set(listed.index) == {"2.wav", "116400__user__Dog barks.wav"}
    assert "mine, fold 1" in listed["2.wav"]
    assert "freesound:116400 is in mine, fold 2" in listed["116400__user__Dog barks.wav"]
    page = (place / TARGETS[1]).read_text()
    assert page.count("freesound:116400 is in mine, fold 2 | 1 |") == 1
    assert plan() == {}

    trained = (place / TARGETS[0]).stat()
    labels = place / "mine/l.csv"
    labels.write_text(labels.read_text().replace("0.wav,c", "0.wav,d"))
    planned = plan()
    assert planned == {"manifest": 1, "shared_recordings": 1, "dataset_summary": 1}
    other = write_config("other", merge(MICRO, own, {"pretrain": {"learning_rate": 0.5}}))
    assert plan(other) == planned | {"pretrain": 1}
    workflow(config, "--cores", "2", *TARGETS)
    assert (place / TARGETS[0]).stat() == trained
    assert plan() == {}

    shutil.copy(place / "up/0.wav", place / "mine/another.wav")
    labels.write_text(labels.read_text() + "8,another.wav,c,2\n")
    found = workflow(config, "--cores", "2", *TARGETS, check=False)
    assert found.returncode != 0
    assert f"{LIST} is another list now" in found.stderr
    assert "Run the same command again" in found.stderr
    assert {"features", "pretrain", "dataset_summary"} <= set(plan())
    workflow(config, "--cores", "2", *TARGETS)
    assert kept(place) == every - {"0.wav", "2.wav"}
    assert plan() == {}

    before = labels.read_text()
    # All that it does not hold yet.
    others = (1, 3, 4, 5, 6)
    for number in others:
        shutil.copy(place / f"up/{number}.wav", place / f"mine/copy {number}.wav")
        labels.write_text(labels.read_text() + f"7,copy {number}.wav,c,2\n")
    found = workflow(config, "--cores", "2", *TARGETS, check=False)
    assert "up: all 8 clips share their audio with mine" in found.stderr
    for number in others:
        (place / f"mine/copy {number}.wav").unlink()
    labels.write_text(before)
    assert not {"features", "pretrain"} & set(plan())
