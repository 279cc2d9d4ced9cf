"""The user's own recordings, by class folders and by CSV, whole and in windows."""

import csv
from collections import Counter
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vipann.audio.walk import AUDIO_SUFFIXES
from vipann.config import read_layer
from vipann.datasets.adapters.folder import list_clips, place_audio
from vipann.datasets.building import build_manifest
from vipann.datasets.manifest import read_manifest
from vipann.errors import DataWarning, UserError
from vipann.features.extract import extract_features
from vipann.features.rejected import rejected_list

ROOT = Path(__file__).parents[3]


def block(task="multiclass", clip_seconds=5.0, **options) -> dict:
    return {
        "task": task,
        "clip_seconds": clip_seconds,
        "folds": 0,
        "padding": "zero",
        "options": options,
    }


def write(path, samples=4000, rate=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = [samples, *str(path).encode()]
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, samples)
    soundfile.write(path, noise, rate)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("folder")


def test_real_ships_by_class_folder(mirror, tmp_path):
    table = build_manifest("folder", mirror / "deepship", block(), 0, tmp_path / "m.parquet")
    assert table.classes == ["Passengership", "Tanker"]
    found = {
        path.relative_to(mirror / "deepship").as_posix() for path in mirror.glob("deepship/*/*.wav")
    }
    assert set(table.frame["path"]) == found
    for row in table.frame.itertuples():
        assert row.labels == [row.path.split("/")[0]]
        assert row.clip_id == row.path
        assert row.duration_s == 5.0


def test_real_ships_from_single_files_and_csv_in_windows(mirror, tmp_path):
    """Windows against the durations that the CSV's own authors give."""
    with (mirror / "deepship" / "clips.csv").open() as stream:
        every = list(csv.DictReader(stream))
    listed = [*every[:3], every[-1]]
    archives = tmp_path / "ships" / "archives"
    for label in ("Passengership", "Tanker"):
        (archives / label).mkdir(parents=True)
    for row in listed:
        (archives / row["path"]).symlink_to(mirror / "deepship" / row["path"])
    with (archives / "clips.csv").open("w") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(listed[0]))
        writer.writeheader()
        writer.writerows(listed)
    files = [*(archives / row["path"] for row in listed), archives / "clips.csv"]
    own = block(clip_seconds=4.0, csv="clips.csv", windows=True)
    (tmp_path / "audio").mkdir()
    place_audio(files, tmp_path / "audio", own, 0)
    frame = build_manifest("folder", tmp_path / "audio", own, 0, tmp_path / "m.parquet").frame
    for row in listed:
        windows = frame[frame["path"] == row["path"]]
        duration = float(row["duration_s"])
        expected = [
            (4.0 * k, min(4.0, duration - 4.0 * k)) for k in range(9) if duration - 4 * k >= 2
        ]
        assert list(zip(windows["offset_s"], windows["duration_s"], strict=True)) == expected
        assert set(windows["labels"].explode()) == {row["label"]}
        assert windows["clip_id"].tolist() == [
            f"{row['path']}#{number:03d}" for number in range(len(expected))
        ]


@given(
    st.integers(1, 5000),
    st.sampled_from([1000, 5120, 22050]),
    st.sampled_from([0.01, 0.1, 0.25, 1.0]),
)
@example(1000, 1000, 1.0)
@example(1500, 1000, 1.0)
@example(1499, 1000, 1.0)
@example(499, 1000, 1.0)
@settings(deadline=None, max_examples=60)
def test_windows_cover_the_recording(scratch, frames, rate, clip_seconds):
    folder = scratch / "windows"
    write(folder / "a.wav", frames, rate)
    own = block("unlabelled", clip_seconds, windows=True)
    frame = list_clips(folder, own, 0).frame
    duration = frames / rate
    end = frame["offset_s"].iloc[-1] + frame["duration_s"].iloc[-1]
    assert frame["offset_s"].tolist() == [clip_seconds * k for k in range(len(frame))]
    assert (frame["duration_s"].iloc[:-1] == clip_seconds).all()
    assert frame["duration_s"].max() <= clip_seconds
    assert end <= duration + 1e-9
    assert duration - end < clip_seconds / 2 + 1 / rate
    if len(frame) > 1:
        assert frame["duration_s"].iloc[-1] >= clip_seconds / 2 - 1 / rate


def test_without_windows_a_recording_is_one_clip(tmp_path):
    write(tmp_path / "a.wav", 20000)
    row = list_clips(tmp_path, block("unlabelled", 2.0), 0).frame.iloc[0]
    assert (row["offset_s"], row["duration_s"]) == (0.0, 2.0)


