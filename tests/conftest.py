"""Fixtures that every test may use."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from vipann.config import merge, read_layer
from vipann.parts import bands_of

# Tests run side by side on few cores: an example's time says nothing about the code.
hypothesis_settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("patient")

# They use the fixture `finished` of tests/workflow, which takes minutes.
SHARE_THE_FINISHED_RUN = (
    "test_synthetic_dag.py",
    "test_report_in_a_browser.py",
    "test_distance_runs.py",
)
CONFIG = Path(__file__).parents[1] / "config/config.yaml"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `--dist loadfile`, files that share the finished run go to one worker, like one file."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return "finished run" if Path(file).name in SHARE_THE_FINISHED_RUN else file

    return Scheduling(config, log)


@pytest.fixture
def paper_network() -> dict:
    """The config values that decide the paper's networks."""
    config = read_layer(CONFIG)
    keys = ("model", "bayesian", "moped", "kl")
    return {key: config[key] for key in keys} | {"bands": bands_of(config["features"])}


@pytest.fixture
def small_network(paper_network) -> dict:
    """The same with a network that trains in a second."""
    return merge(paper_network, {"model": {"resnet54": {"width": 2, "blocks": [1, 1, 1, 1]}}})


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Folder with real audio archives, as the config key `data.mirror` names it."""
    folder = os.environ.get("VIPANN_MIRROR", "")
    if not folder:
        pytest.skip("no real audio: pass a folder with it as `make test MIRROR=<folder>`")
    path = Path(folder)
    assert path.is_dir(), f"VIPANN_MIRROR={folder} is not a folder"
    return path


@pytest.fixture
def show(record_property) -> Callable[[str, str], None]:
    """Print a title and a text after all tests, however they ran side by side."""
    return lambda title, text: record_property("show", f"{title}\n{text}")


def pytest_terminal_summary(terminalreporter) -> None:
    """What tests want to be seen, also when they ran in another process; one section per title."""
    sections: dict[str, list[str]] = {}
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, text in report.user_properties if report.when == "call" else ():
            if name == "show":
                title, _, body = text.partition("\n")
                sections.setdefault(title, []).append(body)
    for title, bodies in sections.items():
        terminalreporter.section(title)
        terminalreporter.write_line("\n".join(bodies))


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; tests that need it are skipped where it is not installed."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if chromium is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Root has no sandbox, and a container's /dev/shm is small.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        opened = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield opened
        opened.close()
