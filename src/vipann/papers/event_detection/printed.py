"""The numbers of the thesis."""

from pathlib import Path

from vipann.papers import printed_numbers

# What its networks of chapter 4 learnt of, and what ours may (a dataset's `paper_name`).
AUDIOSET, ON_EMBEDDINGS = "AudioSet", "AudioSet balanced, embeddings"

_TABLES = Path(__file__).with_name("tables.csv")


def paper_value(table: str, row: str, column: str) -> float | None:
    """The number that the thesis prints, or None where it prints none.

    table: "4.2"; row, column: in its words, shares and error rates as fractions, parameters and
    clips as numbers.
    """
    return printed_numbers(_TABLES).get((table, row, column))


def printed_value(table: str, row: str, column: str) -> float:
    """The same where it is known to print one."""
    return printed_numbers(_TABLES)[table, row, column]