def test_every_format_that_is_promised(tmp_path):
    for suffix in ("wav", "flac", "ogg", "mp3", "WAV"):
        write(tmp_path / f"x.{suffix}", 16000, 16000)
    (tmp_path / "readme.txt").write_text("not audio")
    (tmp_path / "._x.wav").write_text("what macOS leaves")
    frame = list_clips(tmp_path, block("unlabelled"), 0).frame
    assert frame["clip_id"].tolist() == ["x.WAV", "x.flac", "x.mp3", "x.ogg", "x.wav"]
    assert frame["duration_s"].to_numpy() == pytest.approx(1.0, abs=0.1)


def test_a_folder_without_audio_is_told_all_that_was_looked_for(tmp_path):
    with pytest.raises(UserError, match="no recordings found") as caught:
        list_clips(tmp_path, block(), 0)
    assert all(suffix in str(caught.value) for suffix in AUDIO_SUFFIXES)


@pytest.mark.parametrize("suffix", ["wma", "voc", "8svx"])
def test_audio_of_a_format_that_is_not_read_is_not_left_out_without_a_word(tmp_path, suffix):
    write(tmp_path / "owl/a.wav")
    (tmp_path / f"owl/b.{suffix}").write_bytes(b"audio")
    with pytest.raises(UserError, match=rf"owl/b\.{suffix} .*convert it to wav or flac"):
        list_clips(tmp_path, block(), 0)


def test_class_folders_may_be_links(tmp_path):
    write(tmp_path / "store" / "deep" / "a.wav")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dog").symlink_to("../store")
    table = list_clips(tmp_path / "mine", block(), 0)
    assert table.classes == ["dog"]
    assert table.frame["path"].tolist() == ["dog/deep/a.wav"]


def test_two_names_of_one_folder_are_refused_only_where_folders_are_classes(tmp_path):
    mine = tmp_path / "mine"
    write(mine / "2024/a.wav")
    write(mine / "2023/b.wav")
    (mine / "current").symlink_to("2024")
    with pytest.raises(UserError, match=r"mine/current and 2024 .*the same folder: remove"):
        list_clips(mine, block(), 0)
    both = ["2023/b.wav", "2024/a.wav"]
    assert list_clips(mine, block("unlabelled"), 0).frame["path"].tolist() == both
    (mine / "clips.csv").write_text("path,label\ncurrent/a.wav,owl\n2023/b.wav,wren\n")
    frame = list_clips(mine, block(csv="clips.csv"), 0).frame
    assert frame["path"].tolist() == ["current/a.wav", "2023/b.wav"]


def test_files_of_a_table_are_looked_for_once_and_only_missing_ones_again(tmp_path, monkeypatch):
    names = [f"{number}.wav" for number in range(4)]
    for name in names:
        write(tmp_path / name)
    write(tmp_path / normalize("NFD", "zaunkönig.wav"))
    rows = [f"{name},owl\n" for name in names]
    rows += [normalize("NFC", "zaunkönig.wav") + ",wren\n"]
    (tmp_path / "clips.csv").write_text("path,label\n" + "".join(rows))
    asked, is_file = Counter(), Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda path: asked.update([path.name]) or is_file(path))
    paths = list_clips(tmp_path, block(csv="clips.csv"), 0).frame["path"]
    assert paths.tolist() == [*names, normalize("NFD", "zaunkönig.wav")]
    # Once for the table, once when its length is read.
    assert {asked[name] for name in names} == {2}


def test_odd_formats_unlabelled(mirror, tmp_path):
    own = block("unlabelled", 2.0, windows=True)
    table = build_manifest("folder", mirror / "odd-formats", own, 0, tmp_path / "m.parquet")
    assert table.classes == []
    assert table.frame["path"].nunique() == 9
    assert all(labels == [] for labels in table.frame["labels"])


@pytest.mark.parametrize("windows", [False, True])
def test_a_broken_file_stays_listed_for_the_features_to_refuse(tmp_path, windows):
    write(tmp_path / "mine/dog/a.wav")
    write(tmp_path / "mine/owl/a.wav")
    for name, content in (("broken", b"RIFF and then nothing"), ("empty", b"")):
        (tmp_path / f"mine/dog/{name}.wav").write_bytes(content)
    own = block(windows=windows)
    build_manifest("folder", tmp_path / "mine", own, 0, tmp_path / "m.parquet")
    frame = read_manifest(tmp_path / "m.parquet").frame
    paths = ["dog/a.wav", "dog/broken.wav", "dog/empty.wav", "owl/a.wav"]
    assert frame["path"].tolist() == paths
    assert (frame["sample_rate"] > 0).tolist() == [True, False, False, True]
    out = tmp_path / "f.h5"
    front_end = read_layer(ROOT / "config/config.yaml")["features"]
    paths = (tmp_path / "m.parquet", tmp_path / "mine", own, front_end, out, 1)
    with pytest.raises(UserError, match="2 of 4"):
        extract_features(*paths, max_rejected=0.4)
    extract_features(*paths, max_rejected=0.7)
    refused = pd.read_csv(rejected_list(out))
    assert refused["path"].tolist() == ["dog/broken.wav", "dog/empty.wav"]


