"""Checkpoints after the last epochs of a training, from which averages and ensembles are made."""

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vipann.models.checkpoints import save_checkpoint
from vipann.models.network import Network


@dataclass(frozen=True)
class EpochFiles:
    """`folder`/epoch01.safetensors and so on with its sidecar, of the last `keep` epochs.

    A training that was killed goes on from a state and writes what comes after it again, with the
    same contents: so in the end the files are those of one that was not.
    """

    network: Network
    folder: Path
    facts: Mapping[str, Any]
    keep: int

    def after(self, done: int, steps: int, steps_per_epoch: int) -> None:
        """Write the file of the epoch that ends with step number `done` of `steps`, if one does."""
        epoch, epochs = math.ceil(done / steps_per_epoch), math.ceil(steps / steps_per_epoch)
        is_end = done == steps or done % steps_per_epoch == 0
        if is_end and epoch > epochs - self.keep:
            file = self.folder / f"epoch{epoch:02d}.safetensors"
            save_checkpoint(self.network, file, {**self.facts, "epoch": epoch})

    def copy_to(self, folder: Path) -> None:
        """Copy them: the job's own folder is deleted where it is killed before it ends."""
        if self.keep and folder != self.folder:
            unfinished = shutil.ignore_patterns(".*")
            shutil.copytree(self.folder, folder, ignore=unfinished, dirs_exist_ok=True)
