"""The one training step that all stages share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as pl
import torch
import torch.nn.functional as F
from torch import Tensor

from vipann.features.batches import Batch
from vipann.models.bayesian import kl_divergence
from vipann.models.network import Network
from vipann.tasks import Task
from vipann.training.augment import mix_pairs, mixing_weights, spec_augment


@dataclass(frozen=True)
class Recipe:
    """What one training run does with its clips; the values come from the config."""

    task: Task
    learning_rate: float
    learning_rate_schedule: str
    amsgrad: bool
    mixup_alpha: float
    spec_augment: Mapping[str, int]
    kl_reduction: str
    kl_weight: float
    frozen_backbone: bool = False
    backbone_mode: str = "train"


class ClassifierTraining(pl.LightningModule):
    """Cross-entropy (softmax, or one sigmoid per class) plus weighted KL: equation 5."""

    def __init__(self, network: Network, recipe: Recipe) -> None:
        super().__init__()
        self.network = network
        self.recipe = recipe
        self.last: dict[str, Tensor] = {}

    def on_train_epoch_start(self) -> None:
        if self.recipe.frozen_backbone and self.recipe.backbone_mode == "eval":
            head = set(self.network.head())
            for module in self.network.children():
                module.train(module in head)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        logmel, labels = batch
        weights = None
        if self.recipe.mixup_alpha > 0:
            weights = mixing_weights(len(labels) // 2, self.recipe.mixup_alpha)
            labels = mix_pairs(labels, weights)
        logits = self.network(logmel, lambda x: self._augment(x, weights))
        loss = classification_loss(logits, labels, self.recipe.task)
        kl = torch.zeros(())
        if self.recipe.kl_weight > 0:
            kl = kl_divergence(self.network, self.recipe.kl_reduction)
        self.last = {"loss": loss.detach(), "kl": kl.detach()}
        return loss + self.recipe.kl_weight * kl

    def _augment(self, x: Tensor, weights: Tensor | None) -> Tensor:
        x = spec_augment(x, self.recipe.spec_augment)
        return x if weights is None else mix_pairs(x, weights)

    def configure_optimizers(self) -> dict[str, Any]:
        trainable = [p for p in self.network.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(
            trainable, lr=self.recipe.learning_rate, amsgrad=self.recipe.amsgrad, fused=True
        )
        if self.recipe.learning_rate_schedule == "constant":
            return {"optimizer": optimizer}
        steps = int(self.trainer.estimated_stepping_batches)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": cosine, "interval": "step"},
        }


def classification_loss(logits: Tensor, labels: Tensor, task: Task) -> Tensor:
    """Mean over clips: logits and (soft) multi-hot labels, both (B, C), to a scalar in nats.

    multiclass: cross-entropy. multilabel: binary cross-entropy, averaged over classes as well, as
    the PANNs do.
    """
    if task == "multiclass":
        return F.cross_entropy(logits, labels)
    return F.binary_cross_entropy_with_logits(logits, labels)


def kl_weight(scale: Any, clips: int) -> float:
    """The factor before the KL: `1/N` divides by the number of training clips, a number stands."""
    return 1.0 / clips if scale == "1/N" else float(scale)
