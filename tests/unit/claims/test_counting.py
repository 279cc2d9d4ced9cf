"""How many random orders the ledger's tests need, counted without importing the ledger."""

import numpy as np
import pandas as pd
import pytest
from planted import transfer_run, upstream_run

from vipann.claims.counting import COMPARISONS, LEVEL, MOST_ORDERS, most_tests, orders_needed
from vipann.claims.ledger import ledger
from vipann.claims.testing import all_of, holm, over_random_orders
from vipann.papers.vi_pann.claims import PAPER, views_of
from vipann.papers.vi_pann.printed import TRANSFER_DATASETS, UNCERTAINTY_NAMES

NAMES = {name.lower(): name for name in TRANSFER_DATASETS} | {
    "audioset": "AudioSet",
    "own": None,
}


@pytest.mark.parametrize(
    ("upstream", "transfer"),
    [("audioset", ["esc-50", "urbansound8k", "dcase2013"]), (None, ["own"]), ("own", [])],
)
def test_the_claims_that_are_counted_are_those_of_the_ledger(upstream, transfer):
    expected = 0
    for claim in PAPER.claims:
        names = {"upstream": [upstream] if upstream else [], "transfer": transfer}
        for name in names.get(claim.scope, []):
            expected += not claim.about or NAMES[name] is None or NAMES[name] in claim.about
    assert most_tests(PAPER.claims, upstream, transfer, NAMES) == expected > 0


def test_no_run_makes_more_tests_than_are_counted():
    counts = pd.DataFrame(columns=["table", "dataset", "strategy", "parameters", "macs"])
    frame = ledger(PAPER, views_of(upstream_run(), [transfer_run()] * 2, counts))
    tests = frame["p"].notna().sum()
    assert 20 < tests <= most_tests(PAPER.claims, "own", ["own", "own"], {})


@pytest.mark.parametrize("datasets", [0, 1, 3, 4])
def test_the_least_p_passes_holm_in_a_full_run(datasets):
    """Also of a claim that is judged by the least of three, as that on Drop is."""
    transfer = ["own"] * datasets
    orders = orders_needed("own", transfer, {})
    least = over_random_orders(-1.0, np.linspace(0, 1, orders), 40, 40)
    assert least.contrary == 1 / (orders + 1)
    poorly = all_of([least] * len(UNCERTAINTY_NAMES)).reversed()
    assert poorly.p == pytest.approx(len(UNCERTAINTY_NAMES) / (orders + 1))
    tests = most_tests(PAPER.claims, "own", transfer, {})
    assert holm([poorly.p, *[0.9] * (tests - 1)])[0] < LEVEL
    assert len(UNCERTAINTY_NAMES) == COMPARISONS
    assert orders <= MOST_ORDERS
    # 200 would not do.
    assert tests * 3 / 201 > LEVEL


def test_papers_without_claims_need_the_least_orders():
    assert orders_needed("own", ["own"], {}, ["vi_pann"]) == orders_needed("own", ["own"], {})
    assert orders_needed("own", ["own"], {}, ["of_no_claims"]) == 500
