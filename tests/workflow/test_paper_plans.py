"""What Snakemake plans for the configs of PSLA and of the thesis on events, without their data."""

import pytest
from documented import UPDATING, read_rows, write_rows
from test_plans import jobs
from workflow_harness import ROOT, Workflow

from vipann.config import read_layer

# A page in docs, and the configs that it counts the jobs of.
PAGES = {
    "psla": ("psla_embeddings", "psla", "psla_full", "psla_fsd50k"),
    "event_detection": ("pooling", "pooling_scenes"),
}
CONFIGS = [name for names in PAGES.values() for name in names]


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    workflow = Workflow(tmp_path_factory.mktemp("papers"))
    paths = {name: ROOT / f"config/{name}.yaml" for name in CONFIGS}
    return {
        name: jobs(workflow(path, "-n", "--quiet", "rules").stdout) for name, path in paths.items()
    }


@pytest.mark.parametrize("page", PAGES)
def test_the_count_of_jobs_by_rule_is_the_documented_one(page, planned):
    document, configs = ROOT / f"docs/{page}.md", PAGES[page]
    rules = sorted({rule for name in configs for rule in planned[name]} - {"total"})
    rows = {
        rule: ", ".join(str(planned[name].get(rule, 0)) for name in configs)
        for rule in [*rules, "total"]
    }
    if UPDATING:
        write_rows(document, ("rule", ", ".join(configs)), rows)
    assert read_rows(document) == rows, f"{document.name} says otherwise; see docs/reruns.md"


@pytest.mark.parametrize("name", CONFIGS)
def test_every_variant_is_trained_with_every_seed(name, planned):
    config, rules = read_layer(ROOT / f"config/{name}.yaml"), planned[name]
    trained = rules.get("train_variant", 0) + rules.get("train_variant_by_epochs", 0)
    assert trained == len(config["variants"]) * len(config["seeds"])
    assert rules.get("ensemble", 0) >= len(config.get("ensembles", {}))
    assert "pretrain" not in rules


def test_chapter_4_hears_both_lists_with_every_network_and_makes_its_tables(planned):
    """Of the train list come the thresholds of Table 4.2."""
    rules = planned["pooling"]
    assert rules["predict_variant"] == 2 * rules["train_variant"]
    counts = {rule: rules[rule] for rule in ("table", "figure", "claims")}
    assert counts == {"table": 3, "figure": 1, "claims": 1}
