"""Mixtures: traced back to their sources by an independent remix."""

import io
import tarfile
from collections import Counter

import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile

from vipann.datasets.adapters import mixtures
from vipann.datasets.adapters.mixtures import list_clips, place_audio
from vipann.datasets.building import build_manifest
from vipann.errors import UserError

OPTIONS = {
    "train_folds": [1, 2],
    "eval_folds": [10],
    "train_clips": 12,
    "eval_clips": 8,
    "max_events": 3,
    "sample_rate": 16000,
    "gain_db": [-12.0, 0.0],
    "imbalance": 1.0,
}
BLOCK = {
    "task": "multilabel",
    "clip_seconds": 5.0,
    "folds": 0,
    "padding": "zero",
    "options": OPTIONS,
}
CLASS_IDS = [1, 3, 8, 9]


def with_options(**changes) -> dict:
    return BLOCK | {"options": OPTIONS | changes}


@pytest.fixture(scope="module")
def originals(mirror, tmp_path_factory):
    """Two real clips of four classes of three folds: their archive, metadata and folder."""
    folder = tmp_path_factory.mktemp("originals")
    with tarfile.open(mirror / "UrbanSound8K-mini.tar.gz") as source:
        members = {member.name: member for member in source.getmembers()}
        meta = members["UrbanSound8K/metadata/UrbanSound8K.csv"]
        table = pd.read_csv(source.extractfile(meta))
        table = table[table["fold"].isin([1, 2, 10]) & table["classID"].isin(CLASS_IDS)]
        table = table.groupby(["fold", "classID"]).head(2)
        for row in table.itertuples():
            name = f"UrbanSound8K/audio/fold{row.fold}/{row.slice_file_name}"
            (folder / row.slice_file_name).write_bytes(source.extractfile(members[name]).read())
    archive = folder / "UrbanSound8K.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
        text = table.to_csv(index=False).encode()
        info = tarfile.TarInfo("UrbanSound8K/metadata/UrbanSound8K.csv")
        info.size = len(text)
        packed.addfile(info, io.BytesIO(text))
        for row in table.itertuples():
            name = f"UrbanSound8K/audio/fold{row.fold}/{row.slice_file_name}"
            packed.add(folder / row.slice_file_name, name)
    return archive, table.set_index("slice_file_name"), folder


