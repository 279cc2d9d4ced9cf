"""What changes the stamp of a user's folder of audio."""

import os
import shutil

import pytest

from vipann.errors import UserError
from vipann.provenance.stamps import file_stamp, folder_stamp


@pytest.fixture
def clips(tmp_path):
    folder = tmp_path / "clips"
    for name in ("a/1.wav", "a/2.wav", "b/1.wav"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"0000")
        os.utime(path, ns=(1, 1))
    return folder


def taken(folder):
    folder_stamp.cache_clear()
    return folder_stamp(folder)


def replace(clips):
    (clips / "a/2.wav").write_bytes(b"1111")


def lengthen(clips):
    (clips / "a/2.wav").write_bytes(b"00000")
    os.utime(clips / "a/2.wav", ns=(1, 1))


def add(clips):
    (clips / "b/2.wav").write_bytes(b"0000")


def remove(clips):
    (clips / "b/1.wav").unlink()


def move(clips):
    (clips / "b/1.wav").rename(clips / "a/3.wav")


@pytest.mark.parametrize("edit", [replace, lengthen, add, remove, move])
def test_a_changed_clip_changes_it(clips, edit):
    before = taken(clips)
    edit(clips)
    assert taken(clips) != before


def test_a_copy_that_keeps_times_and_hidden_files_do_not(clips, tmp_path):
    before = taken(clips)
    shutil.copytree(clips, tmp_path / "copy")
    (tmp_path / "copy/.DS_Store").write_text("x")
    assert taken(tmp_path / "copy") == before


def test_files_that_are_no_audio_do_not_whatever_their_names(clips):
    before = taken(clips)
    (clips / "a/notes.txt").write_text("x")
    (clips / "empty").mkdir()
    os.close(os.open(os.fsencode(clips) + b"/a/zaunk\xf6nig.txt", os.O_CREAT))
    assert taken(clips) == before
    os.close(os.open(os.fsencode(clips) + b"/a/zaunk\xf6nig.wav", os.O_CREAT))
    with pytest.raises(UserError, match=r"zaunk\\xf6nig\.wav"):
        taken(clips)


def test_links_to_parents_end(clips):
    before = taken(clips)
    (clips / "a/up").symlink_to("..")
    assert taken(clips) == before


def test_a_second_name_of_a_folder_does_not(clips):
    before = taken(clips)
    (clips / "current").symlink_to("a")
    assert taken(clips) == before


def test_audio_that_comes_later_changes_it(clips, tmp_path):
    before = taken(tmp_path / "later")
    shutil.copytree(clips, tmp_path / "later")
    assert taken(tmp_path / "later") != before


def test_a_tables_stamp_is_of_its_bytes_alone(tmp_path):
    table = tmp_path / "labels.csv"
    stamps = []
    for text in ("path,label\n", "path,label\na,b\n", "path,label\n"):
        table.write_text(text)
        file_stamp.cache_clear()
        stamps.append(file_stamp(table))
    assert stamps[0] == stamps[2] != stamps[1]
    assert file_stamp(tmp_path / "absent.csv") not in stamps
