"""The claims of a paper as its table has them, and how many tests and random orders they need.

A test against K random orders gives no p below 1 / (K + 1). So that it can be beyond chance after
Holm's adjustment for all tests of the ledger, the orders have to grow with these.

Standard library only: the plan counts claims without importing what judges them.
"""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LEVEL = 0.05  # of the ledger's tests
# A claim on three uncertainties may be judged by the least of their p, times three.
COMPARISONS = 3
# Orders come in such steps, so that one claim more seldom asks for others.
STEP = 500
MOST_ORDERS = 5000
_PAPERS = Path(__file__).parents[1] / "papers"  # <paper>/claims/claims.csv


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
            Claim(about=tuple(filter(None, row.pop("about").split("; "))), **row)
            for row in csv.DictReader(stream)
        )


def orders_needed(
    upstream: str | None,
    transfer: Sequence[str],
    paper_names: Mapping[str, str | None],
    papers: Iterable[str] | None = None,
) -> int:
    """The number of random orders for a run on these datasets, at most `MOST_ORDERS`.

    The least K in steps of 500 with COMPARISONS * tests / (K + 1) < 0.05. paper_names: the paper's
    name of each dataset, or None; papers: whose claims are judged, each in a ledger of its own
    (folders of `vipann/papers`; all of them by default).
    """
    tables = {path.parents[1].name: path for path in _PAPERS.glob("*/claims/claims.csv")}
    ledgers = [read_claims(tables[paper]) for paper in tables if papers is None or paper in papers]
    tests = max((most_tests(one, upstream, transfer, paper_names) for one in ledgers), default=0)
    least = math.ceil(COMPARISONS * tests / LEVEL)
    return min(MOST_ORDERS, STEP * max(1, math.ceil(least / STEP)))


def most_tests(
    claims: Iterable[Claim],
    upstream: str | None,
    transfer: Sequence[str],
    paper_names: Mapping[str, str | None],
) -> int:
    """As many tests as the ledger can make of such a run: one a claim and dataset it is about."""
    count = 0
    datasets = {"upstream": [upstream] if upstream else [], "transfer": transfer}
    for claim in claims:
        names = [paper_names.get(name) for name in datasets.get(claim.scope, [])]
        count += sum(not claim.about or name is None or name in claim.about for name in names)
    return count
