"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Folder with real audio archives, as the config key `data.mirror` names it."""
    folder = os.environ.get("VIPANN_MIRROR", "")
    if not folder:
        pytest.skip("no real audio: pass a folder with it as `make test MIRROR=<folder>`")
    path = Path(folder)
    assert path.is_dir(), f"VIPANN_MIRROR={folder} is not a folder"
    return path
