"""What Snakemake plans for the studies of variants on ESC-10, without their data."""

import pytest
from test_plans import jobs
from workflow_harness import ROOT, Workflow

from vipann.config import read_layer


@pytest.fixture
def planned(tmp_path):
    def plan(name):
        files = [ROOT / f"config/{one}.yaml" for one in ("esc10", name)]
        return jobs(Workflow(tmp_path)(files[0], str(files[1]), "-n", "--quiet", "rules").stdout)

    return plan


def test_flipouts_study_is_four_networks_from_one(planned):
    found = planned("flipout_study")
    folds, phases, networks = 5, 2, 4
    assert found["train_variant"] == 1 + networks
    assert found["moped_variant"] == networks
    assert found["transfer_variant"] == networks * folds * phases
    for rule in ("predict_fold_variant", "ood_fold_variant"):
        assert found[rule] == networks * folds * phases
    assert not {"pretrain", "transfer", "scratch", "features_of_variants"} & found.keys()


def test_each_network_is_trained_on_each_fold(planned):
    found = planned("networks")
    variants = read_layer(ROOT / "config/networks.yaml")["variants"]
    for rule in ("scratch_variant", "predict_fold_variant", "ood_fold_variant"):
        assert found[rule] == len(variants) * 5
    # One front end of waveforms for ESC-10 and one for the ships.
    assert found["features_of_variants"] == 2
    assert found["fold_metrics"] == 1
    assert found["table"] >= 1
    upstream = {"pretrain", "import_weights", "transfer", "train_variant", "metrics"}
    assert not upstream & found.keys()
