"""What recalibration, conformal sets and the page on methods ask of a run."""

from pathlib import Path

import pytest

from vipann.config import merge, read_layer
from vipann.errors import UserError
from vipann.plan import members, uncertainty
from vipann.plan.advice import advice_files, advice_settings
from vipann.plan.networks import Network
from vipann.plan.products import products
from vipann.plan.report import index_settings, notebook_inputs
from vipann.plan.uncertainty import conformal, recalibration

ROOT = Path(__file__).parents[3]
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


def test_an_ensemble_is_recalibrated_and_has_sets_where_the_run_has_one(run_of):
    run = run_of(**ON, transfer={"ensemble_members": 3}, pretrain={"ensemble_members": 2})
    files = recalibration.files(run, "esc50")
    assert files["validation"][-1] == "results/paper/validation/esc50/ens/fold5/finetuned.h5"
    assert recalibration.settings(run, "esc50")["folds"] == [5] * 5
    assert [one.strategy for one in conformal.networks(run, "audioset")][-1] == "ens"
    assert {one.phase for one in conformal.networks(run, "esc50")} == {"fixed"}
    first, second, _ = members.member_networks(run, "esc50", 5, "finetuned")
    found, other = first.validation_settings, second.validation_settings
    assert found.pop("seed") != other.pop("seed")
    assert found == other
    assert found["rows"] == {"folds": [1]}


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


def test_the_overview_waits_for_all_that_it_shows(run_of):
    """It shows what it finds in the run's folder."""
    everything = read_layer(ROOT / "config/uncertainty.yaml")
    run = run_of(**merge(everything, {"transfer": {"ensemble_members": 3}}))
    shown = [*products(run, "table").values(), *products(run, "figure").values()]
    stems = {one.stem for one in shown if one.paper == "uncertainty"}
    waited = notebook_inputs(products(run, "notebook")["uncertainty_overview"])
    assert stems == {Path(path).stem for path in waited}
