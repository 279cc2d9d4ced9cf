"""What is not independent is one recording, and is never on two sides of a fold or split."""

import warnings

import networkx
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipann.datasets import building
from vipann.datasets.archives import place
from vipann.datasets.building import build_manifest
from vipann.datasets.independence import together, with_copies_joined
from vipann.datasets.manifest import AudioFile, clip_row, clip_table, read_manifest
from vipann.datasets.registry import adapter
from vipann.errors import DataWarning, UserError

names = st.sampled_from(["", "a", "b", "c", "d", "e"])


@given(st.lists(st.tuples(names, names, names), min_size=1, max_size=12))
def test_sets_are_those_of_a_graph_of_shared_names(rows):
    """Against networkx: an edge between every two clips that share a name."""
    graph = networkx.Graph()
    graph.add_nodes_from(range(len(rows)))
    for i, one in enumerate(rows):
        graph.add_edges_from(
            (i, j) for j, other in enumerate(rows) if set(one) & set(other) - {""} and i != j
        )
    sets = together(*zip(*rows, strict=True))
    expected = {frozenset(part) for part in networkx.connected_components(graph)}
    found = {frozenset(part) for part in pd.Series(range(len(rows))).groupby(sets).agg(list)}
    assert found == expected


def row(name, label="dog", fold=1, sha=None, **more):
    audio = AudioFile(f"{name}.wav", 8000, 16000, sha or name * 8)
    return clip_row(audio, name, [label], 2.0, fold=fold, **more)


def built(tmp_path, monkeypatch, rows, task="multiclass", folds=2, name="folder"):
    table = clip_table(rows, sorted({label for row in rows for label in row["labels"]}))

    class Adapter:
        list_clips = staticmethod(lambda folder, block, seed: table)

    monkeypatch.setattr(building, "adapter", lambda _: Adapter)
    block = {"task": task, "clip_seconds": 2.0, "folds": folds}
    return build_manifest(name, tmp_path, block, 0, tmp_path / "m.parquet")


SOUND = [row("a"), row("b", "cat"), row("c", fold=2), row("d", "cat", 2)]


def test_a_copy_joins_the_recordings_of_both_and_is_reported(tmp_path, monkeypatch):
    rows = [
        *SOUND,
        row("e", fold=1, sha="x", recording="walk 2"),
        row("f", fold=1, sha="x", recording="walk 1"),
        row("g", fold=1, recording="walk 2"),
    ]
    with pytest.warns(DataWarning, match=r"1 of 7 files.*e\.wav and f\.wav"):
        table = built(tmp_path, monkeypatch, rows)
    assert table.frame["recording"].tolist()[4:] == ["walk 1"] * 3
    assert table.frame["recording"].tolist()[:4] == [f"{name}.wav" for name in "abcd"]
    again = read_manifest(tmp_path / "m.parquet")
    assert again.warnings == table.warnings
    assert len(again.warnings) == 1


def test_files_that_cannot_be_read_are_no_copies():
    audio = AudioFile("a.wav", 0, 0, "e3b0")
    rows = [clip_row(audio, name, [], 2.0, recording=name) for name in "ab"]
    frame, said = with_copies_joined(clip_table(rows, []).frame)
    assert frame["recording"].tolist() == ["a", "b"]
    assert said == []


@pytest.mark.parametrize(
    ("extra", "task", "parts"),
    [
        ([row("e", "dog", 2, sha="a" * 8)], "multiclass", ["a.wav (fold 1)", "e.wav (fold 2)"]),
        (
            [row("e", "cat", 1, sha="a" * 8)],
            "multiclass",
            ["a.wav", "label", "dog", "e.wav", "cat"],
        ),
        (
            [row("e", fold=1, recording="walk"), row("f", fold=2, recording="walk")],
            "multiclass",
            ["e.wav (fold 1)", "f.wav (fold 2)", "'walk'"],
        ),
        (
            [row("e", split="train", sha="x"), row("f", split="eval", sha="x")],
            "multilabel",
            ["e.wav (split train)", "f.wav (split eval)"],
        ),
        (
            [
                row("e", split="train", recording="walk", origin="t.csv, line 7"),
                row("f", split="eval", recording="walk", origin="t.csv, line 8"),
            ],
            "multilabel",
            ["t.csv, line 7", "t.csv, line 8", "walk"],
        ),
        # At one remove: e is a copy of a, and of a walk with f.
        (
            [
                row("e", fold=1, sha="a" * 8, recording="walk"),
                row("f", fold=2, recording="walk"),
            ],
            "multiclass",
            ["(fold 1)", "f.wav (fold 2)"],
        ),
    ],
)
def test_two_sides_of_one_recording_are_refused_by_both_names(
    tmp_path, monkeypatch, extra, task, parts
):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        built(tmp_path, monkeypatch, SOUND, task)
        with pytest.raises(UserError) as caught:
            built(tmp_path, monkeypatch, [*SOUND, *extra], task)
    for part in parts:
        assert part in str(caught.value)


