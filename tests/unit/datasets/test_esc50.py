"""ESC-10 and ESC-50 from the official layout, on the real archive."""

import csv
import io
import zipfile
from collections import Counter

import pytest

from vipann.datasets.adapters.esc50 import list_clips
from vipann.datasets.archives import place
from vipann.datasets.building import build_manifest
from vipann.errors import UserError

BLOCK = {
    "task": "multiclass",
    "clip_seconds": 5.0,
    "folds": 5,
    "padding": "zero",
    "options": {"subset": "esc10"},
}


@pytest.fixture(scope="module")
def meta(mirror):
    with zipfile.ZipFile(mirror / "ESC-10.zip") as packed:
        text = packed.read("ESC-50-master/meta/esc50.csv").decode()
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def build(mirror, meta, tmp_path):
    """Place an archive of one real clip per class and fold, its CSV changed by `edit`."""

    def build(edit=lambda rows: rows, top="ESC-50-master", leave_out=()):
        chosen = list({(row["target"], row["fold"]): dict(row) for row in meta}.values())
        archive = tmp_path / "ESC-50-master.zip"
        text = io.StringIO()
        with (
            zipfile.ZipFile(mirror / "ESC-10.zip") as source,
            zipfile.ZipFile(archive, "w") as packed,
        ):
            for row in chosen:
                if row["filename"] not in leave_out:
                    data = source.read(f"ESC-50-master/audio/{row['filename']}")
                    packed.writestr(f"{top}/audio/{row['filename']}", data)
            rows = edit(chosen)
            writer = csv.DictWriter(text, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
            packed.writestr(f"{top}/meta/esc50.csv", text.getvalue())
        (tmp_path / "audio").mkdir(exist_ok=True)
        place([archive], tmp_path / "audio")
        return tmp_path / "audio"

    return build


def test_the_real_archive(mirror, meta, tmp_path):
    (tmp_path / "audio").mkdir()
    place([mirror / "ESC-10.zip"], tmp_path / "audio")
    table = build_manifest("esc50", tmp_path / "audio", BLOCK, 0, tmp_path / "m.parquet")
    frame = table.frame
    assert len(frame) == 400
    assert Counter(frame["fold"]) == {1: 80, 2: 80, 3: 80, 4: 80, 5: 80}
    assert (frame["sample_rate"] == 44100).all()
    assert frame["duration_s"].max() == 5.0
    assert (frame["offset_s"] == 0).all()
    # The published name is fold-source-take-target: an independent witness of fold and label.
    names = {int(row["target"]): row["category"] for row in meta}
    assert table.classes == [names[target] for target in sorted(names)]
    for row in frame.to_dict("records"):
        fold, _, _, target = row["clip_id"].split("-")
        assert row["fold"] == int(fold)
        assert row["labels"] == [names[int(target)]]
        assert row["recording"] == f"freesound:{row['clip_id'].split('-')[1]}"
        assert row["sources"] == [row["recording"]]
    assert frame.groupby("recording")["fold"].nunique().max() == 1


def test_the_top_folder_may_have_any_name(build):
    assert len(list_clips(build(top="karolpiczak-ESC-50-33c8ce9"), BLOCK, 0).frame) == 50


def test_esc10_takes_only_the_flagged_rows(build):
    def unflag_a_clip(rows):
        rows[7]["esc10"] = "False"
        return rows

    frame = list_clips(build(unflag_a_clip), BLOCK, 0).frame
    assert len(frame) == 49


def test_a_listed_file_that_lacks_is_named(build, meta):
    with pytest.raises(UserError, match=meta[-1]["filename"]):
        list_clips(build(leave_out=[meta[-1]["filename"]]), BLOCK, 0)


def test_folds_other_than_the_published_are_refused(build):
    def sixth_fold(rows):
        rows[3]["fold"] = "6"
        return rows

    with pytest.raises(UserError, match=r"esc50\.csv, line 5: fold 6 is unknown"):
        list_clips(build(sixth_fold), BLOCK, 0)


def test_the_small_archive_is_not_taken_for_the_whole(build):
    with pytest.raises(UserError, match=r"esc50 has 50 classes, found 10.*options\.subset: esc10"):
        list_clips(build(), BLOCK | {"options": {"subset": "esc50"}}, 0)


def test_missing_metadata_and_columns(build, tmp_path):
    def without_fold(rows):
        return [{key: row[key] for key in row if key != "fold"} for row in rows]

    with pytest.raises(UserError, match=r"meta/esc50\.csv"):
        list_clips(tmp_path, BLOCK, 0)
    folder = build(without_fold)
    with pytest.raises(UserError, match="fold"):
        list_clips(folder, BLOCK, 0)
