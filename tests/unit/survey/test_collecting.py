"""Reviewed clips and those before them as one dataset."""

import pandas as pd
import pytest
from finished_run import noise, write_wav

from vipann.cli.main import main
from vipann.datasets.building import build_manifest
from vipann.errors import UserError
from vipann.survey.collecting import collect

REVIEWED = "path,label,group,recording,start_seconds,end_seconds,order\n"


@pytest.fixture
def place(tmp_path):
    """Clips in folders by class, and a review of two recordings with its labels."""
    for number, name in enumerate(["seal/a.wav", "seal/b.wav", "whale/c.wav", "whale/d.wav"]):
        write_wav(tmp_path / "data" / name, noise(1, seed=number))
    lines = [
        ("x", "whale", "night/1.wav"),
        ("y", "seal", "night/1.wav"),
        ("z", "other", "night/2.wav"),
    ]
    rows = ""
    for number, (clip, label, group) in enumerate(lines):
        write_wav(tmp_path / f"season/review/clips/{clip}.wav", noise(1, seed=10 + number))
        rows += f"clips/{clip}.wav,{label},{group},{group},0,1,audit\n"
    (tmp_path / "season/review/labels.csv").write_text(REVIEWED + rows)
    return tmp_path


def manifest(folder, task="multiclass"):
    options = {"path": str(folder), "csv": "clips.csv"}
    block = {"task": task, "clip_seconds": 1.0, "folds": 2, "options": options}
    block |= {"folds": 0} if task == "multilabel" else {}
    return build_manifest("folder", folder, block, 1, folder / "manifest.parquet").frame


def test_both_are_one_dataset_with_the_groups_of_recordings(place, capsys):
    arguments = ["collect", str(place / "season/review"), "--data", str(place / "data")]
    assert main([*arguments, "--out", str(place / "next"), "--without-other"]) == 0
    assert f"options: {{path: {place}/next, csv: clips.csv}}" in capsys.readouterr().out
    found = manifest(place / "next").set_index("path")
    assert {path: labels[0] for path, labels in found["labels"].items()} == {
        "data/seal/a.wav": "seal",
        "data/seal/b.wav": "seal",
        "data/whale/c.wav": "whale",
        "data/whale/d.wav": "whale",
        "review/clips/x.wav": "whale",
        "review/clips/y.wav": "seal",
    }
    night = found.loc[["review/clips/x.wav", "review/clips/y.wav"]]
    assert night["recording"].tolist() == ["night/1.wav"] * 2
    assert night["fold"].nunique() == 1
    assert found["recording"].nunique() == 5


def test_what_is_none_of_the_classes_is_one_unless_it_is_left_out(place):
    assert collect([place / "season/review"], place / "next", place / "data") == 7
    table = pd.read_csv(place / "next/clips.csv")
    assert table["label"].tolist().count("other") == 1
    # Again, over what is there.
    assert collect([place / "season/review"], place / "next", None, keep_other=False) == 2


def test_a_table_of_several_labels_makes_the_dataset_one(place):
    (place / "data/clips.csv").write_text(
        "path,labels,group\nseal/a.wav,seal;whale,pool\nseal/b.wav,,pool\n"
    )
    assert collect([place / "season/review"], place / "next", place / "data", "clips.csv") == 5
    found = manifest(place / "next", "multilabel").set_index("path")
    assert list(found.loc["data/seal/a.wav", "labels"]) == ["seal", "whale"]
    assert list(found.loc["data/seal/b.wav", "labels"]) == []
    assert found.loc["data/seal/b.wav", "recording"] == "pool"


def test_faults_are_named(place):
    with pytest.raises(UserError, match=r"data/labels\.csv is not there: label the review"):
        collect([place / "data"], place / "next")
    with pytest.raises(UserError, match="nowhere is not a folder"):
        collect([place / "nowhere"], place / "next")
    with pytest.raises(UserError, match="has the name of another"):
        collect([place / "season/review", place / "season/review"], place / "next")
