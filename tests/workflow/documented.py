"""Tables in the docs that tests hold against what Snakemake says.

With VIPANN_UPDATE_DOCS=1 in the environment they are written instead.
"""

import os
from collections.abc import Mapping
from pathlib import Path

UPDATING = bool(os.environ.get("VIPANN_UPDATE_DOCS"))
START, END = "<!-- made by the tests: start -->\n", "<!-- made by the tests: end -->\n"


def read_rows(path: Path) -> dict[str, str]:
    """First cell -> second cell of the document's table."""
    lines = path.read_text().split(START)[1].split(END)[0].strip().splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first: second for first, second, *_ in cells}


def write_rows(path: Path, head: tuple[str, str], rows: Mapping[str, str]) -> None:
    before, rest = path.read_text().split(START)
    table = [head, ("---", "---"), *rows.items()]
    lines = "".join(f"| {' | '.join(cells)} |\n" for cells in table)
    path.write_text(before + START + lines + END + rest.split(END)[1])


def wording(jobs: Mapping[str, int]) -> str:
    """{"transfer": 4, "predict": 6} -> "predict 6, transfer 4"; "none" without a job."""
    return ", ".join(f"{rule} {jobs[rule]}" for rule in sorted(jobs)) or "none"