@pytest.mark.parametrize("name", ["dog/film.mkv", "dog/speech.m4a"])
def test_files_that_nothing_here_can_read_are_named(tmp_path, name, monkeypatch):
    write(tmp_path / "dog" / "a.wav")
    (tmp_path / name).write_bytes(b"something")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=name):
        list_clips(tmp_path, block(), 0)


def test_a_clip_without_a_class_folder_is_named(tmp_path):
    write(tmp_path / "a.wav")
    with pytest.raises(UserError, match=r"a\.wav has no label"):
        list_clips(tmp_path, block(), 0)


def test_multilabel_csv_with_fold_and_split(tmp_path):
    write(tmp_path / "a.wav")
    write(tmp_path / "b" / "c.wav")
    text = "\ufeffpath,labels,fold,split\na.wav,dog; cat,2,train\nb/c.wav,,,\n"
    (tmp_path / "mine.csv").write_text(text, encoding="utf-8")
    table = list_clips(tmp_path, block("multilabel", csv="mine.csv"), 0)
    assert table.classes == ["cat", "dog"]
    assert table.frame["labels"].tolist() == [["dog", "cat"], []]
    assert table.frame["fold"].tolist() == [2, 0]
    assert table.frame["split"].tolist() == ["train", ""]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("file,label\na.wav,dog\n", r"line 1: lacks the column\(s\) path.*file, label"),
        ("Path,Label\na.wav,dog\n", r"line 1: lacks.*write `path` for 'Path'"),
        ("a.wav,dog\nb.wav,cat\n", r"line 1: .*'a\.wav,dog' and should name.*path,label"),
        ("path;label\na.wav;dog\n", r"line 1: .*semicolons.*commas: path,label"),
        ("path\tlabel\na.wav\tdog\n", r"line 1: .*tabs.*commas: path,label"),
        ("path,label,label\na.wav,dog,x\n", "line 1: there are 2 columns `label`"),
        ("path,label,Groups\na.wav,dog,x\n", "line 1: the column 'Groups' .*write `group`"),
        ("path,label\na.wav,owl, barn\n", "line 2: 3 cells.*2 columns.*quotes"),
        ('path,label\na.wav,dog\n\n"b.wav,dog\n', "line 4: the row cannot be read"),
        ("path,label\n", "nothing below its header"),
        ("path,label\n/etc/a.wav,dog\n", "line 2: the path '/etc/a.wav' is absolute"),
        ("path,label\nb\\c.wav,dog\n", "line 2: .*backslashes.*write b/c.wav"),
        ("path,label\na.wav,dog\nb/../a.wav,dog\n", r"line 3: a\.wav appears twice.*line 2"),
        ("path,label\na.wav,dog\na.wav,cat\n", r"line 3: a\.wav appears twice.*`labels`"),
        ("path\na.wav\n", "`label` or a column `labels`"),
        ("path,label,labels\na.wav,dog,dog\n", "`label` or a column `labels`"),
        ("path,label\na.wav,\n", "line 2: the label is empty"),
        ("path,label\na.wav,dog\n../x.wav,dog\n", "line 3.*outside"),
        ("path,label,fold\na.wav,dog,one\n", "line 2: fold 'one'"),
        ("path,label,split\na.wav,dog,test\n", "line 2: split 'test'"),
        ("path,label\na.wav,dog\nz.wav,dog\n", r"line 3: there is no file z\.wav"),
        ("", r"mine\.csv"),
    ],
)
def test_wrong_csvs_are_named(tmp_path, text, what):
    write(tmp_path / "a.wav")
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(UserError, match=what):
        list_clips(tmp_path, block(csv="mine.csv"), 0)


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


def test_half_given_and_unknown_folds_are_told_by_line(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / f"{name}.wav")
    for text, what in (
        ("path,label,fold\na.wav,dog,1\nb.wav,cat,\n", "line 3: the fold is empty"),
        ("path,label,fold\na.wav,dog,1\nb.wav,cat,7\n", "line 3: .*fold other than 1 to 2"),
    ):
        (tmp_path / "mine.csv").write_text(text)
        with pytest.raises(UserError, match=rf"mine\.csv, {what}"):
            build_manifest(
                "folder", tmp_path, block(csv="mine.csv") | {"folds": 2}, 0, tmp_path / "m"
            )


