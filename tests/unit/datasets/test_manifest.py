"""The manifest: what goes in comes out, and what is not sound is refused by name."""

import hashlib
import os
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from vipann.datasets import manifest
from vipann.datasets.manifest import (
    COLUMNS,
    AudioFile,
    ClipTable,
    build_manifest,
    clip_row,
    clip_table,
    inspect_audio,
    read_classes,
    read_manifest,
    read_mono,
    validate,
    write_manifest,
)
from vipann.datasets.metadata import label_name
from vipann.datasets.registry import ADAPTERS, adapter
from vipann.errors import UserError

AUDIO = AudioFile("a/x.wav", 8000, 16000, "f" * 64)
OTHER = AudioFile("a/y.wav", 8000, 16000, "e" * 64)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).map(label_name).filter(bool)


def two_clips(**changes) -> ClipTable:
    rows = [
        clip_row(AUDIO, "x", ["dog"], 5.0, fold=1),
        clip_row(OTHER, "y", ["cat", "dog"], 5.0, fold=2, split="eval") | changes,
    ]
    return clip_table(rows, ["cat", "dog"])


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("manifest")


@given(
    st.lists(NAMES, unique=True),
    st.data(),
)
@settings(deadline=None, max_examples=25)
def test_written_and_read_again_is_the_same(scratch, classes, data):
    label_sets = st.lists(st.sampled_from(classes), unique=True) if classes else st.just([])
    rows = [
        clip_row(
            AUDIO,
            f"clip {index} ü",
            data.draw(label_sets),
            data.draw(st.floats(0.01, 9.0)),
            fold=data.draw(st.integers(0, 10)),
            split=data.draw(st.sampled_from(["train", "eval", ""])),
        )
        for index in range(data.draw(st.integers(1, 4)))
    ]
    path = scratch / "m.parquet"
    write_manifest(clip_table(rows, classes), path)
    table = read_manifest(path)
    assert table.frame.to_dict("records") == rows
    assert table.classes == read_classes(path) == classes
    assert [type(labels) for labels in table.frame["labels"]] == [list] * len(rows)


def test_same_table_gives_same_bytes(tmp_path):
    write_manifest(two_clips(), tmp_path / "1.parquet")
    write_manifest(two_clips(), tmp_path / "2.parquet")
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()
    assert pq.read_schema(tmp_path / "1.parquet").names == list(COLUMNS)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"clip_id": "x"}, "twice"),
        ({"fold": 3}, "fold other than 1 to 2"),
        ({"fold": 0}, "fold other than 1 to 2"),
        ({"labels": ["dig"]}, "not among the classes"),
        ({"labels": ["dog", "dog"]}, "same label twice"),
        ({"duration_s": 0.0}, "no positive duration"),
        ({"duration_s": float("nan")}, "no positive duration"),
        ({"duration_s": 5.1}, "longer than clip_seconds"),
        ({"offset_s": -1.0}, "offset"),
        ({"sample_rate": -1}, "sample rate"),
        ({"split": "test"}, "split"),
    ],
)
def test_unsound_tables_are_refused_by_dataset_and_clip(changes, what):
    validate(two_clips(), "birds", folds=[1, 2], clip_seconds=5.0)
    with pytest.raises(UserError, match=what) as caught:
        validate(two_clips(**changes), "birds", folds=[1, 2], clip_seconds=5.0)
    assert "birds" in str(caught.value)
    assert repr(changes.get("clip_id", "y")) in str(caught.value)


def test_missing_columns_empty_tables_and_double_classes_are_refused(tmp_path):
    table = two_clips()
    with pytest.raises(UserError, match="split"):
        validate(ClipTable(table.frame.drop(columns="split"), table.classes), "birds")
    with pytest.raises(UserError, match="no clips"):
        write_manifest(clip_table([], ["dog"]), tmp_path / "m.parquet")
    with pytest.raises(UserError, match="class is listed twice"):
        validate(ClipTable(table.frame, ["cat", "dog", "dog"]), "birds")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"PAR1 no", None])
def test_what_is_not_a_manifest_is_named(tmp_path, content):
    path = tmp_path / "m.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"m\.parquet"):
        read_manifest(path)


def test_other_parquet_files_are_named(tmp_path):
    two_clips().frame.drop(columns="labels").to_parquet(tmp_path / "other.parquet")
    with pytest.raises(UserError, match=r"other\.parquet"):
        read_classes(tmp_path / "other.parquet")


def test_inspect_audio_of_odd_formats(mirror):
    folder = mirror / "odd-formats"
    for path in folder.glob("*.wav"):
        audio = inspect_audio(folder, path.name)
        assert f"-{audio.sample_rate}Hz" in path.name
        assert audio.frames == len(soundfile.read(path)[0])
        assert audio.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_that_are_no_audio_are_named(tmp_path):
    (tmp_path / "text.wav").write_text("no audio at all")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    for name in ("text.wav", "empty.wav", "absent.wav"):
        with pytest.raises(UserError, match=name):
            inspect_audio(tmp_path, name)


