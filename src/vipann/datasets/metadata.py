"""Metadata tables (CSV) that name clips; every fault is told with its file and line."""

import re
from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath

import pandas as pd

from vipann.errors import UserError
from vipann.folds import wording

# Names of recordings that mean the same one in every dataset begin so, as a regular expression.
SAME_EVERYWHERE = "freesound:|youtube:"
_ID = r"(?!(?:19|20)\d\d(?!\d))([1-9]\d{2,6})"
_FREESOUND_NAME = re.compile(
    rf"{_ID}__.+?__.+|[1-5]-(\d{{1,7}})-[A-Z]-[0-4]?\d|{_ID}-\d-(?:0|[1-9]\d*)-(?:0|[1-9]\d*)",
    re.ASCII | re.DOTALL,
)


def read_rows(path: Path, required: Collection[str], separator: str = ",") -> pd.DataFrame:
    """The table's cells as stripped strings ("" where empty), and `origin`: "<path>, line <n>".

    Raises UserError, which names the file, when it cannot be read or lacks a required column.
    """
    try:
        table = pd.read_csv(
            path,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            sep=separator,
            skip_blank_lines=False,
        ).fillna("")
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from error
    table = table.rename(columns=str.strip)
    if missing := [name for name in required if name not in table.columns]:
        raise UserError(f"{path} lacks the column(s) {', '.join(missing)}.")
    table = table.apply(lambda column: column.str.strip())
    table["origin"] = [f"{path}, line {line}" for line in range(2, len(table) + 2)]
    return table[(table.drop(columns="origin") != "").any(axis=1)]


def whole_numbers(
    table: pd.DataFrame, column: str, allowed: Collection[int] | None = None
) -> pd.Series:
    """A column as integers; UserError names the first row that holds none, or none allowed."""
    text = table[column]
    plain = text.str.fullmatch(r"[0-9]{1,9}")
    refuse(table, ~plain, lambda row: f"{column} {row[column]!r} is not a whole number")
    numbers = text.astype("int64")
    if allowed is not None:
        known = wording(sorted(allowed))
        outside = ~numbers.isin(list(allowed))
        refuse(table, outside, lambda row: f"{column} {row[column]} is unknown; known: {known}")
    return numbers


def class_names(table: pd.DataFrame, number: str, name: str) -> list[str]:
    """Class names in the order of their numbers.

    UserError names the first row with an empty name, or one that speaks against an earlier row.
    """
    refuse(table, table[name] == "", lambda row: f"the {name} is empty")
    first = table.drop_duplicates(number).sort_values(number)
    names = dict(zip(first[number], first[name], strict=True))
    other = table[name] != table[number].map(names)
    refuse(
        table,
        other,
        lambda row: f"{name} {row[name]!r}, but {number} {row[number]} is {names[row[number]]!r}",
    )
    if doubled := first.loc[first[name].duplicated(), "origin"].tolist():
        raise UserError(f"{doubled[0]}: two {number}s have the same {name}.")
    return first[name].tolist()


def freesound(number: str) -> str:
    """Name of a recording by its id on Freesound, the same for every dataset cut from there."""
    return f"freesound:{number.lstrip('0')}"


def freesound_of(path: str) -> str:
    """The recording on Freesound that a file's name tells of (see `freesound`), else "".

    Names are told by their form: Freesound's own of a download, `<id>__<user>__<title>`; ESC-50's,
    `<fold>-<id>-<take: a letter>-<target>`; UrbanSound8K's, `<id>-<classID>-<take>-<slice>`. Where
    there is no letter to tell a name by, an id has 3 to 7 digits, does not begin with 0 and is no
    year from 1900 to 2099, so that dates and counters are none.
    """
    match = _FREESOUND_NAME.fullmatch(PurePosixPath(path).stem)
    return freesound(next(filter(None, match.groups()))) if match else ""


def refuse(table: pd.DataFrame, wrong: pd.Series, what: Callable[[pd.Series], str]) -> None:
    """Raise UserError for the first wrong row of a table of `read_rows`, if there is one."""
    if wrong.any():
        row = table[wrong.to_numpy(dtype=bool)].iloc[0]
        raise UserError(f"{row['origin']}: {what(row)}.")