def test_path_option_reads_in_place(tmp_path):
    write(tmp_path / "mine" / "dog" / "a.wav")
    (tmp_path / "audio").mkdir()
    place_audio([], tmp_path / "audio", block(path=str(tmp_path / "mine")), 0)
    assert list((tmp_path / "audio").iterdir()) == []
    with pytest.raises(UserError, match=r"options\.path"):
        place_audio([], tmp_path / "audio", block(path=str(tmp_path / "absent")), 0)
    with pytest.raises(UserError, match=r"options\.path"):
        place_audio([], tmp_path / "audio", block(), 0)
    with pytest.raises(UserError, match="absent"):
        list_clips(tmp_path / "absent", block(), 0)
    with pytest.raises(UserError, match="no recordings"):
        list_clips(tmp_path / "audio", block(), 0)


def test_names_of_freesound_add_their_recording_to_the_sources(tmp_path):
    for name in ("116400__user__dog.wav", "2-114587-A-0.wav", "2020-05-13.wav"):
        write(tmp_path / "dog" / name)
    frame = list_clips(tmp_path, block(clip_seconds=0.25, windows=True), 0).frame
    assert frame["recording"].tolist() == frame["path"].tolist()
    sources = dict(zip(frame["path"], frame["sources"], strict=True))
    assert sources == {
        "dog/116400__user__dog.wav": ["dog/116400__user__dog.wav", "freesound:116400"],
        "dog/2-114587-A-0.wav": ["dog/2-114587-A-0.wav", "freesound:114587"],
        "dog/2020-05-13.wav": ["dog/2020-05-13.wav"],
    }
    assert len(frame) == 6


def test_absolute_paths_below_the_folder_are_told_as_they_must_be_written(tmp_path):
    write(tmp_path / "deep" / "a.wav")
    (tmp_path / "mine.csv").write_text(f"path,label\n{tmp_path}/deep/a.wav,dog\n")
    with pytest.raises(UserError, match=r"mine\.csv, line 2: .*absolute.*: write deep/a\.wav"):
        list_clips(tmp_path, block(csv="mine.csv"), 0)


def test_names_that_look_odd_and_are_sound(tmp_path):
    """Dots in front, a comma in quotes, a delimiter at every line's end, columns of one's own."""
    for name in ("...and more.wav", "b.wav"):
        write(tmp_path / name)
    text = 'path,label,place,\n...and more.wav,"owl, barn",x,\nb.wav,wren,y,\n'
    (tmp_path / "mine.csv").write_text(text)
    table = list_clips(tmp_path, block(csv="mine.csv"), 0)
    assert table.classes == ["owl, barn", "wren"]
    assert table.frame["path"].tolist() == ["...and more.wav", "b.wav"]


@pytest.mark.parametrize(
    ("encoding", "what"), [("utf-16", "line 1: .*UTF-8"), ("latin-1", "line 3")]
)
def test_other_encodings_are_told_by_line(tmp_path, encoding, what):
    text = "path,label\na.wav,dog\nzaunk\u00f6nig.wav,dog\n"
    (tmp_path / "mine.csv").write_bytes(text.encode(encoding))
    with pytest.raises(UserError, match=rf"mine\.csv, {what}.*UTF-8"):
        list_clips(tmp_path, block(csv="mine.csv"), 0)


COMPOSED, DECOMPOSED = "h\u00e9ron", "he\u0301ron"


def test_one_label_in_two_unicode_forms_and_with_spaces_is_one(tmp_path):
    for number, name in enumerate((COMPOSED, DECOMPOSED, f"{COMPOSED} ")):
        write(tmp_path / name / f"{number}.wav")
    assert list_clips(tmp_path, block(), 0).classes == [COMPOSED]
    for column, extra in (("label", ""), ("labels", "; owl")):
        lines = [f"{DECOMPOSED}/1.wav,{COMPOSED}{extra}", f"{COMPOSED}/0.wav, {DECOMPOSED} {extra}"]
        (tmp_path / "t.csv").write_text("\n".join([f"path,{column}", *lines]), encoding="utf-8")
        table = list_clips(tmp_path, block("multilabel", csv="t.csv"), 0)
        assert table.classes == [COMPOSED, *(["owl"] if extra else [])]


def test_a_path_may_be_written_in_the_other_unicode_form(tmp_path):
    write(tmp_path / f"{DECOMPOSED}.wav")
    (tmp_path / "t.csv").write_text(f"path,label\n{COMPOSED}.wav,owl\n", encoding="utf-8")
    table = list_clips(tmp_path, block(csv="t.csv"), 0)
    assert table.frame["path"].tolist() == [f"{DECOMPOSED}.wav"]


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
