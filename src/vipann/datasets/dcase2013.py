"""DCASE2013 acoustic scenes: declared, not part of this version."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from vipann.datasets.declared import refuse


def place_audio(archives: Sequence[Path], folder: Path, block: Mapping, seed: int) -> NoReturn:
    """Raise UserError, which names what to use instead."""
    refuse("dcase2013")


def list_clips(folder: Path, block: Mapping, seed: int) -> NoReturn:
    """Raise UserError, which names what to use instead."""
    refuse("dcase2013")
