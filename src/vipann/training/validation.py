"""Validation on clips that are neither trained on nor tested: epochs and settings are chosen by it.

The test fold is not among the rows that a training job reads, so nothing can be chosen by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vipann.errors import UserError
from vipann.features.batches import LogmelDataset
from vipann.features.rejected import rejected_list
from vipann.features.store import FeatureStore
from vipann.folds import share_out
from vipann.models.flipout import fixed_posteriors
from vipann.models.strategies import is_random_at_inference
from vipann.training.backbone_cache import EmbeddingDataset
from vipann.training.fabric import Fabric

_CLIPS_AT_ONCE = 64
_SHOWN = 5


@dataclass(frozen=True)
class Rows:
    """Rows of a features file: `training` and `validation` (none without a validation fold)."""

    training: np.ndarray
    validation: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    validation_fold: int | None = None


def rows_for(store: FeatureStore, test_fold: int, split: str) -> Rows:
    """The rows of every fold but `test_fold`; with `split` next_fold, the next one validates.

    Folds are never divided, for the clips of a recording share one.

    Raises:
        UserError: the features have no such fold, or too few folds to leave two out.
    """
    folds = sorted(set(store.fold.tolist()))
    if test_fold not in folds:
        raise UserError(f"{store.path}: there is no fold {test_fold}; its folds are {folds}")
    if split == "next_fold" and len(folds) < 3:
        raise UserError(
            f"{store.path} has {len(folds)} folds; validation.split: next_fold needs 3: one "
            "to train on, one to validate on, one to test on"
        )
    kept, left_out = share_out(folds, test_fold, split)
    validation = store.rows(folds=[] if left_out is None else [left_out])
    return Rows(store.rows(folds=kept), validation, left_out)


def refuse_lost_classes(store: FeatureStore, rows: Rows, test_fold: int) -> None:
    """UserError where the test fold holds a class that no clip to train on is of.

    The manifest is sound in this; but the features lack the clips whose audio cannot be used.
    """
    tested = store.labels[store.rows(folds=[test_fold])].any(axis=0)
    lost = np.flatnonzero(tested & ~store.labels[rows.training].any(axis=0))
    if not lost.size:
        return
    names = ", ".join(store.classes[index] for index in lost[:_SHOWN])
    more = f" and {lost.size - _SHOWN} more" if lost.size > _SHOWN else ""
    raise UserError(
        f"{store.path}: no clip of {names}{more} is left to train the network that is tested on "
        f"them in fold {test_fold}. Clips that cannot be used are listed in "
        f"{rejected_list(store.path)}: mend or replace them, add recordings that come to other "
        "folds, or leave the class out."
    )


class Validation:
    """Accuracy and loss on the validation clips every so many epochs, and after the last.

    A `vipann.training.loop.Check`. `curve` holds an entry per validation: epoch (counted from 1),
    accuracy, loss (mean negative log likelihood in nats). With `settings["select"]` best, the
    weights of the most accurate epoch are kept (of equals the one with the lower loss, then the
    earlier) and `restore` brings them back.
    """

    def __init__(
        self,
        network: nn.Module,
        clips: LogmelDataset | EmbeddingDataset,
        settings: Mapping[str, Any],
    ) -> None:
        self.network, self.clips, self.settings = network, clips, settings
        self.curve: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self._steps_per_epoch = 1

    def due(self, done: int, steps: int, steps_per_epoch: int) -> bool:
        self._steps_per_epoch = steps_per_epoch
        return done == steps or done % (steps_per_epoch * self.settings["every_epochs"]) == 0

    def look(self, fabric: Fabric, done: int) -> dict[str, float]:
        with fabric.autocast():
            scores = self._scores(fabric.device)
        better = not self.curve or _rank(scores) > max(map(_rank, self.curve))
        self.curve.append({"epoch": done // self._steps_per_epoch, **scores})
        if self.settings["select"] == "best" and better:
            with torch.inference_mode(False):
                state = self.network.state_dict()
                self.best = {name: value.detach().clone() for name, value in state.items()}
        return {f"validation_{name}": value for name, value in scores.items()}

    def _scores(self, device: torch.device) -> dict[str, float]:
        """Accuracy and loss of the mean over `mc_samples` samples."""
        right, loss = 0, 0.0
        with fixed_posteriors(self.network):
            for positions in torch.arange(len(self.clips)).split(_CLIPS_AT_ONCE):
                x, labels = self.clips[positions.numpy()]
                p = self._probabilities(x.to(device)).cpu()
                targets = labels.argmax(1)
                right += int((p.argmax(1) == targets).sum())
                loss += float(F.nll_loss(p.clamp_min(1e-12).log(), targets, reduction="sum"))
        return {"accuracy": right / len(self.clips), "loss": loss / len(self.clips)}

    def _probabilities(self, x: Tensor) -> Tensor:
        """Class probabilities (B, C). Samples of cached embeddings are their views in turn.

        The sampling of `vipann.evaluation.predict` is not used: training must not import it, for a
        change there would make every network's training out of date.
        """
        if isinstance(self.clips, EmbeddingDataset):
            inputs = [x[:, [view]] for view in range(x.shape[1])]
        else:
            inputs = [x]
        passes = self.settings["mc_samples"] if is_random_at_inference(self.network) else 1
        passes = max(passes, len(inputs))
        each = [self.network(inputs[i % len(inputs)]).float().softmax(1) for i in range(passes)]
        return torch.stack(each).mean(0)

    def restore(self) -> None:
        """Bring back the best epoch's weights, where the best are asked for."""
        if self.best:
            self.network.load_state_dict(self.best, strict=True)

    def facts(self) -> dict[str, Any]:
        """What the sidecar says: the curve, and the epoch that the weights are of."""
        best = self.settings["select"] == "best"
        chosen = max(self.curve, key=_rank) if best else self.curve[-1]
        return {**self.settings, "clips": len(self.clips), "chosen": chosen, "curve": self.curve}

    def state_dict(self) -> dict[str, Any]:
        return {"curve": self.curve, "best": self.best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.curve, self.best = list(state["curve"]), dict(state["best"])


def _rank(scores: Mapping[str, float]) -> tuple[float, float]:
    return scores["accuracy"], -scores["loss"]
