"""What slurm/profile.yaml asks for, without a Slurm: Snakemake drops keys that it does not know."""

import dataclasses
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import snakemake_executor_plugin_slurm
import yaml
from slurm_harness import ROOT
from snakemake.cli import get_argument_parser
from snakemake.profiles import ProfileConfigFileParser
from snakemake_executor_plugin_slurm import ExecutorSettings

SITES = ["site.yaml", "examples/gres.yaml", "examples/no_accounting.yaml"]
TEXT = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").rglob("*.smk")))
RULES = dict(re.findall(r"^rule (\w+):\n((?:(?:    .*)?\n)*)", TEXT, re.M))
# A twin has what it says itself, and else what its original says.
for original, twin, body in re.findall(
    r"^use rule (\w+) as (\w+) with:\n((?:(?:    .*)?\n)*)", TEXT, re.M
):
    RULES[twin] = body + RULES[original]
LOCAL = set(re.findall(r"\w+", " ".join(re.findall(r"^localrules:\n((?:    .*\n)*)", TEXT, re.M))))


def load(path):
    spec = importlib.util.spec_from_file_location("site_resources", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


site_resources = load(ROOT / "slurm/site_resources.py")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with a copy of slurm/, and in it as a user would be."""
    shutil.copytree(ROOT / "slurm", tmp_path / "slurm")
    for name in ("src", "workflow"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "site_resources", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def write_site(checkout, name="site.yaml", **changes):
    content = yaml.safe_load((ROOT / "slurm" / name).read_text()) | changes
    (checkout / "slurm/site.yaml").write_text(yaml.safe_dump(content))


def read_profile(checkout):
    with (checkout / "slurm/profile.yaml").open() as stream:
        return ProfileConfigFileParser().parse(stream)


def asked_for(profile, rule):
    entries = [entry.removeprefix(f"{rule}:") for entry in profile["set-resources"]]
    found = [e for e, whole in zip(entries, profile["set-resources"], strict=True) if e != whole]
    return dict(entry.split("=", 1) for entry in found)


@pytest.mark.parametrize("site", SITES)
def test_every_key_is_one_that_snakemake_or_its_slurm_plugin_knows(checkout, site):
    write_site(checkout, site)
    options = {o.lstrip("-") for a in get_argument_parser()._actions for o in a.option_strings}
    plugin = {f"slurm-{f.name.replace('_', '-')}" for f in dataclasses.fields(ExecutorSettings)}
    keys = read_profile(checkout).keys()
    assert keys <= options
    assert {key for key in keys if key.startswith("slurm-")} <= plugin


@pytest.mark.parametrize("site", SITES)
def test_every_resource_is_one_that_the_plugin_reads_and_every_rule_exists(checkout, site):
    write_site(checkout, site)
    profile = read_profile(checkout)
    package = Path(snakemake_executor_plugin_slurm.__file__).parent
    source = "\n".join(path.read_text() for path in package.glob("*.py"))
    names = {entry.split("=")[0] for entry in profile["default-resources"]}
    for entry in profile["set-resources"]:
        rule, resource = entry.split("=")[0].split(":")
        assert rule in RULES
        names.add(resource)
    # cpus_per_task and cpus_per_gpu are read for it by the jobstep plugin.
    read = set(re.findall(r'resources(?:\.get\(\s*"|\.)(\w+)', source)) | {"cpus_per_task"}
    assert names <= read | {"cpus_per_gpu"}


def test_snakemake_takes_the_profile(checkout):
    write_site(checkout, partition="standard", account=12345, gpu_model="a100", jobs=7)
    options = get_argument_parser(profiles=["slurm"]).parse_args([])
    assert (options.executor, options.jobs, options.retries) == ("slurm", 7, 2)
    assert options.slurm_requeue
    assert {"slurm_account", "slurm_partition"} <= set(options.default_resources)


def test_rules_with_gpus_are_those_that_the_profile_sends_to_gpus():
    assert set(site_resources.GPU_RULES) == {
        rule for rule, body in RULES.items() if re.search(r"^        gpu=", body, re.M)
    }


@pytest.mark.parametrize("rule", sorted(RULES.keys() - LOCAL))
def test_each_job_on_slurm_says_its_memory_and_time_grows_and_is_logged_and_timed(rule):
    for needed in (r"mem_mb=growing\(", r"runtime=growing\(", "log:", "benchmark:"):
        assert re.search(rf"^ +{needed}", RULES[rule], re.M), needed


def test_the_documented_memory_and_time_are_those_of_the_rules():
    documented = {}
    for line in (ROOT / "docs/slurm.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 5 and cells[0].startswith("`"):
            memory, hours = int(cells[2].split()[0]), float(cells[3])
            documented |= dict.fromkeys(re.findall(r"`(\w+)`", cells[0]), (memory, hours))
    asked = {
        rule: [
            int(re.search(rf"^ +{key}=growing\((\d+)", RULES[rule], re.M)[1]) / unit
            for key, unit in (("mem_mb", 1000), ("runtime", 60))
        ]
        for rule in RULES.keys() - LOCAL
    }
    assert documented == {rule: tuple(found) for rule, found in asked.items()}


def test_gpus_are_asked_for_as_the_site_wants(checkout):
    write_site(checkout, gpu_model="a100", gpu_partition="big", gpu_constraint="a100|h100")
    assert asked_for(read_profile(checkout), "transfer") == {
        "slurm_partition": "'big'",
        "constraint": "'a100|h100'",
        "cpus_per_gpu": "4",
        "gpu_model": "'a100'",
        "slurm_extra": "'--signal=TERM@120'",
    }
    assert "slurm_extra" not in asked_for(read_profile(checkout), "predict")
    write_site(checkout, "examples/gres.yaml", gpu_model="a100")
    asked = asked_for(read_profile(checkout), "transfer")
    assert (asked["gpu"], asked["gres"]) == ("0", "'gpu:a100:1'")


def test_a_rule_of_the_site_comes_before_ours(checkout):
    own = {"pretrain": {"runtime": 2880, "slurm_partition": "long"}, "manifest": {"mem_mb": 1}}
    write_site(checkout, gpu_partition="gpu", rules=own)
    profile = read_profile(checkout)
    asked = asked_for(profile, "pretrain")
    assert (asked["runtime"], asked["slurm_partition"]) == ("2880", "long")
    assert asked_for(profile, "manifest") == {"mem_mb": "1"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"partitions": "gpu"}, "unknown: ['partitions']"),
        ({"gpu_request": "gpu"}, "say gpus or gres"),
        ({"status_command": "qstat"}, "say sacct or squeue"),
        ({"jobs": "many"}, "jobs can't be 'many'"),
        ({"rules": {"pretrain": 3}}, "rules must look like"),
        ({"rules": {"pretrian": {}}}, "rules: there is no 'pretrian'; did you mean pretrain?"),
        (
            {"rules": {"pretrain": {"runtme": 3}}},
            "rules.pretrain: there is no 'runtme'; did you mean runtime?",
        ),
    ],
)
def test_a_wrong_line_of_the_site_is_refused(checkout, changes, said):
    write_site(checkout, **changes)
    with pytest.raises(ValueError, match=re.escape(said)):
        site_resources.read_site(checkout / "slurm/site.yaml")


def test_every_rule_and_resource_of_the_workflow_may_be_named(checkout):
    own = {rule: {"runtime": 10} for rule in RULES} | {"train_variant": {"mem_mb": 1, "gpu": 2}}
    write_site(checkout, rules=own)
    assert site_resources.read_site(checkout / "slurm/site.yaml")["rules"] == own


def test_an_account_is_taken_as_it_is_written(checkout):
    site = checkout / "slurm/site.yaml"
    site.write_text(site.read_text().replace("account: null ", "account: 012 "))
    resources = site_resources.resources_of_all(site_resources.read_site(site))
    assert resources["slurm_account"] == "'012'"


def test_a_key_that_stands_twice_is_named(checkout):
    site = checkout / "slurm/site.yaml"
    site.write_text(site.read_text() + "jobs: 3\n")
    with pytest.raises(ValueError, match=r"site\.yaml.*'jobs' stands twice"):
        site_resources.read_site(site)


def test_snakemake_stops_at_a_wrong_line_and_names_it(checkout):
    write_site(checkout, partitions="gpu")
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "-n"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=checkout, check=False)
    assert found.returncode != 0
    assert "unknown: ['partitions']" in found.stderr


def test_a_missing_line_of_the_site_is_named(tmp_path):
    (tmp_path / "site.yaml").write_text("account: me\n")
    with pytest.raises(ValueError, match=r"site\.yaml.*missing: \['cpus_per_gpu', "):
        site_resources.read_site(tmp_path / "site.yaml")
