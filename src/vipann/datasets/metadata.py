"""Metadata tables (CSV) that name clips; every fault is reported with its file and line."""

import csv
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from io import StringIO
from pathlib import Path, PurePosixPath

import pandas as pd

from vipann.errors import UserError
from vipann.folds import wording

# Names of recordings that mean the same one in every dataset begin so.
SAME_EVERYWHERE = ("freesound:", "youtube:")
_ID = r"(?!(?:19|20)\d\d(?!\d))([1-9]\d{2,6})"
_FREESOUND_NAME = re.compile(
    rf"{_ID}__.+?__.+|[1-5]-(\d{{1,7}})-[A-Z]-[0-4]?\d|{_ID}-\d-(?:0|[1-9]\d*)-(?:0|[1-9]\d*)",
    re.ASCII | re.DOTALL,
)

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_ORIGIN = " origin"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_AS_UTF_8 = "save the table as UTF-8 (in Excel: file type `CSV UTF-8`)"


def label_name(text: str) -> str:
    """A label as it is compared: stripped, and in Unicode's form NFC.

    An accented letter is one code point or two, depending on the system that a name was typed on;
    both look the same.
    """
    return unicodedata.normalize("NFC", text).strip()


def read_rows(
    path: Path,
    required: Collection[str],
    optional: Collection[str] = (),
    *,
    separators: str = ",",
    any_case: bool = False,
) -> pd.DataFrame:
    """The table's cells as stripped strings ("" where empty), and `origin`: "<path>, line <n>".

    Columns that are neither `required` nor `optional` are kept, and their names are free. Cells
    are separated by the one of `separators` that the header has most of; with `any_case` the
    header is taken in lower case. Raises UserError, which names the file and line, where the
    file is no UTF-8, a required column is missing, a column that is read is there twice or under
    a name that differs in case or an "s", or a row has more cells than the header.
    """
    text = _text(path)
    first = next(iter(text.splitlines()), "")
    rows = _cells(path, text, max(separators, key=first.count))
    line, header = next(rows, (1, []))
    header = [name.lower() if any_case else name for name in header]
    _check_header(f"{path}, line {line}", header, first, required, optional)
    names = [name or f"column {number}" for number, name in enumerate(header, start=1)]
    found = []
    for line, cells in rows:
        if any(cells[len(names) :]):
            raise UserError(
                f"{path}, line {line}: {len(cells)} cells, but the header has {len(names)} columns "
                f'({", ".join(names)}); put a cell that holds a separator in quotes, "like, this".'
            )
        cells = [*cells, *[""] * len(names)][: len(names)]
        found.append([*cells, f"{path}, line {line}"])
    # A column `origin` of the user's gives way.
    table = pd.DataFrame(found, columns=[*names, _ORIGIN], dtype=str)
    table = table.loc[:, ~table.columns.duplicated()]
    return table.drop(columns="origin", errors="ignore").rename(columns={_ORIGIN: "origin"})


def _text(path: Path) -> str:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    if data.startswith(_UTF_16) or b"\0" in data[:1000]:
        raise UserError(f"{path}, line 1: is UTF-16 or no text at all: {_AS_UTF_8}.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {line}: byte {data[error.start]:#x} is not UTF-8: {_AS_UTF_8}."
        ) from error


def _cells(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Line and stripped cells of each row that is not blank; quoted ones may hold line ends."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}, line {line}: the row cannot be read: {error}.") from error


def _check_header(
    where: str,
    header: Sequence[str],
    first: str,
    required: Collection[str],
    optional: Collection[str],
) -> None:
    read = [*required, *optional]
    if missing := [name for name in required if name not in header]:
        raise UserError(f"{where}: {_what_is_missing(missing, header, first, read)}.")
    for name in header:
        if name in read and header.count(name) > 1:
            raise UserError(
                f"{where}: there are {header.count(name)} columns `{name}`; keep one of them."
            )
        meant = [known for known in optional if _bare(known) == _bare(name)]
        if meant and name not in read:
            raise UserError(
                f"{where}: the column {name!r} would not be read; write `{meant[0]}`, or give it "
                "another name."
            )


def _bare(name: str) -> str:
    return name.lower().rstrip("s")


def _what_is_missing(
    missing: Sequence[str], header: Sequence[str], first: str, read: Sequence[str]
) -> str:
    lacks = f"lacks the column(s) {', '.join(missing)}"
    for separator, name in _SEPARATORS.items():
        cells = [cell.strip().strip('"') for cell in first.split(separator)]
        if set(missing) <= set(cells) and not set(missing) <= set(header):
            meant = ",".join(cells)
            return f"{lacks}: its cells are separated by {name}; separate them by commas: {meant}"
    if not {_bare(name) for name in read} & {_bare(name) for name in header}:
        return (
            f"{lacks}: the first line is {first!r} and should name the columns; write a line "
            f"such as {','.join(read[:2])} above it"
        )
    near = [f"write `{m}` for {h!r}" for m in missing for h in header if _bare(h) == _bare(m)]
    return "; ".join([f"{lacks}; its columns are {', '.join(header)}", *near])


def official_table(folder: Path, name: str) -> tuple[Path, str]:
    """The table `name` ("meta/esc50.csv") of an official archive, whose top folder may have any
    name, and its folder `audio` beside (posix, relative to `folder`)."""
    found = sorted(folder.rglob(name))
    if len(found) != 1:
        raise UserError(
            f"{folder}: expected one {name} of the official archive, found {len(found)}. Check the "
            "`archives` of this dataset."
        )
    return found[0], (found[0].parents[1].relative_to(folder) / "audio").as_posix()


def whole_numbers(
    table: pd.DataFrame, column: str, allowed: Collection[int] | None = None
) -> pd.Series:
    """A column as integers; UserError names the first row that holds none, or none allowed."""
    text = table[column]
    plain = text.str.fullmatch(r"[0-9]{1,9}")
    refuse(
        table,
        ~plain,
        lambda row: f"{column} {row[column]!r} is not a whole number, written in digits only",
    )
    numbers = text.astype("int64")
    if allowed is not None:
        known = wording(sorted(allowed))
        outside = ~numbers.isin(list(allowed))
        refuse(table, outside, lambda row: f"{column} {row[column]} is unknown; known: {known}")
    return numbers


def class_names(table: pd.DataFrame, number: str, name: str) -> list[str]:
    """Class names (see `label_name`) in the order of their numbers.

    UserError names the first row with an empty name, or one that speaks against an earlier row.
    """
    table = table.assign(**{name: table[name].map(label_name)})
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
    """The recording on Freesound that a file's name names (see `freesound`), else "".

    Names are known by their form: Freesound's own of a download, `<id>__<user>__<title>`; ESC-50's,
    `<fold>-<id>-<take: a letter>-<target>`; UrbanSound8K's, `<id>-<classID>-<take>-<slice>`. Where
    there is no letter to know a name by, an id has 3 to 7 digits, does not begin with 0 and is no
    year from 1900 to 2099, so that dates and counters are none.
    """
    match = _FREESOUND_NAME.fullmatch(PurePosixPath(path).stem)
    return freesound(next(filter(None, match.groups()))) if match else ""


def refuse(table: pd.DataFrame, wrong: pd.Series, what: Callable[[pd.Series], str]) -> None:
    """Raise UserError for the first wrong row of a table of `read_rows`, if there is one."""
    if wrong.any():
        row = table[wrong.to_numpy(dtype=bool)].iloc[0]
        raise UserError(f"{row['origin']}: {what(row)}.")