def test_read_mono_averages_channels_and_reads_only_its_part(tmp_path):
    samples = np.random.default_rng(0).uniform(-1, 1, (8000, 2)).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", samples, 8000, subtype="FLOAT")
    part = read_mono(tmp_path / "x.wav", 8000, 0.25, 0.5)
    assert part.dtype == np.float32
    np.testing.assert_allclose(part, samples[2000:6000].sum(axis=1) / 2, atol=1e-7)
    assert len(read_mono(tmp_path / "x.wav", 16000)) == 16000
    assert len(read_mono(tmp_path / "x.wav", 8000, 0.75, 9.0)) == 2000
    with pytest.raises(UserError, match=r"x\.wav"):
        read_mono(tmp_path / "x.wav", 8000, 1.0)


FFMPEG = """#!{python}
import sys
from pathlib import Path
import soundfile
path = Path(next(a for a in sys.argv if a.endswith((".m4a", ".webm")))).with_suffix(".wav")
if not path.exists():
    sys.exit(print("Invalid data found", file=sys.stderr) or 1)
if Path(sys.argv[0]).name == "ffprobe":
    info = soundfile.info(path)
    stream = '"sample_rate": "%d"' % info.samplerate
    if "m4a" in " ".join(sys.argv):
        stream += ', "duration": "%f"' % info.duration
    print('{{"streams": [{{%s}}], "format": {{"duration": "%f"}}}}' % (stream, info.duration))
else:
    sys.stdout.buffer.write(path.read_bytes())
"""


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """Programs that know an m4a by the wav beside it, with the real ones' way of answering."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("ffmpeg", "ffprobe"):
        (folder / name).write_text(FFMPEG.format(python=sys.executable))
        (folder / name).chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize("suffix", ["m4a", "webm"])
def test_what_libsndfile_does_not_know_is_read_by_ffmpeg(ffmpeg, mirror, tmp_path, suffix):
    real = next((mirror / "odd-formats").glob("*14900Hz.wav"))
    (tmp_path / "x.wav").symlink_to(real)
    (tmp_path / f"x.{suffix}").write_bytes(b"compressed")
    audio, expected = inspect_audio(tmp_path, f"x.{suffix}"), inspect_audio(tmp_path, "x.wav")
    assert (audio.sample_rate, audio.frames) == (expected.sample_rate, expected.frames)
    part = read_mono(tmp_path / f"x.{suffix}", 8000, 0.25, 0.5)
    np.testing.assert_array_equal(part, read_mono(real, 8000, 0.25, 0.5))
    (tmp_path / f"y.{suffix}").write_bytes(b"broken")
    for read in (
        lambda: inspect_audio(tmp_path, f"y.{suffix}"),
        lambda: read_mono(tmp_path / f"y.{suffix}", 8000),
    ):
        with pytest.raises(UserError, match=rf"y\.{suffix} cannot be read as audio: Invalid data"):
            read()


def test_without_ffmpeg_the_message_says_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "x.m4a").write_bytes(b"compressed")
    with pytest.raises(UserError, match=r"x\.m4a.*install ffmpeg"):
        inspect_audio(tmp_path, "x.m4a")
    with pytest.raises(UserError, match=r"x\.m4a.*install ffmpeg"):
        read_mono(tmp_path / "x.m4a", 8000)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_read_mono_refuses_samples_that_are_not_finite(tmp_path, bad):
    samples = np.zeros(800, dtype=np.float32)
    samples[500] = bad
    soundfile.write(tmp_path / "bad.wav", samples, 8000, subtype="FLOAT")
    assert len(read_mono(tmp_path / "bad.wav", 8000, 0.0, 0.05)) == 400
    with pytest.raises(UserError, match=r"bad\.wav.*not finite"):
        read_mono(tmp_path / "bad.wav", 8000)


class OneTable:
    def __init__(self, table):
        self.list_clips = lambda folder, block, seed: table


def test_build_manifest_checks_by_task_and_writes_nothing_unsound(tmp_path, monkeypatch):
    block = {"task": "multilabel", "clip_seconds": 5.0, "folds": 2}
    out = tmp_path / "m.parquet"
    monkeypatch.setattr(manifest, "adapter", lambda name: OneTable(two_clips()))
    with pytest.raises(UserError, match=r"'y'.*exactly one label"):
        build_manifest("any", tmp_path, block | {"task": "multiclass"}, 0, out)
    with pytest.raises(UserError, match="fold other than 1"):
        build_manifest("any", tmp_path, block | {"folds": 1}, 0, out)
    assert not out.exists()
    build_manifest("any", tmp_path, block, 0, out)
    assert read_manifest(out).frame["labels"].tolist() == [["dog"], ["cat", "dog"]]
    build_manifest("any", tmp_path, block | {"task": "unlabelled"}, 0, out)
    assert read_manifest(out).frame["labels"].tolist() == [[], []]
    assert read_classes(out) == []


def test_unknown_adapters_are_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"esc51.*synthetic, esc50"):
        adapter("esc51")


@pytest.mark.parametrize("name", sorted(set(ADAPTERS) - {"synthetic"}))
def test_every_adapter_has_the_two_functions(name):
    assert callable(adapter(name).place_audio)
    assert callable(adapter(name).list_clips)
