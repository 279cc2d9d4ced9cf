"""Broken audio, a full disk and a kill: what is refused, what is said, what is left behind."""

import csv
import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from six_clips import BLOCK, CLASSES, MULTI_HOT, SETTINGS, make_manifest

from vipann.audio.probe import inspect_audio
from vipann.datasets.manifest import clip_row, clip_table, write_manifest
from vipann.errors import UserError
from vipann.features.extract import extract_features
from vipann.features.store import FeatureStore
from vipann.files import enough_space


@pytest.fixture
def spoilable(audio, tmp_path):
    """Six clips of their own as float WAV, their manifest already written; one to spoil."""
    folder = tmp_path / "audio"
    folder.mkdir()
    files = sorted(audio.rglob("*.ogg"))
    for path in files:
        samples, rate = soundfile.read(path)
        with (folder / path.name).open("wb") as stream:
            soundfile.write(stream, samples, rate, format="WAV", subtype="FLOAT")
    make_manifest(folder, tmp_path / "m.parquet")
    return folder, folder / files[3].name


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:600_000])


def overwrite_with_text(path: Path) -> None:
    path.write_text("gone")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def damage_header(path: Path) -> None:
    path.write_bytes(b"\0" * 64 + path.read_bytes()[64:])


def keep_no_samples(path: Path) -> None:
    _rewrite(path, lambda samples: samples[:0])


def silence(path: Path) -> None:
    _rewrite(path, np.zeros_like)


def spoil_samples(value: float):
    def with_spoiled(samples: np.ndarray) -> np.ndarray:
        samples[3 * 44100] = value
        return samples

    return lambda path: _rewrite(path, with_spoiled)


def _rewrite(path: Path, change) -> None:
    samples, rate = soundfile.read(path)
    with path.open("wb") as stream:
        soundfile.write(stream, change(samples), rate, format="WAV", subtype="FLOAT")


FAULTS = {
    "truncated": (truncate, "promises 5.001 s, and 3.401 s are there"),
    "no audio": (overwrite_with_text, "cannot be decoded"),
    "empty": (empty, "cannot be decoded"),
    "damaged header": (damage_header, "cannot be decoded"),
    "no samples": (keep_no_samples, "holds no audio"),
    "absent": (Path.unlink, "No such file"),
    "silent": (silence, "is silent"),
    "NaN": (spoil_samples(np.nan), "not finite"),
    "infinity": (spoil_samples(-np.inf), "not finite"),
    "overflow": (spoil_samples(1e38), "+37, where full scale is 1"),
}


def extract(folder: Path, out: Path, **options) -> None:
    extract_features(out.parent / "m.parquet", folder, BLOCK, SETTINGS, out, 2, **options)