@pytest.fixture(scope="module")
def made(originals, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    place_audio([originals[0]], folder, BLOCK, 7)
    return folder


def trace(folder) -> pd.DataFrame:
    table = pd.read_csv(folder / "labels.csv", dtype=str)
    for name in ("labels", "sources", "onsets_s", "gains_db"):
        table[name] = table[name].str.split(";")
    return table


def test_manifest_in_two_splits(made, originals, tmp_path):
    table = build_manifest("mixtures", made, BLOCK, 7, tmp_path / "m.parquet")
    assert Counter(table.frame["split"]) == {"train": 12, "eval": 8}
    by_id = originals[1].drop_duplicates("classID").sort_values("classID")
    assert table.classes == by_id["class"].tolist()
    assert set(table.frame["duration_s"]) == {5.0}
    assert set(table.frame["sample_rate"]) == {16000}
    for path in table.frame["path"]:
        info = soundfile.info(made / path)
        assert (info.format, info.subtype, info.channels) == ("FLAC", "PCM_16", 1)


def test_a_mixture_names_the_recordings_that_it_is_made_of(made):
    frame = list_clips(made, BLOCK, 7).frame
    assert frame["recording"].is_unique
    for sources, files in zip(frame["sources"], trace(made)["sources"], strict=True):
        assert set(sources) == {f"freesound:{file.split('-')[0]}" for file in files}


def test_only_the_mixtures_remain(made):
    assert {path.name for path in made.iterdir()} == {"train", "eval", "labels.csv", "classes.csv"}


def test_labels_are_the_classes_of_the_sources_and_folds_stay_apart(made, originals):
    meta = originals[1]
    for row in trace(made).itertuples():
        assert set(row.labels) == set(meta.loc[row.sources, "class"])
        assert 1 <= len(row.sources) <= 3
        assert set(meta.loc[row.sources, "fold"]) <= ({1, 2} if row.split == "train" else {10})


@pytest.mark.parametrize("gain_db", [[-40.0, -30.0], [-12.0, 0.0], [10.0, 20.0]])
def test_every_mixture_is_the_sum_of_its_sources(originals, tmp_path, gain_db):
    place_audio([originals[0]], tmp_path, with_options(gain_db=gain_db), 7)
    normalised = 0
    for row in trace(tmp_path).itertuples():
        remix = np.zeros(5 * 16000)
        for source, onset, gain in zip(row.sources, row.onsets_s, row.gains_db, strict=True):
            assert gain_db[0] <= float(gain) <= gain_db[1]
            clip, _ = librosa.load(originals[2] / source, sr=16000, res_type="soxr_hq")
            start = round(float(onset) * 16000)
            heard = clip[: len(remix) - start]
            assert len(heard) >= min(len(clip), len(remix) // 2)
            remix[start : start + len(heard)] += 10 ** (float(gain) / 20) * heard
        peak = np.abs(remix).max()
        normalised += peak > 1
        remix /= max(1.0, peak)
        mixture, _ = soundfile.read(tmp_path / row.path)
        np.testing.assert_allclose(mixture, remix, atol=3 / 32768)
        assert np.abs(mixture).max() > 0
    if gain_db[0] > 0:
        assert normalised > 0, "no mixture was loud enough to be normalised"


def test_eval_goes_round_the_classes_and_train_follows_the_ranks(originals, tmp_path):
    block = with_options(max_events=1, train_clips=120, imbalance=2.0, sample_rate=8000)
    place_audio([originals[0]], tmp_path, block, 1)
    frame = list_clips(tmp_path, block, 1).frame.explode("labels")
    names = list_clips(tmp_path, block, 1).classes
    assert Counter(frame[frame["split"] == "eval"]["labels"]) == dict.fromkeys(names, 2)
    train = Counter(frame[frame["split"] == "train"]["labels"])
    ranks = np.arange(1, 5) ** -2.0
    expected = 120 * ranks / ranks.sum()
    # Within four standard deviations of a binomial draw.
    for name, mean in zip(names, expected, strict=True):
        assert abs(train[name] - mean) < 4 * np.sqrt(mean * (1 - mean / 120))


def contents(folder) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_same_seed_same_bytes_and_another_seed_another_set(made, originals, tmp_path):
    for name, seed in (("same", 7), ("other", 8)):
        (tmp_path / name).mkdir()
        place_audio([originals[0]], tmp_path / name, BLOCK, seed)
    first, same, other = (contents(path) for path in (made, tmp_path / "same", tmp_path / "other"))
    assert first == same
    assert other["labels.csv"] != first["labels.csv"]


def test_more_mixtures_leave_the_first_ones_as_they_were(made, originals, tmp_path):
    place_audio([originals[0]], tmp_path, with_options(train_clips=15), 7)
    longer, shorter = contents(tmp_path), contents(made)
    assert set(shorter) < set(longer)
    for name in set(shorter) - {"labels.csv"}:
        assert longer[name] == shorter[name]


def test_clips_per_class_limits_the_sources(originals, tmp_path):
    place_audio([originals[0]], tmp_path, with_options(clips_per_class=1, train_clips=30), 0)
    sources = {source for row in trace(tmp_path).itertuples() for source in row.sources}
    kept = originals[1].loc[sorted(sources)]
    assert len(kept) > 4
    assert not kept.duplicated(["fold", "classID"]).any()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"eval_folds": [2, 10]}, r"share fold\(s\) \[2\]"),
        ({"eval_folds": [4]}, r"\[4\]"),
        ({"gain_db": [0, -12]}, "gain_db"),
    ],
)
def test_wrong_options_are_named_and_nothing_is_left_unpacked(originals, tmp_path, changes, what):
    with pytest.raises(UserError, match=what):
        place_audio([originals[0]], tmp_path, with_options(**changes), 0)
    assert not (tmp_path / ".originals").exists()


def test_an_unfinished_set_is_not_listed(originals, tmp_path, monkeypatch):
    def disk_full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mixtures.soundfile, "write", disk_full)
    with pytest.raises(OSError, match="No space"):
        place_audio([originals[0]], tmp_path, BLOCK, 0)
    assert not (tmp_path / ".originals").exists()
    with pytest.raises(UserError, match=r"labels\.csv"):
        list_clips(tmp_path, BLOCK, 0)
