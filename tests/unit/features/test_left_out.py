"""Features without the clips that other datasets of the run hold too."""

import numpy as np
import pandas as pd
import pytest
from six_clips import BLOCK, SETTINGS, make_manifest

from vipann.datasets.shared import COLUMNS, check_features
from vipann.errors import UserError
from vipann.features.extract import extract_features
from vipann.features.rejected import rejected_list
from vipann.features.shards import join_shards
from vipann.features.store import FeatureStore


def write_list(path, rows):
    lines = [(f"klang ü {number}", "train", "shared", left_out) for number, left_out in rows]
    pd.DataFrame(lines, columns=list(COLUMNS)).to_csv(path, index=False)
    return path


@pytest.fixture
def manifest(audio, tmp_path):
    make_manifest(audio, tmp_path / "m.parquet")
    return tmp_path / "m.parquet"


@pytest.mark.parametrize("shards", [1, 4])
def test_only_clips_that_are_left_out_are_absent(audio, features, manifest, tmp_path, shards):
    # Without the list, two clips would be a shard of their own.
    listed = write_list(tmp_path / "list.csv", [(0, True), (1, True), (3, False)])
    parts = [tmp_path / f"f/{shard}.h5" for shard in range(shards)]
    for number, part in enumerate(parts, start=1):
        how = {"left_out": listed, "shard": number, "shards": shards}
        extract_features(manifest, audio, BLOCK, SETTINGS, part, 1, **how)
        assert pd.read_csv(rejected_list(part)).empty
    path = tmp_path / "f.h5"
    join_shards(parts, path)
    with FeatureStore(path) as ours, FeatureStore(features[0]) as whole:
        assert ours.clip_ids.tolist() == [f"klang ü {number}" for number in (2, 3, 4, 5)]
        np.testing.assert_array_equal(ours.labels, whole.labels[2:])
        np.testing.assert_array_equal(ours.read(range(4)), whole.read(range(2, 6)))
    check_features(path, listed)


def test_clips_left_out_are_not_counted_as_refused_nor_in_what_may_be(audio, manifest, tmp_path):
    clips = pd.read_parquet(manifest)["path"]
    copy = tmp_path / "audio"
    for path in clips:
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes((audio / path).read_bytes())
    (copy / clips[0]).write_bytes(b"broken")
    (copy / clips[5]).write_bytes(b"broken")
    listed = write_list(tmp_path / "list.csv", [(number, True) for number in (0, 1, 2)])
    how = {"left_out": listed, "max_rejected": 0.3}
    with pytest.raises(UserError, match="1 of 3 clips"):
        extract_features(manifest, copy, BLOCK, SETTINGS, tmp_path / "f.h5", 1, **how)
    assert pd.read_csv(tmp_path / "f.rejected.csv")["clip_id"].tolist() == ["klang ü 5"]


def test_features_made_by_another_list_are_told(audio, manifest, tmp_path):
    listed = write_list(tmp_path / "list.csv", [(0, True)])
    extract_features(manifest, audio, BLOCK, SETTINGS, tmp_path / "f.h5", 1, left_out=listed)
    listed.touch()
    check_features(tmp_path / "f.h5", listed)
    write_list(listed, [(0, True), (2, True)])
    with pytest.raises(UserError, match=r"list\.csv .*f\.h5 .*same command again"):
        check_features(tmp_path / "f.h5", listed)
    extract_features(manifest, audio, BLOCK, SETTINGS, tmp_path / "f.h5", 1)
    with pytest.raises(UserError, match="same command again"):
        check_features(tmp_path / "f.h5", listed)
