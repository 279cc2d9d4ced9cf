"""The manifest: what goes in comes out, and what is not sound is refused by name."""

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vipann.audio.probe import AudioFile
from vipann.datasets import building
from vipann.datasets.building import build_manifest
from vipann.datasets.manifest import (
    COLUMNS,
    ClipTable,
    clip_row,
    clip_table,
    read_classes,
    read_manifest,
    validate,
    write_manifest,
)
from vipann.datasets.metadata import label_name
from vipann.datasets.registry import PACKAGE, adapter, declares
from vipann.errors import UserError
from vipann.registry import choices

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


class OneTable:
    def __init__(self, table):
        self.list_clips = lambda folder, block, seed: table


def test_build_manifest_checks_by_task_and_writes_nothing_unsound(tmp_path, monkeypatch):
    block = {"task": "multilabel", "clip_seconds": 5.0, "folds": 2}
    out = tmp_path / "m.parquet"
    monkeypatch.setattr(building, "adapter", lambda name: OneTable(two_clips()))
    with pytest.raises(UserError, match=r"'y'.*exactly one label"):
        build_manifest("folder", tmp_path, block | {"task": "multiclass"}, 0, out)
    with pytest.raises(UserError, match="fold other than 1"):
        build_manifest("folder", tmp_path, block | {"folds": 1}, 0, out)
    assert not out.exists()
    build_manifest("folder", tmp_path, block, 0, out)
    assert read_manifest(out).frame["labels"].tolist() == [["dog"], ["cat", "dog"]]
    build_manifest("folder", tmp_path, block | {"task": "unlabelled"}, 0, out)
    assert read_manifest(out).frame["labels"].tolist() == [[], []]
    assert read_classes(out) == []


def test_unknown_adapters_are_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"esc51.*audioset, .*esc50"):
        adapter("esc51")


@pytest.mark.parametrize("name", choices(PACKAGE))
def test_every_adapter_lists_its_clips(name):
    assert callable(adapter(name).list_clips)


def test_adapters_declare_what_planning_and_manifests_ask_of_them():
    asked = {
        constant: {name for name in choices(PACKAGE) if declares(name, constant)}
        for constant in ("DRAWN", "AS_PUBLISHED", "SUMS_BY_OPTION")
    }
    published = {"esc50", "urbansound8k", "dcase2013", "audioset", "audioset_vggish", "fsd50k"}
    assert asked == {
        "DRAWN": {"synthetic", "mixtures"},
        "AS_PUBLISHED": published,
        "SUMS_BY_OPTION": {"audioset"},
    }
