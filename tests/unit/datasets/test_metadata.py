"""Metadata tables: what is wrong is told by file and line."""

import pytest

from vipann.datasets.metadata import (
    class_names,
    freesound,
    freesound_of,
    read_rows,
    whole_numbers,
)
from vipann.errors import UserError


def table(tmp_path, text):
    path = tmp_path / "meta.csv"
    path.write_text(text, encoding="utf-8")
    return read_rows(path, ["id", "name"])


def test_rows_know_their_line_also_after_empty_lines_and_with_quotes(tmp_path):
    rows = table(tmp_path, '\ufeffid, name\n2, cat\n\n0,"bird, big"\n')
    assert [origin.rsplit("/", 1)[1] for origin in rows["origin"]] == [
        "meta.csv, line 2",
        "meta.csv, line 4",
    ]
    assert whole_numbers(rows, "id").tolist() == [2, 0]
    rows["id"] = whole_numbers(rows, "id")
    assert class_names(rows, "id", "name") == ["bird, big", "cat"]


@pytest.mark.parametrize("value", ["", "x", "1.5", "-1", "9" * 10, "٣"])
def test_what_is_no_whole_number_is_reported_by_line(tmp_path, value):
    rows = table(tmp_path, f"id,name\n1,a\n{value},b\n")
    with pytest.raises(UserError, match=r"meta\.csv, line 3: id .* not a whole number"):
        whole_numbers(rows, "id")


def test_unknown_numbers_are_reported_by_line(tmp_path):
    rows = table(tmp_path, "id,name\n1,a\n4,b\n")
    with pytest.raises(UserError, match=r"meta\.csv, line 3: id 4 is unknown; known: 1 to 3"):
        whole_numbers(rows, "id", [1, 2, 3])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("id,name\n1,a\n1,b\n", "line 3: name 'b', but id 1 is 'a'"),
        ("id,name\n1,a\n2,\n", "line 3: the name is empty"),
        ("id,name\n1,a\n2,a\n", "line 3: two ids have the same name"),
    ],
)
def test_classes_that_speak_against_each_other_are_reported_by_line(tmp_path, text, what):
    with pytest.raises(UserError, match=what):
        class_names(table(tmp_path, text), "id", "name")


def test_missing_files_and_columns_are_named(tmp_path):
    with pytest.raises(UserError, match=r"absent\.csv"):
        read_rows(tmp_path / "absent.csv", [])
    with pytest.raises(UserError, match=r"meta\.csv, line 1: lacks the column\(s\) id, name"):
        table(tmp_path, "ID\n1\n")


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("dogs/116400__some_user__two dogs, far.wav", "116400"),
        ("321__u__t__more.flac", "321"),
        ("audio/2-116400-A-0.wav", "116400"),
        ("5-977-B-49.ogg", "977"),
        ("fold1/114587-3-0-2.wav", "114587"),
        ("344-3-10-0.wav", "344"),
        ("2114-3-1-0.wav", "2114"),
    ],
)
def test_names_that_carry_an_id_of_freesound(path, number):
    assert freesound_of(path) == freesound(number) == f"freesound:{number}"


@pytest.mark.parametrize(
    "path",
    [
        *("2020-05-13.wav", "1-2.wav", "2024-11-05-07.wav", "2024-1-5-7.wav", "1999-3-0-0.wav"),
        *(
            "20200513-1-0-0.wav",
            "2020-05-13-07.wav",
            "1-2-3-4.wav",
            "12-1-0-3.wav",
            "001-1-0-3.wav",
        ),
        *("114587-3-0-2-x.wav", "114587-13-0-2.wav", "114587-3-02-2.wav", "1234567.wav"),
        *(
            "2020__site__dawn.wav",
            "01__dog__bark.wav",
            "20200513__site__dawn.wav",
            "1234__dawn.wav",
        ),
        *("116400_user_title.wav", "6__10_07_13_marDeCangas_Entra.wav", "93__A__Draga_1.wav"),
        *("6-116400-A-0.wav", "1-116400-a-0.wav", "1-116400-A-0.wav/x.wav", "a1-116400-A-0.wav"),
        *("S4A01234_20200513_053000.wav", "116400-3-0-2/1.wav", "٣٤٤-3-0-0.wav", ""),
    ],
)
def test_ordinary_names_carry_none(path):
    assert freesound_of(path) == ""
