"""What recalibration, conformal sets and the page on methods ask of a run."""

import pytest

from vipann.errors import UserError
from vipann.plan import uncertainty
from vipann.plan.advice import advice_files, advice_settings
from vipann.plan.networks import Network
from vipann.plan.products import products
from vipann.plan.report import index_settings
from vipann.plan.uncertainty import conformal, recalibration

SETS = {"phases": ["fixed"], "alpha": [0.1], "splits": 200, "penalty": 0.1, "free": 1}
ON = {
    "papers": ["vi_pann", "uncertainty"],
    "validation": {"split": "next_fold"},
    "uncertainty": {"recalibration": {"phases": ["finetuned"]}, "conformal": SETS},
}


def test_the_papers_run_has_nothing_of_it(run_of):
    run = run_of()
    assert uncertainty.roles(run)["recalibration"] == uncertainty.roles(run)["conformal"] == []
    assert not advice_files(run)
    assert "advice" not in index_settings(run)["facts"]
    uncertainty.refuse_faults(run)


def test_networks_of_transfer_are_recalibrated_on_the_next_fold(run_of):
    run = run_of(**ON)
    uncertainty.refuse_faults(run)
    own = recalibration.networks(run, "esc50")
    assert {(n.strategy, n.phase) for n in own} == {
        (name, "finetuned") for name in ("det", "drop", "det_flip", "flip")
    }
    files = recalibration.files(run, "esc50")
    assert files["validation"][0] == "results/paper/validation/esc50/det/fold1/finetuned.h5"
    assert len(files["validation"]) == len(files["predictions"]) == 20
    assert recalibration.settings(run, "esc50")["folds"] == [5, 5, 5, 5]
    for fold, validated in ((1, 2), (5, 1)):
        network = Network(run, "det", "esc50", fold, "fixed")
        settings = network.validation_settings
        assert settings["rows"] == {"folds": [validated]}
        assert settings["seed"] != network.prediction_settings["seed"]
        other = {**network.prediction_settings, "rows": settings["rows"], "seed": settings["seed"]}
        assert settings == other


def test_upstream_networks_need_no_validation_fold(run_of):
    run = run_of(**{**ON, "validation": {"split": "none"}, "transfer_datasets": []})
    uncertainty.refuse_faults(run)
    files = recalibration.files(run, "audioset")
    assert files["validation"] == []
    assert len(files["predictions"]) == 3
    assert len(conformal.networks(run, "audioset")) == 3


def test_without_a_validation_fold_both_keys_are_named(run_of):
    run = run_of(**{**ON, "validation": {"split": "none"}})
    with pytest.raises(UserError) as error:
        uncertainty.refuse_faults(run)
    message = str(error.value)
    assert "uncertainty.recalibration: networks of esc50, urbansound8k, dcase2013" in message
    assert "validation.split: next_fold" in message


def test_a_part_that_no_paper_reads_is_refused(run_of):
    run = run_of(**{**ON, "papers": ["vi_pann"]})
    with pytest.raises(UserError, match=r"uncertainty\.conformal: needs 'uncertainty' among"):
        uncertainty.refuse_faults(run)


def test_the_page_is_made_of_the_tables_that_have_advice(run_of):
    run = run_of(**ON)
    tables = [module for _, module in advice_settings(run)["tables"]]
    home = "vipann.papers.uncertainty.tables"
    assert tables == [f"{home}.conformal", f"{home}.recalibration"]
    assert advice_files(run)["md"] == "results/paper/uncertainty.md"
    assert index_settings(run)["facts"]["advice"] == "uncertainty.md"
    only = run_of(**{**ON, "uncertainty": {"conformal": SETS}})
    assert [module for _, module in advice_settings(only)["tables"]] == [f"{home}.conformal"]
    stems = {f"uncertainty_recalibration_{name}" for name in run.tested}
    assert stems <= set(products(run, "figure"))
    assert not stems & set(products(only, "figure"))
    assert "uncertainty_overview" in products(only, "notebook")
