"""Fixtures of the workflow tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from workflow_harness import ROOT, SYNTHETIC, Workflow


@pytest.fixture(scope="session")
def write_config(tmp_path_factory) -> Callable[[str, dict], Path]:
    def write(name: str, content: dict) -> Path:
        path = tmp_path_factory.mktemp("config") / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.fixture(scope="session")
def finished(tmp_path_factory, write_config):
    """(workflow, config file, results folder) of a finished micro run with its report.

    It takes minutes, once for each worker that asks: the files that use it are named in
    tests/conftest.py, which sends them to one worker.
    """
    workflow = Workflow(tmp_path_factory.mktemp("synthetic"))
    config = write_config("micro", SYNTHETIC)
    workflow(config, "--cores", "2")
    style = str(ROOT / "workflow/report/style.css")
    workflow(config, "--report", "results/micro/report.html", "--report-stylesheet", style)
    return workflow, config, workflow.directory / "results/micro"
