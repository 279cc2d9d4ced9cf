"""Feature files: what is in them, how they are read, and that none is left half written."""

import hashlib
import json
import multiprocessing
import pickle

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from six_clips import BLOCK, CLASSES, MULTI_HOT, SETTINGS, load_clip

from vipann.datasets.manifest import clip_table, write_manifest
from vipann.errors import UserError
from vipann.features import extract
from vipann.features.audio import front_end_of
from vipann.features.extract import extract_features
from vipann.features.store import FeatureStore


def test_rows_are_the_clips_in_the_manifests_order(audio, features):
    path, rows = features
    front_end = front_end_of(SETTINGS)
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
    assert rows.dtype == np.float16
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


def test_memory_stays_bounded_with_many_workers(monkeypatch):
    started = []
    results = extract.ordered_map(started.append, list(range(1000)), 3)
    for taken in range(1, 101):
        next(results)
        assert len(started) <= taken + 3 * extract._WAITING_PER_WORKER + 1
    results.close()
    assert len(started) < 200
