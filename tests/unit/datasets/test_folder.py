"""The user's own recordings by class folders, whole and in windows."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from own_recordings import block, write

from vipann.audio.walk import AUDIO_SUFFIXES
from vipann.config import read_layer
from vipann.datasets.adapters.folder import list_clips, place_audio
from vipann.datasets.building import build_manifest
from vipann.datasets.manifest import read_manifest
from vipann.errors import UserError
from vipann.features.extract import extract_features
from vipann.features.rejected import rejected_list
from vipann.parts import feature_settings

ROOT = Path(__file__).parents[3]


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


def test_a_folder_without_audio_is_reported_all_that_was_looked_for(tmp_path):
    with pytest.raises(UserError, match="no recordings found") as caught:
        list_clips(tmp_path, block(), 0)
    assert all(suffix in str(caught.value) for suffix in AUDIO_SUFFIXES)


@pytest.mark.parametrize("suffix", ["wma", "voc", "8svx"])
def test_audio_of_a_format_that_is_not_read_is_not_left_out_without_a_word(tmp_path, suffix):
    write(tmp_path / "owl/a.wav")
    (tmp_path / f"owl/b.{suffix}").write_bytes(b"audio")
    with pytest.raises(UserError, match=rf"owl/b\.{suffix} .*convert it to wav or flac"):
        list_clips(tmp_path, block(), 0)


def test_class_folders_may_be_links(tmp_path):
    write(tmp_path / "store" / "deep" / "a.wav")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dog").symlink_to("../store")
    table = list_clips(tmp_path / "mine", block(), 0)
    assert table.classes == ["dog"]
    assert table.frame["path"].tolist() == ["dog/deep/a.wav"]


def test_two_names_of_one_folder_are_refused_only_where_folders_are_classes(tmp_path):
    mine = tmp_path / "mine"
    write(mine / "2024/a.wav")
    write(mine / "2023/b.wav")
    (mine / "current").symlink_to("2024")
    with pytest.raises(UserError, match=r"mine/current and 2024 .*the same folder: remove"):
        list_clips(mine, block(), 0)
    both = ["2023/b.wav", "2024/a.wav"]
    assert list_clips(mine, block("unlabelled"), 0).frame["path"].tolist() == both
    (mine / "clips.csv").write_text("path,label\ncurrent/a.wav,owl\n2023/b.wav,wren\n")
    frame = list_clips(mine, block(csv="clips.csv"), 0).frame
    assert frame["path"].tolist() == ["current/a.wav", "2023/b.wav"]


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
    front_end = feature_settings(read_layer(ROOT / "config/config.yaml")["features"])
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


def test_path_option_reads_in_place(tmp_path):
    write(tmp_path / "mine" / "dog" / "a.wav")
    (tmp_path / "audio").mkdir()
    place_audio([], tmp_path / "audio", block(path=str(tmp_path / "mine")), 0)
    assert list((tmp_path / "audio").iterdir()) == []
    with pytest.raises(UserError, match=r"options\.path"):
        place_audio([], tmp_path / "audio", block(path=str(tmp_path / "absent")), 0)
    with pytest.raises(UserError, match="absent"):
        list_clips(tmp_path / "absent", block(), 0)
    with pytest.raises(UserError, match="no recordings"):
        list_clips(tmp_path / "audio", block(), 0)


def test_names_of_freesound_add_their_recording_to_the_sources(tmp_path):
    for name in ("116400__user__dog.wav", "2-114587-A-0.wav", "2020-05-13.wav"):
        write(tmp_path / "dog" / name)
    frame = list_clips(tmp_path, block(clip_seconds=0.25, windows=True), 0).frame
    assert frame["recording"].tolist() == frame["path"].tolist()
    sources = dict(zip(frame["path"], frame["sources"], strict=True))
    assert sources == {
        "dog/116400__user__dog.wav": ["dog/116400__user__dog.wav", "freesound:116400"],
        "dog/2-114587-A-0.wav": ["dog/2-114587-A-0.wav", "freesound:114587"],
        "dog/2020-05-13.wav": ["dog/2020-05-13.wav"],
    }
    assert len(frame) == 6
