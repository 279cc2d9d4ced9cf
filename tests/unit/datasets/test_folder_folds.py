"""Folds of the user's own recordings: dealt by what is not independent, and judged."""

import csv

import pytest
from own_recordings import block, write

from vipann.datasets.adapters.folder import list_clips
from vipann.datasets.building import build_manifest
from vipann.errors import DataWarning, UserError


def test_folds_are_dealt_by_recording_and_group_where_the_csv_has_none(mirror, tmp_path):
    """Real ships: windows of one recording, and the recordings of one ship, share a fold."""
    own = block(csv="clips.csv", windows=True) | {"folds": 3}
    with (mirror / "deepship" / "clips.csv").open() as stream:
        ship_of = {row["path"]: row["ship"] for row in csv.DictReader(stream)}
    (tmp_path / "Passengership").symlink_to(mirror / "deepship" / "Passengership")
    (tmp_path / "Tanker").symlink_to(mirror / "deepship" / "Tanker")
    for column in ("ship", "group"):
        text = (mirror / "deepship" / "clips.csv").read_text()
        (tmp_path / "clips.csv").write_text(text.replace(",ship,", f",{column},", 1))
        frame = build_manifest("folder", tmp_path, own, 0, tmp_path / "m.parquet").frame
        assert (frame.groupby("path")["fold"].nunique() == 1).all()
        if column == "group":
            folds = frame.groupby(frame["path"].map(ship_of))["fold"].nunique()
            assert (folds == 1).all()
            assert len(folds) < frame["path"].nunique()
        else:
            longest = frame.groupby("path").size().max()
            for _, clips in frame.groupby(frame["labels"].str[0]):
                sizes = clips["fold"].value_counts().reindex([1, 2, 3], fill_value=0)
                assert sizes.max() - sizes.min() <= longest
        again = list_clips(tmp_path, own, 99).frame
        assert again["fold"].tolist() == frame["fold"].tolist(), "folds depend on the run's seed"


def test_class_folders_get_folds_too(tmp_path):
    for label, count in (("cat", 4), ("dog", 7)):
        for number in range(count):
            write(tmp_path / label / f"{number}.wav")
    frame = list_clips(tmp_path, block() | {"folds": [1, 5]}, 0).frame
    counts = frame.groupby([frame["labels"].str[0], "fold"]).size()
    assert counts["cat"].tolist() == [2, 2]
    assert sorted(counts["dog"]) == [3, 4]


def test_copies_links_and_groups_are_dealt_as_one(tmp_path):
    """a and its copy b, which a group links to c; a link to d; the rest alone."""
    for name in "acdefgh":
        write(tmp_path / f"{name}.wav")
    (tmp_path / "b.wav").write_bytes((tmp_path / "a.wav").read_bytes())
    (tmp_path / "d-link.wav").symlink_to("d.wav")
    names = ["a", "b", "c", "d", "d-link", "e", "f", "g", "h"]
    groups = {"b": "pond", "c": "pond"}
    lines = [f"{name}.wav,{'xy'[i % 2]},{groups.get(name, '')}" for i, name in enumerate(names)]
    lines[1] = lines[1].replace(",y,", ",x,")
    lines[4] = lines[4].replace(",x,", ",y,")
    (tmp_path / "t.csv").write_text("\n".join(["path,label,group", *lines]))
    own = block(csv="t.csv") | {"folds": 3}
    with pytest.warns(DataWarning, match="2 of 9 files are copies"):
        frame = build_manifest("folder", tmp_path, own, 0, tmp_path / "m.parquet").frame
    recordings = dict(zip(frame["clip_id"], frame["recording"], strict=True))
    assert {recordings[f"{name}.wav"] for name in "abc"} == {"pond"}
    assert {recordings["d.wav"], recordings["d-link.wav"]} == {"d-link.wav"}
    assert len(set(recordings.values())) == 6
    assert (frame.groupby("recording")["fold"].nunique() == 1).all()
    backwards = "\n".join(["path,label,group", *lines[::-1]])
    (tmp_path / "t.csv").write_text(backwards)
    again = list_clips(tmp_path, own, 0).frame.set_index("clip_id")
    assert again["recording"].to_dict() == recordings
    assert again["fold"].to_dict() == dict(zip(frame["clip_id"], frame["fold"], strict=True))


def test_a_group_in_two_given_folds_and_a_split_of_classes_are_refused_by_line(tmp_path):
    for name in "abcd":
        write(tmp_path / f"{name}.wav")
    for header, cells, what in (
        ("fold,group", ["1,pond", "1,", "2,", "2,pond"], r"line 2: a\.wav.*line 5: d\.wav.*'pond'"),
        ("split", ["", "train", "", "eval"], r"line 3: .*b\.wav has a split.*\(2 clips"),
    ):
        lines = [f"{name}.wav,{'xy'[i % 2]},{cells[i]}" for i, name in enumerate("abcd")]
        (tmp_path / "t.csv").write_text("\n".join([f"path,label,{header}", *lines]))
        own = block(csv="t.csv") | {"folds": 2 if "fold" in header else 0}
        with pytest.raises(UserError, match=what):
            build_manifest("folder", tmp_path, own, 0, tmp_path / "m.parquet")


