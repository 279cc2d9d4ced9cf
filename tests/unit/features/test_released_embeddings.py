"""Embeddings as features: the dataset's own vectors, in the manifest's order."""

import h5py
import numpy as np
import pytest

from vipann.datasets.embedding_table import write_embeddings
from vipann.datasets.manifest import clip_table, write_manifest
from vipann.errors import UserError
from vipann.features.audio import front_end_of
from vipann.features.extract import extract_features
from vipann.features.shards import join_shards
from vipann.features.store import FeatureStore
from vipann.registry import choices

SETTINGS = {"front_end": "released_embeddings", "components": 128}
BLOCK = {"task": "multilabel", "clip_seconds": 10.0, "padding": "repeat"}
CLASSES = ["cat", "dog"]
LENGTHS = [10, 3, 1, 7, 10]


@pytest.fixture
def vectors(tmp_path):
    """Clips of 10, 3, 1, 7 and 10 vectors in two files; their manifest lists them backwards."""
    rng = np.random.default_rng(0)
    emb = rng.integers(0, 256, (5, 10, 128), dtype=np.uint8)
    ids = [f"clip {i}" for i in range(5)]
    labels = np.arange(10).reshape(5, 2) % 3 == 0
    for name, part in (("a", slice(0, 2)), ("b", slice(2, 5))):
        lengths = np.array(LENGTHS)[part]
        write_embeddings(tmp_path / f"{name}.npz", ids[part], emb[part], lengths, labels[part])
    rows = [
        {
            "clip_id": ids[i],
            "path": "a.npz" if i < 2 else "b.npz",
            "offset_s": 0.0,
            "duration_s": float(LENGTHS[i]),
            "sample_rate": 1,
            "fold": 0,
            "split": "train",
            "labels": [name for name, there in zip(CLASSES, labels[i], strict=True) if there],
            "sha256": "",
            "recording": ids[i],
            "sources": [ids[i]],
        }
        for i in reversed(range(5))
    ]
    write_manifest(clip_table(rows, CLASSES), tmp_path / "m.parquet")
    return emb[::-1], labels[::-1]


def extract(folder, block=BLOCK, settings=SETTINGS, out="f.h5", **shard):
    extract_features(folder / "m.parquet", folder, block, settings, folder / out, 2, **shard)
    return FeatureStore(folder / out)


def test_rows_are_the_vectors_repeated_to_the_clips_length(vectors, tmp_path):
    store = extract(tmp_path)
    assert store.shape == (5, 10, 128)
    assert store.feature_settings == SETTINGS
    found = store.read([4, 0, 1, 2, 3])[[1, 2, 3, 4, 0]]
    for row, (whole, length) in enumerate(zip(vectors[0], reversed(LENGTHS), strict=True)):
        np.testing.assert_array_equal(found[row], whole[np.arange(10) % length])
    np.testing.assert_array_equal(store.labels, vectors[1])


def test_zero_padding_and_shorter_clips(vectors, tmp_path):
    zero = extract(tmp_path, BLOCK | {"padding": "zero"}).read([3])[0]
    np.testing.assert_array_equal(zero[:3], vectors[0][3, :3])
    assert not zero[3:].any()
    np.testing.assert_array_equal(
        extract(tmp_path, BLOCK | {"clip_seconds": 4.0}).read([0])[0], vectors[0][0, :4]
    )


def test_shards_join_to_the_whole(vectors, tmp_path):
    parts = [tmp_path / "f" / f"{i}.h5" for i in (1, 2)]
    for number, part in enumerate(parts, start=1):
        extract(tmp_path, out=part, shard=number, shards=2)
    join_shards(parts, tmp_path / "joined.h5")
    with FeatureStore(tmp_path / "joined.h5") as joined, extract(tmp_path) as whole:
        np.testing.assert_array_equal(joined.read(range(5)), whole.read(range(5)))
    with h5py.File(tmp_path / "joined.h5") as file:
        assert "logmel" not in file


def test_vectors_of_another_size_name_the_setting(vectors, tmp_path):
    with pytest.raises(UserError, match=r"components is 64: set it to 128"):
        extract(tmp_path, settings=SETTINGS | {"components": 64})


def test_a_broken_file_of_embeddings_is_named(vectors, tmp_path):
    whole = (tmp_path / "b.npz").read_bytes()
    (tmp_path / "b.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"b\.npz is no file of embeddings"):
        extract(tmp_path)
    assert not (tmp_path / "f.h5").exists()


def test_an_unknown_front_end_names_those_there_are():
    known = ", ".join(choices("vipann.features.front_ends"))
    with pytest.raises(UserError, match=f"'mfcc'; it is one of: {known}"):
        front_end_of({"front_end": "mfcc"})
