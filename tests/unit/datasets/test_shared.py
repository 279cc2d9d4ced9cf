"""Clips that datasets of a run share, against a comparison clip by clip."""

import random

import pandas as pd
import pytest

from vipann.datasets.manifest import AudioFile, clip_row, clip_table, write_manifest
from vipann.datasets.shared import read_clips, read_list, shared_clips, write_shared
from vipann.errors import UserError


def clip(name, labels=("x",), sha256="", *, recording="", sources=(), **about):
    audio = AudioFile(name, 10, 10, sha256)
    return clip_row(audio, name, labels, 1, recording=recording, sources=sources, **about)


def manifest(folder, name, rows, classes=("x", "y")):
    path = folder / f"{name}.parquet"
    write_manifest(clip_table(rows, list(classes)), path)
    return path


@pytest.fixture
def run(tmp_path):
    """Writes manifests of (dataset, rows), lists what the first shares: {clip_id: reason}."""

    def shared(role, *datasets):
        paths = {name: manifest(tmp_path, name, rows) for name, rows in datasets}
        out = tmp_path / "list.csv"
        write_shared(datasets[0][0], role, paths, out)
        return read_list(out).set_index("clip_id")

    return shared


def test_each_thing_shared_is_found_and_reported_with_its_place(run):
    upstream = [
        clip("same file", sha256="a1", split="train"),
        clip("mixture", sources=["freesound:7", "freesound:9"], split="train"),
        clip("slice", recording="freesound:11", split="eval"),
        clip("video", recording="youtube:abc", split="eval"),
        clip("other", sha256="b2", recording="freesound:12", split="train"),
        clip("another", split="eval"),
    ]
    first = [clip("1.wav", sha256="a1", fold=3), clip("2.wav", recording="freesound:9", fold=2)]
    second = [
        clip("3.wav", sources=["3.wav", "freesound:11"]),
        clip("4.wav", recording="youtube:abc", split="eval"),
        clip("5.wav", recording="freesound:9", fold=1),
    ]
    found = run("upstream", ("up", upstream), ("first", first), ("second", second))
    assert found["reason"].to_dict() == {
        "same file": "its file, by its sha256, is in first, fold 3",
        "mixture": "its recording freesound:9 is in first, fold 2",
        "slice": "its recording freesound:11 is in second",
        "video": "its recording youtube:abc is in second, eval",
    }
    assert found["split"].tolist() == ["train", "train", "eval", "eval"]
    assert found["left_out"].all()


def test_paths_groups_and_sums_that_were_not_computed_are_no_names_of_audio(run):
    mine = [clip("dog/1.wav"), clip("dog/2.wav", recording="site 1"), clip("dog/3.wav")]
    yours = [clip("dog/1.wav"), clip("dog/4.wav", recording="site 1"), clip("freesound")]
    assert run("upstream", ("mine", mine), ("yours", yours)).empty


def test_transfer_datasets_are_listed_and_keep_their_clips(run):
    rows = [clip("a", recording="freesound:5")]
    found = run("transfer", ("one", rows), ("two", rows))
    assert found.index.tolist() == ["a"]
    assert not found["left_out"].any()


def test_a_set_of_which_nothing_would_be_left_is_refused(run):
    rows = [clip("a", sha256="1"), clip("b", recording="freesound:5")]
    for role in ("upstream", "ood"):
        with pytest.raises(UserError, match=r"set: all 2 clips .* with one, two .* Take one, two"):
            run(role, ("set", rows), ("one", rows[:1]), ("two", rows[1:]), ("three", [clip("c")]))


@pytest.mark.parametrize("split", ["train", "eval"])
def test_an_upstream_class_that_would_lose_all_clips_of_a_split_is_refused(run, split):
    rows = [clip(f"{s} {label}", label, split=s) for s in ("train", "eval") for label in "xy"]
    last = clip("last", "y", recording="freesound:5", split=split)
    theirs = ("esc", [clip("theirs", recording="freesound:5")])
    assert run("upstream", ("up", [*rows, last]), theirs).index.tolist() == ["last"]
    alone = [*(row for row in rows if row["clip_id"] != f"{split} y"), last]
    with pytest.raises(UserError, match=f"up: 1 of 4 clips .* esc .* class 'y' in {split}") as told:
        run("upstream", ("up", alone), theirs)
    assert "freesound:5" in str(told.value)
    assert run("ood", ("up", alone), theirs).index.tolist() == ["last"]


def test_the_same_clips_as_by_comparing_every_pair(tmp_path):
    draw = random.Random(0)

    def table(seed):
        names = [*("p", "q", "r"), *(f"freesound:{n}" for n in range(12))]
        rows = [
            clip(
                f"{seed} {number}",
                sha256=draw.choice(["", "", f"sum {draw.randrange(60)}"]),
                recording=draw.choice(names),
                sources=draw.sample(names, draw.randrange(4)),
                fold=draw.randrange(3),
            )
            for number in range(40)
        ]
        return rows, read_clips(manifest(tmp_path, "drawn", rows))

    def things(row):
        names = {row["recording"], *row["sources"]}
        return {name for name in names if name.startswith("freesound:")} | {
            ("sum", row["sha256"]) for _ in range(bool(row["sha256"]))
        }

    found_some = 0
    for round_ in range(20):
        (own, own_table), (one, one_table), (two, two_table) = map(table, range(3))
        found = shared_clips(own_table, {"one": one_table, "two": two_table})
        expected = [
            index
            for index, row in enumerate(own)
            if any(things(row) & things(other) for other in [*one, *two])
        ]
        assert found.index.tolist() == expected, round_
        found_some += 0 < len(expected) < len(own)
    assert found_some > 10


def test_the_list_is_only_its_header_where_nothing_is_shared(tmp_path):
    paths = {name: manifest(tmp_path, name, [clip(name)]) for name in ("a", "b")}
    write_shared("a", "upstream", paths, tmp_path / "list.csv")
    assert (tmp_path / "list.csv").read_text() == "clip_id,split,reason,left_out\n"
    assert isinstance(read_list(tmp_path / "list.csv"), pd.DataFrame)


def test_a_file_that_is_no_manifest_is_named(tmp_path):
    (tmp_path / "b.parquet").write_text("no")
    paths = {"a": manifest(tmp_path, "a", [clip("a")]), "b": tmp_path / "b.parquet"}
    with pytest.raises(UserError, match=r"b\.parquet"):
        write_shared("a", "upstream", paths, tmp_path / "list.csv")