def rejected(out: Path) -> list[dict]:
    with out.with_suffix(".rejected.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def left_behind(out: Path) -> set[str]:
    return {path.name for path in out.parent.iterdir()} - {"audio", "m.parquet"}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_clip_is_listed_and_the_others_go_on(spoilable, tmp_path, fault):
    folder, victim = spoilable
    spoil, reason = FAULTS[fault]
    extract(folder, tmp_path / "whole.h5")
    spoil(victim)
    out = tmp_path / "f.h5"
    extract(folder, out, max_rejected=0.2)
    (row,) = rejected(out)
    assert (row["clip_id"], row["path"]) == ("klang ü 3", victim.name)
    assert reason in row["reason"]
    with FeatureStore(out) as store, FeatureStore(tmp_path / "whole.h5") as whole:
        others = [0, 1, 2, 4, 5]
        assert store.shape == (5, *whole.shape[1:])
        assert store.clip_ids.tolist() == [f"klang ü {index}" for index in others]
        assert store.labels.tolist() == [MULTI_HOT[index] for index in others]
        assert store.fold.tolist() == [1, 2, 3, 2, 3]
        np.testing.assert_array_equal(store.read(range(5)), whole.read(others))
        assert store.rows(folds=1).tolist() == [0]
    assert rejected(tmp_path / "whole.h5") == []


def test_too_many_broken_clips_end_the_job_and_their_list_stays(spoilable, tmp_path):
    folder, victim = spoilable
    victim.unlink()
    other = sorted(folder.iterdir())[0]
    empty(other)
    out = tmp_path / "f.h5"
    with pytest.raises(UserError, match="2 of 6 clips") as caught:
        extract(folder, out, max_rejected=0.2)
    assert str(tmp_path / "f.rejected.csv") in str(caught.value)
    assert "max_rejected" in str(caught.value)
    assert other.name in str(caught.value)
    assert [row["path"] for row in rejected(out)] == [other.name, victim.name]
    assert left_behind(out) == {"f.rejected.csv"}
    extract(folder, out, max_rejected=0.34)
    assert len(FeatureStore(out)) == 4


def test_no_usable_clip_at_all_is_an_error_whatever_is_allowed(spoilable, tmp_path):
    folder, _ = spoilable
    for path in folder.iterdir():
        empty(path)
    with pytest.raises(UserError, match="6 of 6 clips"):
        extract(folder, tmp_path / "f.h5", max_rejected=1.0)
    assert left_behind(tmp_path / "f.h5") == {"f.rejected.csv"}


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 160 KiB: room for one of the six spectrograms and a bit."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(folder)]
    if os.name != "posix" or os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def many_clips(audio: Path, path: Path) -> None:
    """A manifest whose float16 features take 39 * 12928 bytes."""
    file = inspect_audio(audio, next(audio.rglob("*.ogg")).relative_to(audio).as_posix())
    rows = [clip_row(file, f"{n}", ["owl"], 2.0, offset_s=2.0 + n / 100) for n in range(39)]
    write_manifest(clip_table(rows, CLASSES), path)


@pytest.mark.parametrize("looked_at_first", [True, False])
def test_a_full_disk_is_one_message_and_nothing_is_left(
    audio, small_disk, tmp_path, looked_at_first, monkeypatch
):
    many_clips(audio, tmp_path / "m.parquet")
    out = small_disk / "f.h5"
    if not looked_at_first:
        # As a quota: the disk says that there is room and then refuses.
        usage = shutil.disk_usage("/")
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError) as caught:
        extract_features(tmp_path / "m.parquet", audio, BLOCK, SETTINGS, out, 1)
    assert f"no space left for {out}: it needs 0.001 GB" in str(caught.value)
    assert {path.name for path in small_disk.iterdir()} <= {"f.rejected.csv"}


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError("Can't write data (file write failed: errno = 28, error message = 'No space')"),
        RuntimeError("Can't decrement id ref count (file write failed: errno = 122, error)"),
    ],
)
def test_all_the_ways_to_say_that_a_disk_is_full(tmp_path, error):
    with (
        pytest.raises(UserError, match=r"no space left for .*f\.h5"),
        enough_space(tmp_path / "f.h5", 10),
    ):
        raise error


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path):
    with pytest.raises(OSError, match="gone"), enough_space(tmp_path / "f.h5", 10):
        raise OSError(errno.EIO, "gone")


def test_killed_in_the_middle_leaves_nothing_that_counts_as_complete(audio, features, tmp_path):
    manifest, out = features[0].parent / "m.parquet", tmp_path / "f.h5"
    program = f"""
import time
from pathlib import Path
from vipann.features import audio, extract
read = audio.read_clip
calls = []
def slow(*arguments):
    calls.append(1)
    if len(calls) == 4:
        print("in the middle", flush=True)
        time.sleep(600)
    return read(*arguments)
audio.read_clip = slow
extract.extract_features(
    Path({str(manifest)!r}), Path({str(audio)!r}), {BLOCK!r}, {SETTINGS!r}, Path({str(out)!r}), 1
)
"""
    job = subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": ":".join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert "in the middle" in job.stdout.readline()
    assert any(name.startswith(".f.") for name in left_behind(out))
    job.send_signal(signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    assert not out.exists()
    extract_features(manifest, audio, BLOCK, SETTINGS, out, 1)
    assert out.read_bytes() == features[0].read_bytes()
    assert left_behind(out) == {"f.h5", "f.rejected.csv"}
