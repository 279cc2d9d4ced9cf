"""The user's own recordings, by class folders and by CSV, whole and in windows."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vipann.config import read_layer
from vipann.datasets.folder import list_clips, place_audio
from vipann.datasets.manifest import build_manifest, read_manifest
from vipann.errors import UserError
from vipann.features.extract import extract_features
from vipann.features.rejected import rejected_list

ROOT = Path(__file__).parents[3]


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


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("folder")


def test_real_ships_by_class_folder(mirror, tmp_path):
    table = build_manifest("folder", mirror / "deepship", block(), 0, tmp_path / "m.parquet")
    assert table.classes == ["Passengership", "Tanker"]
    found = {
        path.relative_to(mirror / "deepship").as_posix() for path in mirror.glob("deepship/*/*.wav")
    }
    assert set(table.frame["path"]) == found
    for row in table.frame.itertuples():
        assert row.labels == [row.path.split("/")[0]]
        assert row.clip_id == row.path
        assert row.duration_s == 5.0


def test_real_ships_from_single_files_and_csv_in_windows(mirror, tmp_path):
    """Windows against the durations that the CSV's own authors give."""
    with (mirror / "deepship" / "clips.csv").open() as stream:
        every = list(csv.DictReader(stream))
    listed = [*every[:3], every[-1]]
    archives = tmp_path / "ships" / "archives"
    for label in ("Passengership", "Tanker"):
        (archives / label).mkdir(parents=True)
    for row in listed:
        (archives / row["path"]).symlink_to(mirror / "deepship" / row["path"])
    with (archives / "clips.csv").open("w") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)
    files = [*(archives / row["path"] for row in listed), archives / "clips.csv"]
    own = block(clip_seconds=4.0, csv="clips.csv", windows=True)
    (tmp_path / "audio").mkdir()
    place_audio(files, tmp_path / "audio", own, 0)
    frame = build_manifest("folder", tmp_path / "audio", own, 0, tmp_path / "m.parquet").frame
    for row in listed:
        windows = frame[frame["path"] == row["path"]]
        duration = float(row["duration_s"])
        expected = [
            (4.0 * k, min(4.0, duration - 4.0 * k)) for k in range(9) if duration - 4 * k >= 2
        ]
        assert list(zip(windows["offset_s"], windows["duration_s"], strict=True)) == expected
        assert set(windows["labels"].explode()) == {row["label"]}
        assert windows["clip_id"].tolist() == [
            f"{row['path']}#{number:03d}" for number in range(len(expected))
        ]


@given(
    st.integers(1, 5000),
    st.sampled_from([1000, 5120, 22050]),
    st.sampled_from([0.01, 0.1, 0.25, 1.0]),
)
@example(1000, 1000, 1.0)
@example(1500, 1000, 1.0)
@example(1499, 1000, 1.0)
@example(499, 1000, 1.0)
@settings(deadline=None, max_examples=60)
def test_windows_cover_the_recording(scratch, frames, rate, clip_seconds):
    folder = scratch / "windows"
    write(folder / "a.wav", frames, rate)
    own = block("unlabelled", clip_seconds, windows=True)
    frame = list_clips(folder, own, 0).frame
    duration = frames / rate
    end = frame["offset_s"].iloc[-1] + frame["duration_s"].iloc[-1]
    assert frame["offset_s"].tolist() == [clip_seconds * k for k in range(len(frame))]
    assert (frame["duration_s"].iloc[:-1] == clip_seconds).all()
    assert frame["duration_s"].max() <= clip_seconds
    assert end <= duration + 1e-9
    assert duration - end < clip_seconds / 2 + 1 / rate
    if len(frame) > 1:
        assert frame["duration_s"].iloc[-1] >= clip_seconds / 2 - 1 / rate


def test_without_windows_a_recording_is_one_clip(tmp_path):
    write(tmp_path / "a.wav", 20000)
    row = list_clips(tmp_path, block("unlabelled", 2.0), 0).frame.iloc[0]
    assert (row["offset_s"], row["duration_s"]) == (0.0, 2.0)


