"""What judging the claims takes from a run's config."""

from pathlib import Path

import pytest

from vipann.config import merge, read_layer
from vipann.plan.claims import claims_settings
from vipann.plan.run import Run

ROOT = Path(__file__).parents[3]


@pytest.fixture
def settings():
    paper = read_layer(ROOT / "config/config.yaml")
    return lambda **changes: claims_settings(Run(ROOT, merge(paper, changes), paper), "vi_pann", [])


def test_claims_know_how_many_folds_train_whatever_is_tested(settings):
    def known(**changes):
        found = settings(**changes)["datasets"]
        return [found[name]["training_folds"] for name in ("audioset", "esc50", "urbansound8k")]

    assert known() == [0, 4, 9]
    assert known(transfer={"folds": [1, 2]}) == [0, 4, 9]
    assert known(validation={"split": "next_fold"}) == [0, 3, 8]
    assert known(datasets={"esc50": {"folds": [3, 5, 6]}}) == [0, 2, 9]


@pytest.mark.parametrize("kind", ["percentile", "t"])
def test_the_interval_over_replications_reaches_the_claims(settings, kind):
    assert settings(evaluation={"interval": kind})["interval"] == kind
