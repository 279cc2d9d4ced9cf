"""The workflow as its catalog sees it: in a clean clone, without the packages that jobs need."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from checkout import copy_files
from packaging.specifiers import SpecifierSet
from workflow_harness import ROOT

HEAVY = (
    "torch",
    "lightning_fabric",
    "torchaudio",
    "bayesian_torch",
    "h5py",
    "librosa",
    "sklearn",
    "scipy",
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lint") / "clone"
    copy_files(folder)
    return folder


@pytest.fixture(scope="module")
def without_packages(tmp_path_factory):
    """The environment of a process in which importing a heavy package fails."""
    folder = tmp_path_factory.mktemp("barred")
    for name in HEAVY:
        (folder / f"{name}.py").write_text(f"raise ImportError('{name} is not installed')\n")
    return os.environ | {"PYTHONPATH": str(folder)}


def run(clone: Path, environment: dict, *command: str) -> str:
    found = subprocess.run(
        command, cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout + found.stderr


def test_snakemake_finds_nothing_to_complain_about(clone, without_packages):
    said = run(clone, without_packages, sys.executable, "-m", "snakemake", "--lint")
    assert "Congratulations" in said


def test_packages_that_jobs_need_are_barred_there(clone, without_packages):
    for name in HEAVY:
        with pytest.raises(AssertionError, match="is not installed"):
            run(clone, without_packages, sys.executable, "-c", f"import {name}")


def test_rule_files_are_formatted(clone):
    formatter = shutil.which("snakefmt", path=str(Path(sys.executable).parent))
    assert formatter
    run(clone, os.environ, formatter, "--check", "workflow")


def test_a_fault_is_found(clone, tmp_path):
    shutil.copytree(clone, tmp_path / "clone")
    rules = tmp_path / "clone/workflow/rules/transfer.smk"
    rules.write_text(re.sub(r"    conda:\n.*\n", "", rules.read_text()))
    with pytest.raises(AssertionError, match="conda environment"):
        run(tmp_path / "clone", os.environ, sys.executable, "-m", "snakemake", "--lint")


def test_the_environment_that_rules_name_has_the_locks_pins():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pins,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    lock = (ROOT / "requirements.lock").read_text().splitlines()
    assert pins == [line for line in lock if line and not line.startswith("#")]


def test_every_locked_package_installs_on_the_first_python_of_its_series():
    """Debian 12 has 3.11.2; a package that asks for a later one would stop the set-up there."""
    refused = {
        f"{package.metadata['Name']} {package.version}: {required}"
        for package in distributions()
        if (required := package.metadata["Requires-Python"])
        and not SpecifierSet(required).contains("3.11.0")
    }
    assert not refused


def test_what_the_catalog_asks_for_is_there(clone):
    usage = yaml.safe_load((clone / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment"}
    assert usage["software-stack-deployment"]["conda"] is True
    readme = (clone / "README.md").read_text().lower()
    assert "snakemake" in readme
    assert "workflow" in readme
    for name in ("workflow/Snakefile", "config/README.md", "LICENSE", "CITATION.cff"):
        assert (clone / name).stat().st_size