def test_every_format_that_is_promised(tmp_path):
    for suffix in ("wav", "flac", "ogg", "mp3", "WAV"):
        write(tmp_path / f"x.{suffix}", 16000, 16000)
    (tmp_path / "readme.txt").write_text("not audio")
    (tmp_path / "._x.wav").write_text("what macOS leaves")
    frame = list_clips(tmp_path, block("unlabelled"), 0).frame
    assert frame["clip_id"].tolist() == ["x.WAV", "x.flac", "x.mp3", "x.ogg", "x.wav"]
    assert frame["duration_s"].to_numpy() == pytest.approx(1.0, abs=0.1)


def test_class_folders_may_be_links(tmp_path):
    write(tmp_path / "store" / "deep" / "a.wav")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dog").symlink_to("../store")
    table = list_clips(tmp_path / "mine", block(), 0)
    assert table.classes == ["dog"]
    assert table.frame["path"].tolist() == ["dog/deep/a.wav"]


def test_odd_formats_unlabelled(mirror, tmp_path):
    own = block("unlabelled", 2.0, windows=True)
    table = build_manifest("folder", mirror / "odd-formats", own, 0, tmp_path / "m.parquet")
    assert table.classes == []
    assert table.frame["path"].nunique() == 9
    assert all(labels == [] for labels in table.frame["labels"])


@pytest.mark.parametrize("windows", [False, True])
def test_a_broken_file_stays_listed_for_the_features_to_refuse(tmp_path, windows):
    write(tmp_path / "mine/dog/a.wav")
    write(tmp_path / "mine/owl/a.wav")
    for name, content in (("broken", b"RIFF and then nothing"), ("empty", b"")):
        (tmp_path / f"mine/dog/{name}.wav").write_bytes(content)
    own = block(windows=windows)
    build_manifest("folder", tmp_path / "mine", own, 0, tmp_path / "m.parquet")
    frame = read_manifest(tmp_path / "m.parquet").frame
    paths = ["dog/a.wav", "dog/broken.wav", "dog/empty.wav", "owl/a.wav"]
    assert frame["path"].tolist() == paths
    assert (frame["sample_rate"] > 0).tolist() == [True, False, False, True]
    out = tmp_path / "f.h5"
    front_end = read_layer(ROOT / "config/config.yaml")["features"]
    paths = (tmp_path / "m.parquet", tmp_path / "mine", own, front_end, out, 1)
    with pytest.raises(UserError, match="2 of 4"):
        extract_features(*paths, max_rejected=0.4)
    extract_features(*paths, max_rejected=0.7)
    refused = pd.read_csv(rejected_list(out))
    assert refused["path"].tolist() == ["dog/broken.wav", "dog/empty.wav"]


@pytest.mark.parametrize("name", ["dog/film.mkv", "dog/speech.m4a"])
def test_files_that_nothing_here_can_read_are_named(tmp_path, name, monkeypatch):
    write(tmp_path / "dog" / "a.wav")
    (tmp_path / name).write_bytes(b"something")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=name):
        list_clips(tmp_path, block(), 0)


def test_a_clip_without_a_class_folder_is_named(tmp_path):
    write(tmp_path / "a.wav")
    with pytest.raises(UserError, match=r"a\.wav has no label"):
        list_clips(tmp_path, block(), 0)


def test_multilabel_csv_with_fold_and_split(tmp_path):
    write(tmp_path / "a.wav")
    write(tmp_path / "b" / "c.wav")
    text = "\ufeffpath,labels,fold,split\na.wav,dog; cat,2,train\nb/c.wav,,,\n"
    (tmp_path / "mine.csv").write_text(text, encoding="utf-8")
    table = list_clips(tmp_path, block("multilabel", csv="mine.csv"), 0)
    assert table.classes == ["cat", "dog"]
    assert table.frame["labels"].tolist() == [["dog", "cat"], []]
    assert table.frame["fold"].tolist() == [2, 0]
    assert table.frame["split"].tolist() == ["train", ""]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("file,label\na.wav,dog\n", r"lacks the column\(s\) path"),
        ("path\na.wav\n", "`label` or a column `labels`"),
        ("path,label,labels\na.wav,dog,dog\n", "`label` or a column `labels`"),
        ("path,label\na.wav,\n", "line 2: the label is empty"),
        ("path,label\na.wav,dog\n../x.wav,dog\n", "line 3.*outside"),
        ("path,label,fold\na.wav,dog,one\n", "line 2: fold 'one'"),
        ("path,label,split\na.wav,dog,test\n", "line 2: split 'test'"),
        ("path,label\nz.wav,dog\n", r"z\.wav"),
        ("", r"mine\.csv"),
    ],
)
def test_wrong_csvs_are_named(tmp_path, text, what):
    write(tmp_path / "a.wav")
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(UserError, match=what):
        list_clips(tmp_path, block(csv="mine.csv"), 0)


