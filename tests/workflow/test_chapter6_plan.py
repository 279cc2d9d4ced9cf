"""What Snakemake plans for chapter 6 of the thesis on event detection, without its data."""

import pytest
from test_plans import jobs
from workflow_harness import ROOT, Workflow

from vipann.config import read_layer

CONFIG = ROOT / "config/event_detection.yaml"


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    workflow = Workflow(tmp_path_factory.mktemp("chapter6"))
    return jobs(workflow(CONFIG, "-n", "--quiet", "rules").stdout)


def test_every_variant_is_trained_and_scored_with_every_seed(planned):
    config = read_layer(CONFIG)
    networks = len(config["variants"]) * len(config["seeds"])
    assert planned["train_variant"] == planned["predict_variant"] == networks == 135
    flipout = [one for one in config["variants"].values() if one.get("strategy") == "flip"]
    assert planned["moped_variant"] == len(flipout) * len(config["seeds"])
    assert "pretrain" not in planned


def test_each_front_end_is_extracted_and_each_start_fetched_once(planned):
    # Small features with one, two and four deviations, and large ones; AST and ResNet-50.
    assert planned["download_imagenet"] == 2
    assert planned["variant_cost"] == planned["variant_metrics"] == 1
    assert (planned["join_features"], planned["join_features_of_variants"]) == (1, 3)
