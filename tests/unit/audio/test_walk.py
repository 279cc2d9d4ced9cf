"""The audio below a folder: each file once, and nothing left out without a word."""

import os
import shutil
from pathlib import Path

import pytest
import soundfile
from damaged import write
from unprivileged import as_nobody

from vipann.audio.probe import inspect_audio
from vipann.audio.walk import LIBSNDFILE_SUFFIXES, find_audio
from vipann.errors import UserError


@pytest.fixture
def birds(tmp_path):
    folder = tmp_path / "birds"
    for name in ("owl/a.wav", "owl/b.WAV", "wren/a.flac"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"audio")
    return folder


BIRDS = ["owl/a.wav", "owl/b.WAV", "wren/a.flac"]


def odd(folder: Path, name: bytes) -> None:
    path = os.fsencode(folder) + b"/" + name
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
    os.close(os.open(path, os.O_CREAT))


def test_suffixes_are_those_of_formats_that_libsndfile_has(tmp_path):
    known = soundfile.available_formats()
    assert set(LIBSNDFILE_SUFFIXES.values()) <= set(known)
    written = {".wav": {}, ".aifc": {}, ".caf": {}, ".snd": {}, ".rf64": {}, ".wave": {}}
    for suffix in written:
        write(tmp_path / f"x{suffix}", 1.0, format=LIBSNDFILE_SUFFIXES[suffix], subtype="PCM_16")
        assert inspect_audio(tmp_path, f"x{suffix}").duration_s == 1.0
    assert find_audio(tmp_path).audio == sorted(f"x{suffix}" for suffix in written)


def test_what_is_skipped_is_counted_by_suffix(birds):
    for name in ("owl/notes.txt", "wren/list.TXT", "wren/README", "owl/x.wma", ".hidden/x.txt"):
        (birds / name).parent.mkdir(exist_ok=True)
        (birds / name).write_text("x")
    (birds / "owl/._a.wav").write_text("what macOS leaves")
    found = find_audio(birds)
    assert found.audio == BIRDS
    assert found.skipped == {".txt": 2, "": 1, ".wma": 1}
    assert found.skipped_text() == "2 .txt, 1 without suffix, 1 .wma"


def test_links_to_parents_lead_nowhere(birds):
    (birds / "all").symlink_to(".")
    (birds / "owl/up").symlink_to("..")
    (birds / "wren/up").symlink_to("..")
    (birds / "wren/itself").symlink_to("itself")
    assert find_audio(birds).audio == BIRDS


def test_links_into_a_store_are_followed_and_each_folder_is_read_once(birds, tmp_path):
    store = tmp_path / "store"
    (store / "deep").mkdir(parents=True)
    (store / "deep/c.wav").write_bytes(b"audio")
    (birds / "robin").symlink_to(store)
    (birds / "owl/best").symlink_to("../wren")
    (birds / "single.wav").symlink_to("owl/a.wav")
    found = find_audio(birds)
    assert found.audio == sorted([*BIRDS, "robin/deep/c.wav", "single.wav"])
    assert found.skipped == {"links to folders read already": 1}


@pytest.mark.parametrize("target", ["owl", "../store"])
def test_two_names_of_one_folder_are_reported_and_it_is_read_once(birds, tmp_path, target):
    (tmp_path / "store").mkdir()
    (tmp_path / "store/c.wav").write_bytes(b"audio")
    (birds / "eagle").symlink_to(target)
    (birds / "hawk").symlink_to(target)
    (birds / "owl/best").symlink_to("../wren")
    (birds / "all").symlink_to(".")
    found = find_audio(birds)
    own = target == "owl"
    assert found.audio == sorted([*BIRDS] if own else [*BIRDS, "eagle/c.wav"])
    assert found.doubled == ([("eagle", "owl"), ("hawk", "owl")] if own else [("hawk", "eagle")])


@pytest.mark.parametrize("name", [b"owl/zaunk\xf6nig.wav", b"zaunk\xf6nig/a.wav"])
def test_audio_whose_name_is_no_utf8_is_named(birds, name):
    odd(birds, name)
    with pytest.raises(UserError, match=r"zaunk\\xf6nig.*rename") as caught:
        find_audio(birds)
    str(caught.value).encode()


def test_other_files_may_have_any_name(birds):
    odd(birds, b"owl/zaunk\xf6nig.txt")
    odd(birds, b"h\xf6hle/a.t\xf6t")
    found = find_audio(birds)
    assert found.audio == BIRDS
    found.skipped_text().encode()


@pytest.mark.parametrize("locked", ["owl", "lost+found"])
def test_a_folder_that_may_not_be_read_is_named(birds, locked):
    (birds / locked).mkdir(exist_ok=True)
    (birds / locked).chmod(0)
    try:
        with as_nobody(birds.parent), pytest.raises(UserError) as caught:
            find_audio(birds)
    finally:
        (birds / locked).chmod(0o755)
    assert str(birds / locked) in str(caught.value)
    assert "Permission denied" in str(caught.value)


def test_a_folder_that_is_not_there_holds_nothing(birds):
    shutil.rmtree(birds)
    assert find_audio(birds).audio == []
