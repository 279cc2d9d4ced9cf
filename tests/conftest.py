"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from vipann.config import merge, read_layer

# Tests run side by side on few cores: an example's time says nothing about the code.
hypothesis_settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("patient")

CONFIG = Path(__file__).parents[1] / "config/config.yaml"


@pytest.fixture
def paper_network() -> dict:
    """The config values that decide the paper's networks."""
    config = read_layer(CONFIG)
    keys = ("model", "bayesian", "moped", "kl")
    return {key: config[key] for key in keys} | {"mel_bands": config["features"]["mel_bands"]}


@pytest.fixture
def small_network(paper_network) -> dict:
    """The same with a network that trains in a second."""
    return merge(paper_network, {"model": {"width": 2, "blocks": [1, 1, 1, 1]}})


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Folder with real audio archives, as the config key `data.mirror` names it."""
    folder = os.environ.get("VIPANN_MIRROR", "")
    if not folder:
        pytest.skip("no real audio: pass a folder with it as `make test MIRROR=<folder>`")
    path = Path(folder)
    assert path.is_dir(), f"VIPANN_MIRROR={folder} is not a folder"
    return path


def pytest_terminal_summary(terminalreporter):
    """Print what the rerun matrix found, also when its tests ran in another process."""
    reports = [r for key in ("passed", "failed") for r in terminalreporter.getreports(key)]
    lines = [
        f"  {value}"
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == "rerun"
    ]
    if lines:
        terminalreporter.section("jobs planned after an edit of the finished micro run")
        terminalreporter.write_line("\n".join(lines))
