"""ShipsEar: on request only; real ships under the names of the official recordings."""

import pytest

from vipann.datasets.adapters.shipsear import list_clips, place_audio
from vipann.datasets.building import build_manifest
from vipann.errors import UserError

NAMES = ["6__10_07_13_marDeCangas_Entra.wav", "93__A__Draga_1.wav", "07_10_07_13_Espera.wav"]


def block(task="unlabelled", **options):
    return {"task": task, "clip_seconds": 10.0, "folds": 0, "padding": "zero", "options": options}


@pytest.fixture
def recordings(mirror, tmp_path):
    folder = tmp_path / "shipsear" / "recordings"
    folder.mkdir(parents=True)
    for name, path in zip(NAMES, sorted(mirror.glob("deepship/*/*.wav")), strict=False):
        (folder / name).symlink_to(path)
    return folder


def test_without_the_recordings_the_message_says_how_to_get_them(tmp_path):
    (tmp_path / "shipsear/audio").mkdir(parents=True)
    with pytest.raises(UserError) as caught:
        place_audio([], tmp_path / "shipsear/audio", block(), 0)
    for text in (
        "on request",
        "underwaternoise.atlanttic.uvigo.es",
        str(tmp_path / "shipsear/recordings"),
        "options.path",
    ):
        assert text in str(caught.value)


def test_recordings_put_beside_are_cut_into_windows(recordings, tmp_path):
    audio = tmp_path / "shipsear/audio"
    audio.mkdir()
    place_audio([], audio, block(), 0)
    table = build_manifest("shipsear", audio, block(), 0, tmp_path / "m.parquet")
    frame = table.frame
    assert table.classes == []
    assert set(frame["path"]) == {f"recordings/{name}" for name in NAMES}
    assert frame["duration_s"].max() == 10.0
    assert (frame.groupby("path")["offset_s"].min() == 0).all()
    assert len(frame) > len(NAMES)


@pytest.mark.parametrize("separator", [",", ";"])
def test_types_come_from_the_table_by_the_recordings_number(recordings, tmp_path, separator):
    rows = [["ID", "Name", "Type"], ["6", "x", "Passengers"], ["93", "y", "Dredger"]]
    rows.append(["7", "z", "Passengers"])
    (recordings / "shipsear.csv").write_text("\n".join(separator.join(row) for row in rows))
    own = block("multiclass", csv="shipsear.csv")
    table = build_manifest("shipsear", recordings, own, 0, tmp_path / "m.parquet")
    assert table.classes == ["Dredger", "Passengers"]
    for row in table.frame.itertuples():
        assert row.labels == ["Dredger" if row.path.startswith("93") else "Passengers"]


def test_recordings_that_the_table_lacks_and_wrong_rows_are_named(recordings):
    own = block("multiclass", csv="shipsear.csv")
    for text, what in (
        ("ID,Type\n6,Tug\n93,Tug\n", r"07_10_07_13_Espera\.wav"),
        ("ID,Type\n6,Tug\nx,Tug\n", r"shipsear\.csv, line 3: id 'x'"),
        ("ID,Type\n6,\n", r"shipsear\.csv, line 2: the type is empty"),
        ("ID,Name\n6,x\n", r"lacks the column\(s\) type"),
        ("ID,Type\n6,Tug\n93,Tug\n6,Ferry\n", r"line 4: type 'Ferry', but id 6 is 'Tug'"),
    ):
        (recordings / "shipsear.csv").write_text(text)
        with pytest.raises(UserError, match=what):
            list_clips(recordings, own, 0)


def test_a_folder_without_recordings_is_named(tmp_path):
    with pytest.raises(UserError, match="no recordings found"):
        list_clips(tmp_path, block(), 0)
    with pytest.raises(UserError, match=r"options\.path"):
        list_clips(tmp_path / "absent", block(), 0)
