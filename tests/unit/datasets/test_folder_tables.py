"""Tables that list the user's own recordings."""

import csv
from collections import Counter
from pathlib import Path
from unicodedata import normalize

import pytest
from own_recordings import block, write

from vipann.datasets.adapters.folder import list_clips, place_audio
from vipann.datasets.building import build_manifest
from vipann.errors import UserError


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


def test_half_given_and_unknown_folds_are_reported_by_line(tmp_path):
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


def test_absolute_paths_below_the_folder_are_reported_as_they_must_be_written(tmp_path):
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
def test_other_encodings_are_reported_by_line(tmp_path, encoding, what):
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
