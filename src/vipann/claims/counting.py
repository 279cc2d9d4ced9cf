"""How many tests the ledger of a run makes, and how many random orders of clips these need.

A test against K random orders gives no p below 1 / (K + 1). So that it can be beyond chance after
Holm's adjustment for all tests of the ledger, the orders have to grow with these.

Standard library alone: the Snakefile imports this module while it is parsed, and cannot import the
ledger. So the claims are counted where they stand, in the source of the modules beside this one.
"""

import ast
import functools
import math
from collections.abc import Sequence
from pathlib import Path

LEVEL = 0.05  # of the ledger's tests
# A claim on three uncertainties may be judged by the least of their p, times three.
COMPARISONS = 3
# Orders come in such steps, so that one claim more seldom asks for others.
STEP = 500
MOST_ORDERS = 5000


def orders_needed(upstream: str | None, transfer: Sequence[str], paper_names: dict) -> int:
    """The number of random orders for a run on these datasets, at most `MOST_ORDERS`.

    The least K in steps of 500 with COMPARISONS * tests / (K + 1) < 0.05. paper_names: the paper's
    name of each dataset, or None.
    """
    tests = most_tests(upstream, transfer, paper_names)
    least = math.ceil(COMPARISONS * tests / LEVEL)
    return min(MOST_ORDERS, STEP * max(1, math.ceil(least / STEP)))


def most_tests(upstream: str | None, transfer: Sequence[str], paper_names: dict) -> int:
    """As many tests as the ledger can make of such a run: one a claim and dataset it is about."""
    count = 0
    for scope, about in _claims():
        datasets = {"upstream": [upstream] if upstream else [], "transfer": transfer}.get(scope, [])
        names = [paper_names.get(name) for name in datasets]
        count += sum(not about or name is None or name in about for name in names)
    return count


@functools.cache
def _claims() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(scope, about) of every `Claim(...)` in this folder."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Claim":
                about = [key.value for key in node.keywords if key.arg == "about"]
                found.append(
                    (ast.literal_eval(node.args[3]), ast.literal_eval(about[0]) if about else ())
                )
    return tuple(found)
