"""Checkpoints on disk."""

import os

import pytest
import torch

from vipann.models.checkpoints import save_checkpoint, sidecar_of


@pytest.mark.parametrize("umask", [0o002, 0o022, 0o077])
def test_a_checkpoint_may_be_read_by_whom_the_umask_lets(tmp_path, umask):
    usual = os.umask(umask)
    try:
        save_checkpoint(torch.nn.Linear(1, 1), tmp_path / "n.safetensors", {})
    finally:
        os.umask(usual)
    for path in (tmp_path / "n.safetensors", sidecar_of(tmp_path / "n.safetensors")):
        assert path.stat().st_mode & 0o777 == 0o666 & ~umask
