"""Metadata tables: what is wrong is told by file and line."""

import pytest

from vipann.datasets.metadata import class_names, read_rows, whole_numbers
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
def test_what_is_no_whole_number_is_told_by_line(tmp_path, value):
    rows = table(tmp_path, f"id,name\n1,a\n{value},b\n")
    with pytest.raises(UserError, match=r"meta\.csv, line 3: id .* not a whole number"):
        whole_numbers(rows, "id")


def test_unknown_numbers_are_told_by_line(tmp_path):
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
def test_classes_that_speak_against_each_other_are_told_by_line(tmp_path, text, what):
    with pytest.raises(UserError, match=what):
        class_names(table(tmp_path, text), "id", "name")


def test_missing_files_and_columns_are_named(tmp_path):
    with pytest.raises(UserError, match=r"absent\.csv"):
        read_rows(tmp_path / "absent.csv", [])
    with pytest.raises(UserError, match=r"meta\.csv, line 1: lacks the column\(s\) id, name"):
        table(tmp_path, "ID\n1\n")
