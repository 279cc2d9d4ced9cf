"""The stage between deterministic and Flipout pretraining (section 3.1); nothing is trained."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vipann.models.checkpoints import load_checkpoint, save_checkpoint
from vipann.models.strategies import moped_from


def initialise_with_moped(det: Path, settings: Mapping[str, Any], out: Path) -> None:
    """Write the Flipout network whose posterior means are the weights of the checkpoint `det`."""
    state, facts = load_checkpoint(det)
    network = moped_from(state, len(facts["classes"]), settings)
    made = {"strategy": "flip", "phase": "moped", "settings": dict(settings)}
    save_checkpoint(network, out, facts | made)
