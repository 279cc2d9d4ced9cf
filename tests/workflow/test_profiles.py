"""The profiles hold what Snakemake reads, and agree on what makes a job rerun."""

import re

import pytest
import yte
from snakemake.cli import get_argument_parser
from workflow_harness import ROOT

PROFILES = sorted([*ROOT.glob("workflow/profiles/*/*.yaml"), *ROOT.glob("slurm/profile*.yaml")])
PER_RULE = ("set-threads", "set-resources", "set-resource-scopes", "groups")


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    """Where slurm/profile.yaml finds the site's settings."""
    monkeypatch.chdir(ROOT)


def read(profile):
    """The profile as Snakemake sees it, its template filled in."""
    return yte.process_yaml(profile.read_text(), require_use_yte=True)


def options():
    return {
        option.lstrip("-"): action
        for action in get_argument_parser()._actions
        for option in action.option_strings
    }


def rules():
    files = [ROOT / "workflow/Snakefile", *(ROOT / "workflow/rules").rglob("*.smk")]
    named = r"^(?:rule|use rule \w+ as) (\w+)(?: with)?:"
    return {name for file in files for name in re.findall(named, file.read_text(), re.M)}


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.parent.name)
def test_keys_are_options_that_snakemake_knows(profile):
    """Mapping keys that it does not know are dropped in silence."""
    assert set(read(profile)) <= set(options())


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.parent.name)
def test_rules_that_are_named_exist(profile):
    content = read(profile)
    for key in PER_RULE:
        assert set(content.get(key, {})) <= rules()


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.parent.name)
def test_what_makes_a_job_rerun_is_the_same_everywhere(profile):
    content = read(profile)
    assert content["rerun-triggers"] == ["mtime", "params", "input", "software-env"]
    assert set(content["rerun-triggers"]) < set(options()["rerun-triggers"].choices)
    assert content["rerun-incomplete"] is True
