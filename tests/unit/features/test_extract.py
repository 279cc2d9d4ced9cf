"""Feature files: what is in them, how they are read, and that none is left half written."""

import hashlib
import json
import multiprocessing
import pickle
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from vipann.datasets.manifest import clip_row, clip_table, inspect_audio, write_manifest
from vipann.errors import UserError
from vipann.features import extract
from vipann.features.extract import extract_features
from vipann.features.logmel import LogMel, load_clip
from vipann.features.store import FeatureStore

SETTINGS = {
    "sample_rate": 16000,
    "window": "hamming",
    "window_length": 512,
    "hop_length": 320,
    "mel_bands": 64,
    "fmin": 50,
    "fmax": 8000,
    "amin": 1e-10,
}
BLOCK = {"task": "multilabel", "clip_seconds": 2.0, "padding": "reflect", "folds": 3}
CLASSES = ["cat", "dog", "owl"]
LABELS = [["dog"], ["cat", "owl"], [], ["owl"], ["dog", "cat"], ["cat"]]
MULTI_HOT = [[0, 1, 0], [1, 0, 1], [0, 0, 0], [0, 0, 1], [1, 1, 0], [1, 0, 0]]


@pytest.fixture(scope="module")
def audio(mirror, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audio")
    with zipfile.ZipFile(mirror / "ESC-10.zip") as packed:
        names = [name for name in packed.namelist() if name.endswith(".ogg")][::70]
        for name in names:
            packed.extract(name, folder)
    return folder


def make_manifest(folder: Path, path: Path) -> list[dict]:
    files = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.ogg"))
    rows = [
        clip_row(
            inspect_audio(folder, file),
            f"klang ü {index}",
            LABELS[index],
            BLOCK["clip_seconds"],
            fold=1 + index % 3,
            split="train" if index < 4 else "eval",
            offset_s=0.5 * index,
        )
        for index, file in enumerate(files)
    ]
    write_manifest(clip_table(rows, CLASSES), path)
    return rows


@pytest.fixture(scope="module")
def features(audio, tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    rows = make_manifest(audio, folder / "m.parquet")
    extract_features(folder / "m.parquet", audio, BLOCK, SETTINGS, folder / "f.h5", workers=1)
    return folder / "f.h5", rows


def test_rows_are_the_clips_in_the_manifests_order(audio, features):
    path, rows = features
    front_end = LogMel(SETTINGS)
    with h5py.File(path) as file:
        assert file["logmel"].dtype == np.float16
        assert file["logmel"].compression is None
        assert file["logmel"].chunks == (1, 101, 64)
        assert file["logmel"].shape == (6, 101, 64)
        for index, row in enumerate(rows):
            clip = load_clip(
                audio / row["path"], row["offset_s"], row["duration_s"], 2.0, 16000, "reflect"
            )
            np.testing.assert_array_equal(file["logmel"][index], front_end(clip).astype(np.float16))
        assert len({file["logmel"][index].tobytes() for index in range(6)}) == 6


def test_labels_and_attributes(features):
    path, rows = features
    store = FeatureStore(path)
    assert store.labels.dtype == np.uint8
    assert store.labels.tolist() == MULTI_HOT
    assert store.classes == CLASSES
    assert store.clip_ids.tolist() == [row["clip_id"] for row in rows]
    assert store.fold.tolist() == [1, 2, 3, 1, 2, 3]
    assert store.fold.dtype == np.int16
    assert store.split.tolist() == ["train"] * 4 + ["eval"] * 2
    assert (store.task, store.padding, store.clip_seconds) == ("multilabel", "reflect", 2.0)
    assert store.feature_settings == SETTINGS
    assert len(store) == 6
    manifest = path.parent / "m.parquet"
    assert store.manifest_sha256 == hashlib.sha256(manifest.read_bytes()).hexdigest()
    with h5py.File(path) as file:
        assert json.loads(file.attrs["classes"]) == CLASSES


def test_any_number_of_workers_gives_the_same_file(audio, features, tmp_path):
    path, _ = features
    extract_features(path.parent / "m.parquet", audio, BLOCK, SETTINGS, tmp_path / "f.h5", 3)
    assert (tmp_path / "f.h5").read_bytes() == path.read_bytes()


def test_unlabelled_sets_have_no_label_columns(audio, features, tmp_path):
    rows = [row | {"labels": []} for row in features[1]]
    write_manifest(clip_table(rows, []), tmp_path / "m.parquet")
    block = BLOCK | {"task": "unlabelled"}
    extract_features(tmp_path / "m.parquet", audio, block, SETTINGS, tmp_path / "f.h5", 1)
    assert FeatureStore(tmp_path / "f.h5").labels.shape == (6, 0)


@given(st.lists(st.integers(0, 5), max_size=12))
@settings(deadline=None, max_examples=40)
def test_store_reads_any_rows_in_any_order(features, indices):
    with h5py.File(features[0]) as file:
        everything = file["logmel"][()]
    with FeatureStore(features[0]) as store:
        rows = store.read(indices)
    assert rows.dtype == np.float32
    assert rows.shape == (len(indices), 101, 64)
    np.testing.assert_array_equal(rows, everything[indices].astype(np.float32))


def test_store_rows_by_fold_and_split(features):
    store = FeatureStore(features[0])
    assert store.rows().tolist() == [0, 1, 2, 3, 4, 5]
    assert store.rows(folds=2).tolist() == store.rows(folds=np.int64(2)).tolist() == [1, 4]
    assert store.rows(folds={1, 3}).tolist() == [0, 2, 3, 5]
    assert store.rows(folds=[2], split="eval").tolist() == [4]
    assert store.rows(split="test").tolist() == []
    assert store.rows(folds=np.array([3])).dtype == np.int64


@pytest.mark.parametrize("indices", [[6], [-1], [0, 99]])
def test_store_refuses_rows_that_are_not_there(features, indices):
    with pytest.raises(IndexError), FeatureStore(features[0]) as store:
        store.read(indices)


def read_in_child(store, indices, queue):
    queue.put(store.read(indices).tobytes())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_store_reads_in_a_worker_process(features, method):
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    with FeatureStore(features[0]) as store:
        expected = store.read([4, 1]).tobytes()
        child = context.Process(target=read_in_child, args=(store, [4, 1], queue))
        child.start()
        assert queue.get(timeout=60) == expected
        child.join()
        assert store.read([4, 1]).tobytes() == expected
        assert pickle.loads(pickle.dumps(store)).read([4, 1]).tobytes() == expected


def test_what_is_not_a_feature_file_is_named(features, tmp_path):
    (tmp_path / "text.h5").write_text("no HDF5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["logmel"] = np.zeros((2, 3, 4))
    whole = features[0].read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    for name in ("text.h5", "other.h5", "cut.h5", "absent.h5"):
        with pytest.raises(UserError, match=name):
            FeatureStore(tmp_path / name)


@pytest.fixture
def spoiled(audio, tmp_path):
    """Six clips; a file to spoil, its manifest already written."""
    folder = tmp_path / "audio"
    folder.mkdir()
    files = sorted(audio.rglob("*.ogg"))
    for path in files:
        samples, rate = soundfile.read(path)
        soundfile.write(folder / f"{path.stem}.wav", samples, rate, subtype="FLOAT")
        (folder / f"{path.stem}.wav").rename(folder / f"{path.stem}.ogg")
    make_manifest(folder, tmp_path / "m.parquet")
    return folder, folder / f"{files[3].stem}.ogg"


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200_000])


def overwrite_with_text(path: Path) -> None:
    path.write_text("gone")


def spoil_samples(value: float):
    def spoil(path: Path) -> None:
        samples, rate = soundfile.read(path)
        samples[rate * 2] = value
        with path.open("wb") as stream:
            soundfile.write(stream, samples, rate, format="WAV", subtype="FLOAT")

    return spoil


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    "spoil",
    [
        truncate,
        overwrite_with_text,
        Path.unlink,
        spoil_samples(np.nan),
        spoil_samples(-np.inf),
        spoil_samples(1e38),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_broken_clip_is_named_and_no_file_is_left(spoiled, tmp_path, spoil, workers):
    folder, victim = spoiled
    spoil(victim)
    out = tmp_path / "out" / "f.h5"
    with pytest.raises(UserError, match="klang ü 3") as caught:
        extract_features(tmp_path / "m.parquet", folder, BLOCK, SETTINGS, out, workers)
    assert victim.name in str(caught.value)
    assert list(out.parent.iterdir()) == []


def test_memory_stays_bounded_with_many_workers(monkeypatch):
    started = []
    results = extract._ordered_map(started.append, list(range(1000)), 3)
    for taken in range(1, 101):
        next(results)
        assert len(started) <= taken + 3 * extract._WAITING_PER_WORKER + 1
    results.close()
    assert len(started) < 200


def test_killed_in_the_middle_leaves_no_final_file(audio, features, tmp_path):
    program = f"""
import os, signal
from pathlib import Path
from vipann.features import extract
calls = []
load = extract.load_clip
def load_or_die(*arguments):
    calls.append(1)
    if len(calls) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return load(*arguments)
extract.load_clip = load_or_die
extract.extract_features(
    Path({str(features[0].parent / "m.parquet")!r}), Path({str(audio)!r}), {BLOCK!r},
    {SETTINGS!r}, Path({str(tmp_path / "f.h5")!r}), 1,
)
"""
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": ":".join(sys.path)})
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "f.h5").exists()
    extract_features(features[0].parent / "m.parquet", audio, BLOCK, SETTINGS, tmp_path / "f.h5", 1)
    assert (tmp_path / "f.h5").read_bytes() == features[0].read_bytes()
