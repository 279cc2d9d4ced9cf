"""What Snakemake plans, and how it refuses, without running a job."""

import pytest
import yaml
from workflow_harness import ROOT, Workflow


@pytest.fixture
def workflow(tmp_path):
    return Workflow(tmp_path)


def jobs(output):
    lines = [line.split() for line in output.splitlines()]
    return {w[0]: int(w[1]) for w in lines if len(w) == 2 and w[1].isdigit()}


def test_the_papers_dag_is_built_without_its_data(workflow):
    planned = jobs(workflow(None, "-n", "--quiet", "rules").stdout)
    folds, strategies = 5 + 10 + 5, 4
    assert planned["transfer"] == folds * strategies * 2
    assert planned["scratch"] == folds * strategies
    assert planned["predict"] == folds * strategies * 3
    assert planned["ood"] == folds * strategies * 2
    assert planned["pretrain"] == planned["predict_upstream"] == planned["ood_upstream"] == 3
    assert planned["download"] == 3
    assert planned["manifest"] == planned["audio"] == 5
    assert planned["features"] == 4
    assert planned["features_shard"] == 32
    assert planned["join_features"] == 1


def test_a_dataset_that_is_only_declared_says_so_when_its_job_runs(workflow):
    found = workflow(None, "--cores", "1", "results/paper/manifests/shipsear.parquet", check=False)
    assert found.returncode != 0
    assert "ShipsEar" in found.stderr
    assert "underwaternoise.atlanttic.uvigo.es" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_bad_config_stops_before_any_job(workflow, write_config):
    config = write_config("bad", {"transfer": {"folds": [6]}})
    found = workflow(config, "-n", check=False)
    assert found.returncode != 0
    said = found.stdout + found.stderr
    assert "bad.yaml: transfer.folds: [6] is out of range; esc50 has folds 1 to 5" in said
    assert "Traceback" not in said


def test_a_missing_archive_says_where_it_was_looked_for(workflow, write_config, tmp_path):
    entry = {"file": "nowhere.zip", "md5": ["0" * 32], "how_to_get": "Ask its authors."}
    config = write_config("gone", {"datasets": {"esc50": {"archives": [entry]}}})
    target = "data/esc50/archives/nowhere.zip"
    found = workflow(config, "--cores", "1", target, check=False)
    assert found.returncode != 0
    assert "Ask its authors." in found.stderr
    assert not (tmp_path / target).exists()


def test_profile_keys_are_options_that_snakemake_knows():
    from snakemake.cli import get_argument_parser

    known = {
        option.lstrip("-")
        for action in get_argument_parser()._actions
        for option in action.option_strings
    }
    for profile in ("workflow/profiles/default/config.yaml", "slurm/profile.yaml"):
        assert set(yaml.safe_load((ROOT / profile).read_text())) <= known
