"""Fixtures of the workflow tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml


@pytest.fixture(scope="session")
def write_config(tmp_path_factory) -> Callable[[str, dict], Path]:
    def write(name: str, content: dict) -> Path:
        path = tmp_path_factory.mktemp("config") / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write
