"""The numbers of the paper, and what it calls training sets."""

from pathlib import Path

from vipann.papers import printed_numbers

BALANCED, FULL, FSD50K = "Balanced", "Full", "FSD50K"
# A dataset's `paper_name` -> the column of the tables.
SETS = {
    "AudioSet balanced": BALANCED,
    "AudioSet balanced, embeddings": BALANCED,
    "AudioSet": FULL,
    "FSD50K": FSD50K,
}
ON_EMBEDDINGS = "AudioSet balanced, embeddings"
CLASSES = 527


_TABLES = Path(__file__).with_name("tables.csv")


def paper_value(table: int, row: str, column: str) -> float | None:
    """The number that the paper prints, or None where it prints none.

    table: 2 to 15, 0 for the text; row, column: in the paper's words, columns of one training set
    as "Balanced/AUC" or "Full", shares and improvements as fractions, parameters as numbers.
    "standard deviation" in either: over three runs. What stands in the text only has its section
    as a note in tables.csv.
    """
    return printed_numbers(_TABLES).get((table, row, column))


def printed_value(table: int, row: str, column: str) -> float:
    """The same where the paper is known to print one."""
    return printed_numbers(_TABLES)[table, row, column]
