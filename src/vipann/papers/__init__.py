"""What papers printed, and the tables and figures of each: a folder a paper.

A folder's `PAPER` says what keeps its results apart, each file of its `tables/` and
`figures/` declares one (`TABLE`, `FIGURE`: `vipann.plan.products`), and no file outside knows them.
"""

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

# What a table or figure is given: the input files by name; dataset -> what the paper calls it
# (None: nothing), or what readers do.
Sources = Mapping[str, Sequence[str]]
Names = Mapping[str, str | None]


@cache
def printed_numbers(path: Path) -> Mapping[tuple[int | str, str, str], float]:
    """A paper's numbers by table, row and column: the columns of the csv, beside `value`. A table
    is its number, of a thesis its chapter's and its own as text: "4.2"."""
    with path.open(newline="", encoding="utf-8") as stream:
        return {
            (_table(line["table"]), line["row"], line["column"]): float(line["value"])
            for line in csv.DictReader(stream)
        }


def _table(number: str) -> int | str:
    return int(number) if number.isdecimal() else number
