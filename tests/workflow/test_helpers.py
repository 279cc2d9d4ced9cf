"""What the helpers of products make of a config, without Snakemake."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from workflow_harness import ROOT

from vipann.config import merge, read_layer
from vipann.plan.run import Run

PAPER = read_layer(ROOT / "config/config.yaml")


@pytest.fixture
def helpers():
    """Load the helpers with a config; they hold no rules, so Python reads them."""

    def load(changes: dict) -> SimpleNamespace:
        run = Run(ROOT, merge(PAPER, changes), PAPER)
        names = {"RUN": run, "config": dict(run.config), "RESULTS": run.results, "Path": Path}
        for name in ("names", "products", "report"):
            file = ROOT / f"workflow/rules/helpers/{name}.smk"
            exec(compile(file.read_text(), str(file), "exec"), names)
        return SimpleNamespace(**names)

    return load


def test_claims_know_how_many_folds_train_whatever_is_tested(helpers):
    def known(**changes):
        found = helpers(changes).claims_settings()["datasets"]
        return [found[name]["training_folds"] for name in ("audioset", "esc50", "urbansound8k")]

    assert known() == [0, 4, 9]
    assert known(transfer={"folds": [1, 2]}) == [0, 4, 9]
    assert known(validation={"split": "next_fold"}) == [0, 3, 8]
    assert known(datasets={"esc50": {"folds": [3, 5, 6]}}) == [0, 2, 9]


def test_what_is_drawn_of_replications_reaches_what_draws_or_tells_it(helpers):
    """And no box plot, which has no such interval."""
    before, after = (helpers({"evaluation": {"interval": kind}}) for kind in ("percentile", "t"))

    def figure(made, kind):
        return made.figure_settings(SimpleNamespace(dataset="audioset", figure=kind))

    assert figure(before, "boxplot") == figure(after, "boxplot")
    assert figure(before, "retention")["caption"]["band"].endswith("of the 20 replications")
    assert "mean over the 20 replications" in figure(after, "retention")["caption"]["band"]
    for made, kind in ((before, "percentile"), (after, "t")):
        assert figure(made, "retention")["interval"] == kind
        assert made.claims_settings()["interval"] == kind