def test_folds_are_dealt_by_recording_and_group_where_the_csv_has_none(mirror, tmp_path):
    """Real ships: windows of one recording, and the recordings of one ship, share a fold."""
    own = block(csv="clips.csv", windows=True) | {"folds": 3}
    with (mirror / "deepship" / "clips.csv").open() as stream:
        ship_of = {row["path"]: row["ship"] for row in csv.DictReader(stream)}
    (tmp_path / "Passengership").symlink_to(mirror / "deepship" / "Passengership")
    (tmp_path / "Tanker").symlink_to(mirror / "deepship" / "Tanker")
    for column in ("ship", "group"):
        text = (mirror / "deepship" / "clips.csv").read_text()
        (tmp_path / "clips.csv").write_text(text.replace(",ship,", f",{column},", 1))
        frame = build_manifest("folder", tmp_path, own, 0, tmp_path / "m.parquet").frame
        assert (frame.groupby("path")["fold"].nunique() == 1).all()
        if column == "group":
            folds = frame.groupby(frame["path"].map(ship_of))["fold"].nunique()
            assert (folds == 1).all()
            assert len(folds) < frame["path"].nunique()
        else:
            longest = frame.groupby("path").size().max()
            for _, clips in frame.groupby(frame["labels"].str[0]):
                sizes = clips["fold"].value_counts().reindex([1, 2, 3], fill_value=0)
                assert sizes.max() - sizes.min() <= longest
        again = list_clips(tmp_path, own, 99).frame
        assert again["fold"].tolist() == frame["fold"].tolist(), "folds depend on the run's seed"


def test_class_folders_get_folds_too(tmp_path):
    for label, count in (("cat", 4), ("dog", 7)):
        for number in range(count):
            write(tmp_path / label / f"{number}.wav")
    frame = list_clips(tmp_path, block() | {"folds": [1, 5]}, 0).frame
    counts = frame.groupby([frame["labels"].str[0], "fold"]).size()
    assert counts["cat"].tolist() == [2, 2]
    assert sorted(counts["dog"]) == [3, 4]


def test_half_given_and_unknown_folds_are_told_by_line(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / f"{name}.wav")
    for text, what in (
        ("path,label,fold\na.wav,dog,1\nb.wav,cat,\n", "line 3: the fold is empty"),
        ("path,label,fold\na.wav,dog,1\nb.wav,cat,7\n", "line 3: .*fold other than 1 to 2"),
    ):
        (tmp_path / "mine.csv").write_text(text)
        with pytest.raises(UserError, match=rf"mine\.csv, {what}"):
            build_manifest(
                "folder", tmp_path, block(csv="mine.csv") | {"folds": 2}, 0, tmp_path / "m"
            )


def test_path_option_reads_in_place(tmp_path):
    write(tmp_path / "mine" / "dog" / "a.wav")
    (tmp_path / "audio").mkdir()
    place_audio([], tmp_path / "audio", block(path=str(tmp_path / "mine")), 0)
    assert list((tmp_path / "audio").iterdir()) == []
    with pytest.raises(UserError, match=r"options\.path"):
        place_audio([], tmp_path / "audio", block(path=str(tmp_path / "absent")), 0)
    with pytest.raises(UserError, match=r"options\.path"):
        place_audio([], tmp_path / "audio", block(), 0)
    with pytest.raises(UserError, match="absent"):
        list_clips(tmp_path / "absent", block(), 0)
    with pytest.raises(UserError, match="no recordings"):
        list_clips(tmp_path / "audio", block(), 0)
