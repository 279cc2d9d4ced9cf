"""What Snakemake plans for PSLA's configs, without their data."""

import pytest
from documented import UPDATING, read_rows, write_rows
from test_plans import jobs
from workflow_harness import ROOT, Workflow

from vipann.config import read_layer

CONFIGS = ("psla_embeddings", "psla", "psla_full", "psla_fsd50k")
DOCUMENT = ROOT / "docs/psla.md"


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    workflow = Workflow(tmp_path_factory.mktemp("psla"))
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
    assert read_rows(DOCUMENT) == rows, "docs/psla.md says otherwise; see docs/reruns.md"


@pytest.mark.parametrize("name", CONFIGS)
def test_every_variant_is_trained_with_every_seed(name, planned):
    config = read_layer(ROOT / f"config/{name}.yaml")
    trained = planned[name].get("train_variant", 0) + planned[name]["train_variant_by_epochs"]
    assert trained == len(config["variants"]) * len(config["seeds"])
    assert planned[name]["ensemble"] >= len(config["ensembles"])
    assert "pretrain" not in planned[name]
