"""What Snakemake plans for the configs of the thesis on event detection, without their data."""

import pytest
from documented import UPDATING, read_rows, write_rows
from test_plans import jobs
from workflow_harness import ROOT, Workflow

from vipann.config import read_layer

CONFIGS = ("pooling",)
DOCUMENT = ROOT / "docs/event_detection.md"


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    workflow = Workflow(tmp_path_factory.mktemp("event_detection"))
    paths = {name: ROOT / f"config/{name}.yaml" for name in CONFIGS}
    return {
        name: jobs(workflow(path, "-n", "--quiet", "rules").stdout) for name, path in paths.items()
    }


def test_the_count_of_jobs_by_rule_is_the_documented_one(planned):
    rules = sorted({rule for one in planned.values() for rule in one} - {"total"})
    rows = {
        rule: ", ".join(str(planned[name].get(rule, 0)) for name in CONFIGS)
        for rule in [*rules, "total"]
    }
    if UPDATING:
        write_rows(DOCUMENT, ("rule", ", ".join(CONFIGS)), rows)
    assert read_rows(DOCUMENT) == rows, "docs/event_detection.md says otherwise; see docs/reruns.md"


@pytest.mark.parametrize("name", CONFIGS)
def test_every_variant_is_trained_with_every_seed(name, planned):
    config = read_layer(ROOT / f"config/{name}.yaml")
    networks = len(config["variants"]) * len(config["seeds"])
    assert planned[name]["train_variant"] == networks
    assert planned[name]["ensemble"] == len(config["ensembles"])


def test_chapter_4_hears_both_lists_with_every_network_and_makes_its_tables(planned):
    """Of the train list come the thresholds of Table 4.2."""
    assert planned["pooling"]["predict_variant"] == 2 * planned["pooling"]["train_variant"]
    counts = {rule: planned["pooling"][rule] for rule in ("table", "figure", "claims")}
    assert counts == {"table": 3, "figure": 1, "claims": 1}
