"""Runs of the paper's config with changes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vipann.config import merge, read_layer
from vipann.plan.run import Run

ROOT = Path(__file__).parents[3]
PAPER = read_layer(ROOT / "config/config.yaml")


@pytest.fixture
def run_of() -> Callable[..., Run]:
    return lambda **changes: Run(ROOT, merge(PAPER, changes), PAPER)
