"""Shards read as the one file that they were cut from."""

import csv
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from six_clips import BLOCK, SETTINGS, make_manifest

from vipann.errors import UserError
from vipann.features.extract import extract_features
from vipann.features.shards import join_shards, shard_rows
from vipann.features.store import FeatureStore


def extract_shards(manifest: Path, audio: Path, folder: Path, shards: int, **options) -> list[Path]:
    paths = [folder / "set" / f"shard{shard}of{shards}.h5" for shard in range(1, shards + 1)]
    for shard, path in enumerate(paths, start=1):
        extract_features(
            manifest, audio, BLOCK, SETTINGS, path, 1, shard=shard, shards=shards, **options
        )
    return paths


@pytest.fixture(scope="module")
def joined(audio, features, tmp_path_factory):
    folder = tmp_path_factory.mktemp("joined")
    shards = extract_shards(features[0].parent / "m.parquet", audio, folder, 4)
    join_shards(shards, folder / "set.h5")
    return folder / "set.h5", shards


@given(st.integers(1, 300), st.data())
def test_shards_part_the_rows_evenly_and_in_order(total, data):
    shards = data.draw(st.integers(1, total))
    parts = [range(total)[shard_rows(total, n + 1, shards)] for n in range(shards)]
    assert [row for part in parts for row in part] == list(range(total))
    assert {len(part) for part in parts} <= {total // shards, total // shards + 1}


@pytest.mark.parametrize(("shard", "shards"), [(0, 2), (3, 2), (1, 7)])
def test_a_shard_that_cannot_be_is_refused(shard, shards):
    with pytest.raises(UserError, match="shards"):
        shard_rows(6, shard, shards)


def test_joined_shards_hold_what_one_file_holds(features, joined):
    with FeatureStore(joined[0]) as ours, FeatureStore(features[0]) as whole:
        assert ours.shape == whole.shape
        for name in ("clip_ids", "fold", "split", "labels"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(whole, name))
        for name in ("task", "padding", "clip_seconds", "classes", "feature_settings"):
            assert getattr(ours, name) == getattr(whole, name)
        assert ours.manifest_sha256 == whole.manifest_sha256
    with h5py.File(joined[0]) as ours, h5py.File(features[0]) as whole:
        np.testing.assert_array_equal(ours["logmel"][()], whole["logmel"][()])


@given(st.lists(st.integers(0, 5), max_size=12))
@settings(max_examples=30)
def test_rows_of_any_shards_are_read_in_any_order(features, joined, indices):
    with FeatureStore(joined[0]) as ours, FeatureStore(features[0]) as whole:
        np.testing.assert_array_equal(ours.read(indices), whole.read(indices))


def test_joined_shards_can_be_moved_together(joined, features, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/set").mkdir()
    for path in [joined[0], *joined[1]]:
        copy = tmp_path / "a" / path.relative_to(joined[0].parent)
        copy.write_bytes(path.read_bytes())
    with FeatureStore(tmp_path / "a/set.h5") as ours, FeatureStore(features[0]) as whole:
        np.testing.assert_array_equal(ours.read([5, 0]), whole.read([5, 0]))
        (tmp_path / "a/set/shard2of4.h5").unlink()
    with pytest.raises(UserError, match=r"shard2of4\.h5 is missing"):
        FeatureStore(tmp_path / "a/set.h5")
    (tmp_path / "a/set/shard2of4.h5").write_bytes(joined[1][0].read_bytes())
    with pytest.raises(UserError, match=r"shard2of4\.h5 has 1 clips instead of its own"):
        FeatureStore(tmp_path / "a/set.h5")


def test_shards_of_different_sets_are_not_joined(features, joined, audio, tmp_path):
    other = {**BLOCK, "padding": "zero"}
    odd = tmp_path / "odd.h5"
    extract_features(features[0].parent / "m.parquet", audio, other, SETTINGS, odd, 1)
    with pytest.raises(UserError, match=r"odd\.h5 .* differ in padding"):
        join_shards([joined[1][0], odd], tmp_path / "set.h5")
    assert not (tmp_path / "set.h5").exists()


def test_the_lists_of_refused_clips_are_joined_too(audio, features, tmp_path):
    folder = tmp_path / "audio"
    folder.mkdir()
    for path in sorted(audio.rglob("*.ogg")):
        (folder / path.name).write_bytes(path.read_bytes())
    make_manifest(folder, tmp_path / "m.parquet")
    for number in (1, 4):
        sorted(folder.iterdir())[number].write_text("broken")
    shards = extract_shards(tmp_path / "m.parquet", folder, tmp_path, 2, max_rejected=0.34)
    join_shards(shards, tmp_path / "set.h5")
    with (tmp_path / "set.rejected.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["clip_id"] for row in rows] == ["klang ü 1", "klang ü 4"]
    with FeatureStore(tmp_path / "set.h5") as ours, FeatureStore(features[0]) as whole:
        assert ours.clip_ids.tolist() == [f"klang ü {n}" for n in (0, 2, 3, 5)]
        np.testing.assert_array_equal(ours.read([3, 1]), whole.read([5, 2]))
