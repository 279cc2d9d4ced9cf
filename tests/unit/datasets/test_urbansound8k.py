"""UrbanSound8K from the official layout, on the real small archive."""

import re
from collections import Counter

import pandas as pd
import pytest

from vipann.datasets.adapters.urbansound8k import list_clips
from vipann.datasets.archives import place
from vipann.datasets.building import build_manifest
from vipann.errors import UserError

# Salamon et al. 2014, and the dataset's web page.
CLASSES = [
    "air_conditioner",
    "car_horn",
    "children_playing",
    "dog_bark",
    "drilling",
    "engine_idling",
    "gun_shot",
    "jackhammer",
    "siren",
    "street_music",
]
BLOCK = {"task": "multiclass", "clip_seconds": 4.0, "folds": [1, 2, 3, 10], "padding": "zero"}


@pytest.fixture(scope="module")
def audio(mirror, tmp_path_factory):
    folder = tmp_path_factory.mktemp("urbansound8k")
    place([mirror / "UrbanSound8K-mini.tar.gz"], folder)
    return folder


def test_the_real_archive(audio, tmp_path):
    table = build_manifest("urbansound8k", audio, BLOCK, 0, tmp_path / "m.parquet")
    assert table.classes == CLASSES
    assert Counter(table.frame["fold"]) == {1: 80, 2: 80, 3: 79, 10: 80}
    for row in table.frame.to_dict("records"):
        # The published name is source-classID-occurrence-slice, in the folder of its fold.
        assert row["labels"] == [CLASSES[int(row["clip_id"].split("-")[1])]]
        assert int(re.search(r"/fold(\d+)/", row["path"]).group(1)) == row["fold"]
        assert (audio / row["path"]).is_file()
        assert row["sources"] == [row["recording"]] == [f"freesound:{row['clip_id'].split('-')[0]}"]
    assert table.frame.groupby("recording")["fold"].nunique().max() == 1


def test_folds_and_clips_per_class(audio):
    table = list_clips(audio, BLOCK | {"options": {"folds": [3, 10], "clips_per_class": 2}}, 0)
    counts = Counter((row.fold, row.labels[0]) for row in table.frame.itertuples())
    assert counts == {(fold, name): 2 for fold in (3, 10) for name in CLASSES}
    whole = list_clips(audio, BLOCK, 0).frame
    for (fold, name), _ in counts.items():
        same = [
            row.clip_id for row in whole.itertuples() if (row.fold, row.labels[0]) == (fold, name)
        ]
        kept = [row.clip_id for row in table.frame.itertuples() if row.clip_id in same]
        assert kept == sorted(same, key=lambda clip_id: f"{clip_id}.wav")[:2]


def test_folds_of_the_config_that_the_archive_lacks_are_reported(audio, tmp_path):
    with pytest.raises(UserError, match=r"no clip is in \[4, .*folds: \[1, 2, 3, 10\]"):
        build_manifest("urbansound8k", audio, BLOCK | {"folds": 10}, 0, tmp_path / "m.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_list_of_folds_takes_these_folds(audio, tmp_path):
    own = BLOCK | {"folds": [2, 10]}
    table = build_manifest("urbansound8k", audio, own, 0, tmp_path / "m.parquet")
    assert set(table.frame["fold"]) == {2, 10}


def test_labels_keep_their_index_when_few_clips_are_kept(audio):
    assert list_clips(audio, BLOCK | {"options": {"folds": [1]}}, 0).classes == CLASSES


def test_folds_that_the_archive_lacks_are_refused(audio):
    with pytest.raises(UserError, match=r"\[4\].*\[1, 2, 3, 10\]"):
        list_clips(audio, BLOCK | {"options": {"folds": [1, 4]}}, 0)


def test_a_listed_file_that_lacks_is_named(tmp_path):
    (tmp_path / "U/metadata").mkdir(parents=True)
    row = {"slice_file_name": "1-3-0-0.wav", "fold": 1, "classID": 3, "class": "dog_bark"}
    csv = tmp_path / "U/metadata/UrbanSound8K.csv"
    pd.DataFrame([row]).to_csv(csv, index=False)
    with pytest.raises(UserError, match=r"fold1/1-3-0-0\.wav"):
        list_clips(tmp_path, BLOCK | {"folds": 1}, 0)
    pd.DataFrame([row]).drop(columns="class").to_csv(csv, index=False)
    with pytest.raises(UserError, match="class"):
        list_clips(tmp_path, BLOCK | {"folds": 1}, 0)
    csv.unlink()
    with pytest.raises(UserError, match=r"metadata/UrbanSound8K\.csv"):
        list_clips(tmp_path, BLOCK | {"folds": 1}, 0)
