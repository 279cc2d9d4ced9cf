"""Fill the marked numbers and tables of Markdown files from the results that are kept here.

    python benchmarks/quote.py            # `--check` only says what would change

What is marked stands in comments that readers do not see. A table is described above itself:

    <!-- = table
    from: esc10/esc10                   # a folder below benchmarks/results
    head: Model
    rows:
      Flip: {strategy: flip}
    columns:
      Fixed: {file: table4.csv, phase: fixed}
      ECE: {file: calibration.csv, metric: ece_pooled, phase: finetuned, error: false}
    -->

Numbers in a sentence have names, `8<!-- =holds --> hold`, which benchmarks/quoted.yaml explains
page by page; what stands beside the names of a block there is shared. They keep the form in which
they stand: as many decimals, an error after ± or none, a share or, before %, hundredths.

    docs/results.md:
      - from: esc10/esc10
        holds: {file: claims.csv, verdict: holds, count: true}

A file is a CSV table, or Markdown whose tables are searched; columns and their values choose the
one row, or with `count` the rows that are counted. `value` names the column that is shown, if not
`ours` or `value`; in tables `decimals` (3) and `error` (true: after ±, where the file has one) say
how. What the files lack is an en dash in a table, and a fault in a sentence. Numbers in Markdown
are rounded already: show all of their decimals.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results"
QUOTED = "benchmarks/quoted.yaml"
PAGES = ("README.md", "CONTRIBUTING.md", "docs/*.md", "benchmarks/README.md")
VALUES = ("ours", "value")
ERRORS = ("standard_error", "standard_deviation")
ABSENT = "–"
# Keys that say how, and choose no row.
HOW = ("from", "file", "value", "count", "decimals", "error")
_NUMBER = r"[-+]?[\d,]*\d(?:\.\d+)?"
_MARKED = re.compile(rf"({_NUMBER})(?:(\s+±\s+)({_NUMBER}))?(\s*%)?<!-- =(\w+) -->")
_TABLE = re.compile(r"(<!-- = table\n((?s:.*?))-->\n)((?:\|.*\n)*)")
_ANY_MARK = re.compile(r"<!--\s*=")

Found = tuple[float, float | None]


class QuoteError(Exception):
    """A mark that cannot be filled: which, and why."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; status 1 if needed")
    asked = parser.parse_args(arguments)
    try:
        differ = {page: lines for page in pages() if (lines := stale(page))}
    except QuoteError as error:
        sys.exit(f"error: {error}")
    for page, lines in differ.items():
        print(page.relative_to(ROOT))
        print("\n".join(f"  {line}" for line in lines))
        if not asked.check:
            page.write_text(filled(page.read_text(encoding="utf-8"), named(page)), encoding="utf-8")
    if asked.check and differ:
        sys.exit(1)


def pages() -> list[Path]:
    """The Markdown files that may quote results."""
    return [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))]


def stale(page: Path) -> list[str]:
    """The lines of a page as the results have them, where they differ.

    Raises:
        QuoteError: a mark of the page cannot be filled.
    """
    text = page.read_text(encoding="utf-8")
    try:
        now = filled(text, named(page))
    except QuoteError as error:
        raise QuoteError(f"{page.relative_to(ROOT)}: {error}") from None
    if now == text:
        return []
    before = set(text.splitlines())
    return [line for line in now.splitlines() if line not in before] or ["(fewer lines)"]


def named(page: Path) -> dict[str, dict[str, Any]]:
    """What each named number of a page is, by name.

    Raises:
        QuoteError: a name is explained twice.
    """
    pages: dict[str, list[dict[str, Any]]] = yaml.safe_load((ROOT / QUOTED).read_text("utf-8"))
    names: dict[str, dict[str, Any]] = {}
    for block in pages.get(str(page.relative_to(ROOT)), []):
        shared = {key: value for key, value in block.items() if not isinstance(value, dict)}
        own = {name: {**shared, **block[name]} for name in block if name not in shared}
        if twice := sorted(own.keys() & names.keys()):
            raise QuoteError(f"{QUOTED} explains {twice} twice")
        names |= own
    return names


def filled(text: str, names: Mapping[str, Mapping[str, Any]]) -> str:
    """The text with all that is marked in it as the results have it.

    Raises:
        QuoteError: a mark has no file, no row or more than one, or is not understood; a name is
            not used.
    """
    marks = len(_ANY_MARK.findall(text))
    text, tables = _TABLE.subn(lambda found: found[1] + table(yaml.safe_load(found[2])), text)
    used = {found[5] for found in _MARKED.finditer(text)}
    text, numbers = _MARKED.subn(lambda found: _number(found, names), text)
    if left := marks - tables - numbers:
        raise QuoteError(f"{left} of its marks are not written as benchmarks/quote.py says")
    if unused := sorted(names.keys() - used):
        raise QuoteError(f"{QUOTED} explains {unused}, which the page does not quote")
    return text