def test_folds_of_a_table_that_no_network_is_tested_on_may_hold_a_class_alone(tmp_path):
    lines = [f"{label}{fold}.wav,{label},{fold}" for label in "xy" for fold in (1, 2)]
    lines.append("z3.wav,z,3")
    for line in lines:
        write(tmp_path / line.split(",")[0])
    (tmp_path / "t.csv").write_text("\n".join(["path,label,fold", *lines]))
    own = block(csv="t.csv") | {"folds": 3}
    build_manifest("folder", tmp_path, own, 0, tmp_path / "m.parquet", tested=[1, 2])
    with pytest.raises(UserError, match="z is in fold 3 only"):
        build_manifest("folder", tmp_path, own, 0, tmp_path / "m.parquet", tested=[2, 3])


def test_too_few_groups_for_the_folds_advise_what_helps(tmp_path):
    """A class of one group in each fold would score 0; 2 folds of 2 groups a class do not."""
    for label in "xy":
        for number in range(4):
            write(tmp_path / label / f"{number}.wav")
    for groups, what in (
        (lambda label, n: f"site {label}", "x is in fold 1 only, y is in fold 2 only"),
        (lambda label, n: f"site {n % 2}", "only 2 recordings .*folds: 2 or fewer"),
    ):
        lines = [f"{x}/{n}.wav,{x},{groups(x, n)}" for x in "xy" for n in range(4)]
        (tmp_path / "t.csv").write_text("\n".join(["path,label,group", *lines]))
        own = block(csv="t.csv") | {"folds": 5}
        with pytest.raises(UserError, match=what) as caught:
            build_manifest("folder", tmp_path, own, 0, tmp_path / "m.parquet")
        assert "folds: [" not in str(caught.value)
    built = build_manifest("folder", tmp_path, own | {"folds": 2}, 0, tmp_path / "m.parquet")
    assert set(built.frame["fold"]) == {1, 2}


SLICES = ["11640-0-0-0.wav", "11640-0-0-1.wav", "11640-3-1-2.wav", "11640__user__x.wav"]


def sliced(folder, header="path,label", cells=(), folds=3, task="multiclass"):
    """Four slices of one recording on Freesound and eight files of their own, in two classes."""
    names = [*SLICES, *(f"{number}.wav" for number in range(8))]
    for name in names:
        write(folder / name)
    cells = [*cells, *[""] * len(names)] if cells else []
    lines = [",".join([n, "xy"[i % 2], *cells[i : i + 1]]) for i, n in enumerate(names)]
    (folder / "t.csv").write_text("\n".join([header, *lines]))
    own = block(task, csv="t.csv") | {"folds": folds}
    table = list_clips(folder, own, 0)
    return table.frame.set_index("path"), table.warnings


def test_slices_of_one_recording_on_freesound_are_dealt_as_one(tmp_path):
    frame, said = sliced(tmp_path)
    assert frame.loc[SLICES, "fold"].nunique() == frame.loc[SLICES, "recording"].nunique() == 1
    assert frame["recording"].nunique() == 9
    assert len(said) == 1
    for part in ("4 of 12 files", SLICES[0], SLICES[1], "group"):
        assert part in said[0]


def test_a_group_goes_before_the_recording_on_freesound(tmp_path):
    groups = ["morning", "evening", "", ""]
    frame, said = sliced(tmp_path, "path,label,group", groups)
    named = frame.loc[SLICES, "recording"].tolist()
    assert named == ["morning", "evening", SLICES[2], SLICES[2]]
    assert "2 of 12 files" in said[0]


def test_given_folds_and_splits_that_divide_a_recording_on_freesound_are_reported(tmp_path):
    folds = [1, 1, 3, 1, *[1, 2, 3] * 2, 1, 2]
    for number, (what, cells, task, count) in enumerate(
        (
            ("fold", [str(fold) for fold in folds], "multiclass", 3),
            ("split", ["train", "train", "eval", ""], "multilabel", 0),
        )
    ):
        folder = tmp_path / str(number)
        frame, said = sliced(folder, f"path,label,{what}", cells, count, task)
        assert frame["recording"].tolist() == frame.index.tolist()
        (told,) = said
        for part in (
            f"line 2: {SLICES[0]} ({what} {cells[0]})",
            f"{SLICES[2]} ({what} {cells[2]})",
        ):
            assert part in told
        own = block(task, csv="t.csv") | {"folds": count}
        with pytest.warns(DataWarning, match="one recording on Freesound"):
            build_manifest("folder", folder, own, 0, folder / "m.parquet")
    # Folds that divide nothing: the slices are one recording.
    frame, said = sliced(tmp_path / "0", "path,label,fold", ["1"] * 4 + ["2"] * 8)
    assert frame.loc[SLICES, "recording"].nunique() == 1
