"""A model folder: the trained networks of all folds with all that is needed to use them anywhere.

    config.json            what the networks are and how they hear (`Model`)
    weights/shared.safetensors   the tensors that all folds' networks have in common
    weights/fold<k>.safetensors  the others
    labels.csv             the classes in the order of the outputs
    held_out.parquet       what each network said of the clips that it was not trained on
    README.md              model card
    model.pt2              optional: `torch.export` of the deterministic mean

Nothing in it is ever unpickled: JSON, csv, parquet and safetensors hold no code. This module reads
all but the weights, and needs no torch; `vipann.survey.scoring` reads those.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vipann.errors import UserError
from vipann.files import digest
from vipann.survey import held_out
from vipann.tasks import Task

FORMAT_VERSION = 1
CONFIG, LABELS, CARD = "config.json", "labels.csv", "README.md"
WEIGHTS, SHARED, PROGRAM = "weights", "shared", "model.pt2"
_KEYS = (
    *("dataset", "strategy", "phase", "folds", "task", "classes", "clip_seconds", "padding"),
    *("features", "settings", "mc_samples", "seed"),
)


@dataclass(frozen=True)
class Model:
    """A model folder and its config.json.

    facts: dataset, strategy, phase, folds (numbers; [0] for an upstream network), task, classes,
    clip_seconds, padding, features (the front end and its settings), settings (of the network's
    parts and its training), mc_samples, seed, networks (one a fold: code, fold, last_step ...).
    """

    folder: Path
    facts: Mapping[str, Any]

    @classmethod
    def load(cls, folder: Path | str) -> "Model":
        """Read config.json and look whether all files are there.

        Raises:
            UserError: it is no model folder, one of a later format, or a file is missing or broken.
        """
        folder = Path(folder)
        path = folder / CONFIG
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            version = facts["format_version"]
        except (FileNotFoundError, KeyError):
            raise UserError(
                f"{folder} is no model folder: it has no {CONFIG} of a model. `vipann export` "
                "makes one from a finished run."
            ) from None
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{path} is broken ({error!r}): export the model again.") from None
        if version != FORMAT_VERSION:
            raise UserError(
                f"{path} has the format {version}, and this version of vipann reads "
                f"{FORMAT_VERSION}: install the version that wrote it, or export the model again."
            )
        if missing := [key for key in _KEYS if key not in facts]:
            raise UserError(f"{path} lacks {', '.join(missing)}: export the model again.")
        model = cls(folder, facts)
        needed = [*model.weight_files, folder / held_out.FILE, folder / LABELS]
        if lost := [str(file) for file in needed if not file.is_file()]:
            raise UserError(f"{folder} is not whole: {', '.join(lost)} missing. Copy it again.")
        return model

    @property
    def classes(self) -> list[str]:
        return list(self.facts["classes"])

    @property
    def task(self) -> Task:
        return self.facts["task"]

    @property
    def clip_seconds(self) -> float:
        """The length at which the networks were trained, and hear windows."""
        return float(self.facts["clip_seconds"])

    @property
    def folds(self) -> list[int]:
        return list(self.facts["folds"])

    @property
    def weight_files(self) -> list[Path]:
        """What all folds share first, if there is any, then the folds in order."""
        names = [f"fold{fold}" for fold in self.folds]
        shared = [SHARED] if self.facts.get("shared") else []
        return [self.folder / WEIGHTS / f"{name}.safetensors" for name in shared + names]

    @cached_property
    def sha256(self) -> str:
        """Of config.json and the weights: what decides a score. Hex."""
        found = hashlib.sha256()
        for path in [self.folder / CONFIG, *self.weight_files]:
            found.update(f"{path.name} {digest(path)}\n".encode())
        return found.hexdigest()