def table(asked: dict[str, Any]) -> str:
    """The lines of a Markdown table."""
    head, rows, columns = asked.pop("head", ""), asked.pop("rows"), asked.pop("columns")
    lines = [_line([head, *columns]), f"|:--|{'--:|' * len(columns)}"]
    for name, row in rows.items():
        lines.append(_line([name, *(_cell({**asked, **row, **one}) for one in columns.values())]))
    return "".join(f"{line}\n" for line in lines)


def _line(cells: Sequence[str]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def _cell(asked: Mapping[str, Any]) -> str:
    found = look_up(asked)
    if found is None:
        return ABSENT
    value, error = found
    decimals = asked.get("decimals", 3)
    has_error = asked.get("error", True) and error is not None
    return f"{value:,.{decimals}f}" + (f" ± {error:.{decimals}f}" if has_error else "")


def _number(found: re.Match[str], names: Mapping[str, Mapping[str, Any]]) -> str:
    """What stands in the place of a marked number, in the same form."""
    shown, between, shown_error, percent, name = found.groups()
    if name not in names:
        raise QuoteError(f"{QUOTED} does not explain {name!r}")
    value, error = look_up(names[name]) or (None, None)
    if value is None or (shown_error and error is None):
        raise QuoteError(f"{name}: the results have no such {'error' if shown_error else 'row'}")
    text = _like(shown, value, percent)
    if shown_error and error is not None:
        text += between + _like(shown_error, error, percent)
    return f"{text}{percent or ''}<!-- ={name} -->"


def _like(shown: str, value: float, percent: str | None) -> str:
    """`value` written as `shown` is."""
    decimals = len(shown.partition(".")[2])
    sign = "+" if shown.startswith("+") else ""
    return f"{value * (100 if percent else 1):{sign},.{decimals}f}"


def look_up(asked: Mapping[str, Any]) -> Found | None:
    """(value, its error or None) of the row that is asked for; None where there is none.

    Raises:
        QuoteError: there is no such file or column, or more than one such row.
    """
    file = f"{asked['from']}/{asked['file']}" if "from" in asked else asked["file"]
    chosen = {key: str(value) for key, value in asked.items() if key not in HOW}
    where = f"{file}, " + ", ".join(f"{key}: {value}" for key, value in chosen.items())
    needed = {*chosen, *([asked["value"]] if "value" in asked else [])}
    parts = [part for part in _tables(file) if needed <= {*part.columns}]
    if not parts:
        raise QuoteError(f"{where}: no table of it has all of these columns")
    found = [part[(part[[*chosen]] == pd.Series(chosen, dtype=str)).all(axis=1)] for part in parts]
    rows = pd.concat(found)
    if asked.get("count"):
        return float(len(rows)), None
    shown = asked.get("value") or next((one for one in VALUES if one in rows), "")
    if shown not in rows:
        raise QuoteError(f"{where}: say by `value` which of its columns is meant")
    rows = rows[rows[shown] != ""]
    if len(rows) > 1:
        raise QuoteError(f"{where}: {len(rows)} rows are that, not one")
    if rows.empty:
        return None
    value, _, error = rows[shown].iloc[0].partition(" ± ")
    error = error or next((rows[one].iloc[0] for one in ERRORS if one in rows), "")
    return _float(value, where), _float(error, where) if error else None


def _float(text: str, where: str) -> float:
    """The number that a cell begins with."""
    number = re.match(_NUMBER, text)
    if number is None:
        raise QuoteError(f"{where}: {text!r} is no number")
    exponent = re.match(r"e[-+]?\d+", text[number.end() :])
    return float(number[0].replace(",", "") + (exponent[0] if exponent else ""))


@cache
def _tables(file: str) -> list[pd.DataFrame]:
    """The table of a CSV file, or all tables of a Markdown file, as text.

    Of columns with the same head the second is called `head.1`, and so on.
    """
    path = RESULTS / file
    if not path.is_file():
        raise QuoteError(f"there is no benchmarks/results/{file}")
    if path.suffix == ".csv":
        return [pd.read_csv(path, dtype=str, keep_default_na=False)]
    blocks = re.findall(r"(?:^\|.*\n)+", path.read_text(encoding="utf-8"), re.MULTILINE)
    tables = []
    for block in blocks:
        head, _, *rows = (
            [cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()
        )
        heads = [f"{one}.{n}" if (n := head[:i].count(one)) else one for i, one in enumerate(head)]
        tables.append(pd.DataFrame(rows, columns=heads))
    return tables


if __name__ == "__main__":
    main()
