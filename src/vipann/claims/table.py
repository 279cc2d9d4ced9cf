"""The claims of a paper, as its table has them: what it says, where that is judged, by what rule.

Standard library only: the plan counts claims without importing what judges them.
"""

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper.

    scope: what it is judged on: each "upstream" or "transfer" dataset, or another view of the
    paper's own ("size"); empty where no run can judge it, and then `reason` says why. about: the
    paper's datasets that the sentence names, empty where it names them all. rule: what is
    measured, for the reader.
    """

    key: str
    section: str
    scope: str
    about: tuple[str, ...]
    sentence: str
    rule: str
    reason: str = ""


def read_claims(path: Path) -> tuple[Claim, ...]:
    """The claims in a csv file whose columns are the fields of `Claim`; "; " in `about`."""
    with path.open(newline="", encoding="utf-8") as stream:
        return tuple(
            Claim(**{**row, "about": tuple(filter(None, row["about"].split("; ")))})
            for row in csv.DictReader(stream)
        )
