"""Released embeddings, from record files as published and from a mirror's copy of them."""

import csv
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from records import framed, sequence_example

from vipann.config import read_layer
from vipann.datasets.adapters.audioset import read_segments
from vipann.datasets.adapters.audioset_vggish import list_clips, place_audio
from vipann.datasets.archives import fetch_archive
from vipann.datasets.building import build_manifest
from vipann.datasets.embedding_table import EmbeddingTable
from vipann.errors import UserError

CONFIG = Path(__file__).parents[3] / "config/audioset_vggish.yaml"
CLASSES = 'index,mid,display_name\n0,/m/0,Speech\n1,/m/1,Dog\n2,/m/2,"Rain, rain drop"\n'
BLOCK = {"task": "multilabel", "clip_seconds": 10.0, "folds": 0, "options": {}}
TREE = "audioset_v1_embeddings/{}/{}.tfrecord"


def vectors(seed, count):
    return np.random.default_rng(seed).integers(0, 256, (count, 128), dtype=np.uint8)


def clip(name, count, labels, seed=0):
    steps = [[row.tobytes()] for row in vectors(seed, count)]
    context = {"video_id": [name.encode()], "start_time_seconds": [30.0], "labels": labels}
    return sequence_example(context, {"audio_embedding": steps})


RECORDS = {
    TREE.format("bal_train", "0A"): [clip("zz", 10, [0, 2], 1), clip("mm", 4, [1], 2)],
    TREE.format("unbal_train", "0A"): [clip("uu", 10, [0], 5)],
    TREE.format("bal_train", "zz"): [clip("aa", 10, [2], 3)],
    TREE.format("eval", "0A"): [clip("ee", 9, [1, 0], 4)],
}


def pack(folder, records):
    (folder / "archives").mkdir(exist_ok=True)
    (folder / "archives/class_labels_indices.csv").write_text(CLASSES)
    with tarfile.open(folder / "archives/features.tar.gz", "w:gz") as packed:
        for name, clips in records.items():
            data = clips if isinstance(clips, bytes) else framed(clips)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return sorted((folder / "archives").iterdir())


def placed(folder, records):
    archives = pack(folder, records)
    (folder / "audio").mkdir()
    place_audio(archives, folder / "audio", BLOCK, 0)
    return folder / "audio"


def test_clips_of_the_two_lists_in_order_of_their_names(tmp_path):
    folder = placed(tmp_path, RECORDS)
    table = build_manifest("audioset_vggish", folder, BLOCK, 0, tmp_path / "m.parquet")
    assert table.classes == ["Speech", "Dog", "Rain, rain drop"]
    frame = table.frame
    assert frame["clip_id"].tolist() == ["aa", "mm", "zz", "ee"]
    assert frame["split"].tolist() == ["train"] * 3 + ["eval"]
    assert frame["duration_s"].tolist() == [10.0, 4.0, 10.0, 9.0]
    assert frame["labels"].tolist() == [
        ["Rain, rain drop"],
        ["Dog"],
        ["Speech", "Rain, rain drop"],
        ["Speech", "Dog"],
    ]
    train = EmbeddingTable(folder / "bal_train.npz")
    np.testing.assert_array_equal(train.of("mm"), vectors(2, 4))
    np.testing.assert_array_equal(train.of("zz"), vectors(1, 10))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (TREE.format("eval", "0A"), framed([clip("ee", 9, [3])]), "a label that is not in"),
        (TREE.format("eval", "0A"), framed([clip("ee", 11, [1])]), "clip ee has 11 vectors"),
        (TREE.format("eval", "0A"), framed([clip("ee", 9, [1])])[:-1], r"eval/0A\S+ is truncated"),
        (TREE.format("eval", "0A"), framed([sequence_example({}, {})]), "is no clip of AudioSet"),
        (TREE.format("eval", "0A"), b"", r"holds neither eval/\*.tfrecord nor eval.npz"),
    ],
)
def test_what_is_wrong_in_an_archive_is_named(tmp_path, name, content, told):
    with pytest.raises(UserError, match=told):
        placed(tmp_path, RECORDS | {name: content})


def test_a_truncated_archive_is_named(tmp_path):
    archives = pack(tmp_path, RECORDS)
    whole = archives[1].read_bytes()
    archives[1].write_bytes(whole[:-20])
    with pytest.raises(UserError, match=r"features\.tar\.gz cannot be unpacked"):
        place_audio(archives, tmp_path / "audio", BLOCK, 0)


def test_a_clip_in_both_lists_is_refused(tmp_path):
    folder = placed(tmp_path, RECORDS | {TREE.format("eval", "0A"): [clip("mm", 9, [1])]})
    with pytest.raises(UserError, match=r"'mm' of eval\.npz appears twice"):
        build_manifest("audioset_vggish", folder, BLOCK, 0, tmp_path / "m.parquet")


def test_the_mirrors_files_are_the_real_lists_with_their_labels(mirror, tmp_path):
    config = read_layer(CONFIG)["datasets"]["audioset_vggish"]
    targets = []
    for entry in config["archives"]:
        targets.append(tmp_path / "archives" / entry["file"])
        fetch_archive({k: v for k, v in entry.items() if k != "url"}, targets[-1], str(mirror))
    place_audio(targets, tmp_path / "audio", config, 0)
    table = list_clips(tmp_path / "audio", config, 0)
    assert table.frame["split"].value_counts().to_dict() == {"train": 22160, "eval": 20371}
    assert len(table.classes) == 527
    segments = read_segments(mirror / "audioset-sample/eval_segments.csv").set_index("ytid")["mids"]
    names = read_names(mirror / "audioset-sample/class_labels_indices.csv")
    for row in table.frame[table.frame["split"] == "eval"].iloc[::97].itertuples():
        assert {names[mid] for mid in segments[row.clip_id].split(",")} == set(row.labels)


def read_names(path):
    with path.open() as stream:
        return {row["mid"]: row["display_name"] for row in csv.DictReader(stream)}