def test_published_folds_are_kept_and_reported(tmp_path, monkeypatch):
    rows = [*SOUND, row("e", fold=1, recording="w"), row("f", fold=2, recording="w")]
    with pytest.warns(DataWarning, match=r"e\.wav \(fold 1\) and f\.wav \(fold 2\)"):
        table = built(tmp_path, monkeypatch, rows, name="esc50")
    assert table.frame["fold"].tolist() == [row["fold"] for row in rows]


def test_all_that_speaks_against_a_published_set_is_reported(tmp_path, monkeypatch):
    """A copy with another label hides no divided recording, and a divided copy no other one."""
    rows = [
        *SOUND,
        row("e", "cat", 1, sha="a" * 8),
        row("f", fold=1, recording="walk", split="train"),
        row("g", fold=2, recording="walk", split="eval"),
        row("h", fold=1, sha="x"),
        row("i", fold=2, sha="x"),
    ]
    with pytest.warns(DataWarning):
        said = built(tmp_path, monkeypatch, rows, "multilabel", name="audioset").warnings
    kept = [text for text in said if text.startswith("As published")]
    pairs = [
        ("a.wav (labels dog)", "e.wav (labels cat)"),
        ("h.wav (fold 1)", "i.wav (fold 2)"),
        ("f.wav (fold 1)", "g.wav (fold 2)"),
        ("f.wav (split train)", "g.wav (split eval)"),
    ]
    assert len(kept) == len(pairs)
    for text, (one, other) in zip(kept, pairs, strict=True):
        assert text.count(one) == text.count(other) == 1


def test_folds_and_labels_that_nothing_reads_are_free(tmp_path, monkeypatch):
    walk = [row("e", fold=1, recording="w"), row("f", fold=2, recording="w")]
    assert built(tmp_path, monkeypatch, [*SOUND, *walk], folds=0).warnings == []
    copy = row("e", "cat", 1, sha="a" * 8)
    with pytest.warns(DataWarning, match="copies"):
        built(tmp_path, monkeypatch, [*SOUND, copy], "unlabelled")


def test_parts_of_one_file_may_have_labels_of_their_own(tmp_path, monkeypatch):
    audio = AudioFile("long.wav", 8000, 80000, "l" * 64)
    parts = [clip_row(audio, f"p{n}", ["dog"], 2.0, offset_s=2.0 * n, fold=1) for n in range(2)]
    parts[1]["labels"] = ["cat"]
    assert built(tmp_path, monkeypatch, [*SOUND, *parts]).warnings == []


# Freesound recordings that ESC-50's folds divide, found by hand in the names of its clips
# (fold-source-take-class).
DIVIDED = {
    ("2-131943-A-38", "3-131943-A-37"),
    ("2-134049-A-6", "3-134049-A-1"),
    ("4-209698-A-37", "5-209698-A-38"),
    ("4-234879-A-6", "5-234879-A-1"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "archive", "folds", "options", "divided"),
    [
        ("esc50", "ESC-50-32k.zip", 5, {"subset": "esc50"}, DIVIDED),
        ("esc50", "ESC-10.zip", 5, {"subset": "esc10"}, set()),
        ("urbansound8k", "UrbanSound8K-mini.tar.gz", [1, 2, 3, 10], {}, set()),
    ],
)
def test_the_published_sets_themselves(mirror, tmp_path, name, archive, folds, options, divided):
    block = {"task": "multiclass", "clip_seconds": 5.0, "folds": folds, "options": options}
    place([mirror / archive], tmp_path / "audio")
    before = adapter(name).list_clips(tmp_path / "audio", block, 0).frame
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = build_manifest(name, tmp_path / "audio", block, 0, tmp_path / "m.parquet")
    said = [str(w.message) for w in caught if issubclass(w.category, DataWarning)]
    assert len(said) == len(table.warnings) == bool(divided)
    for one, other in divided:
        assert one in said[0]
        assert other in said[0]
    pd.testing.assert_frame_equal(
        table.frame.drop(columns="recording"), before.drop(columns="recording")
    )
    assert table.frame["recording"].tolist() == before["recording"].tolist()
