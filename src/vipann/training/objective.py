"""What a training descends, and how: the loss and its optimizer."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
)

from vipann.features.batches import Batch
from vipann.models.bayesian import Reduction, kl_divergence
from vipann.tasks import Task
from vipann.training.augmentation import augmented, mix_pairs, mixing_weights
from vipann.training.recipe import Recipe


class ClassifierTraining(nn.Module):
    """Cross-entropy (softmax, or one sigmoid per class) plus weighted KL: equation 5.

    What `vipann.training.loop.train` needs of a module: `forward` to losses, and `optimizer`.
    `backbone_mode` eval leaves a frozen backbone in evaluation mode, `batch_norm` eval the batch
    norm of any. class_weights: see
    `class_weights_of`.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        network: Any,
        recipe: Recipe,
        task: Task,
        kl_weight: float = 0.0,
        kl_reduction: Reduction = "mean",
        class_weights: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.network, self.recipe, self.task = network, recipe, task
        self.kl_weight, self.kl_reduction = kl_weight, kl_reduction
        frozen = not all(p.requires_grad for p in network.parameters())
        self.rests = frozen and getattr(recipe, "backbone_mode", "train") == "eval"

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if mode and self.rests:
            self.network.train(False)
            for module in self.network.renewed().values():
                module.train()
        if mode and getattr(self.recipe, "batch_norm", "train") == "eval":
            for module in self.network.modules():
                if isinstance(module, _NormBase):
                    module.eval()
        return self

    def forward(self, batch: Batch, share: float = 1.0) -> dict[str, Tensor]:
        """Losses of a batch: `loss` (mean over its clips), `kl`, and `objective` to descend.

        `share` weighs the clips' part where processes share a batch. The KL belongs to the weights,
        which all of them hold: each counts it in full, and the mean over processes counts it once.
        """
        features, labels = batch
        weights = None
        if self.recipe.mixes_pairs:
            recipe = self.recipe
            weights = mixing_weights(len(labels) // 2, recipe.mixup_alpha, recipe.mixup_rate)
            labels = mix_pairs(labels, weights)
        logits = self.network(features, lambda x: self._augment(x, weights))
        loss = classification_loss(logits.float(), labels, self.task, self.class_weights)
        kl = loss.new_zeros(())
        if self.kl_weight > 0:
            kl = kl_divergence(self.network, self.kl_reduction)
        objective = share * loss + self.kl_weight * kl
        return {"loss": loss.detach(), "kl": kl.detach(), "objective": objective}

    def _augment(self, x: Tensor, weights: Tensor | None) -> Tensor:
        x = augmented(x, self.recipe)
        return x if weights is None else mix_pairs(x, weights)

    def optimizer(self, steps: int, steps_per_epoch: int) -> tuple[Optimizer, LRScheduler]:
        """Adam for the trainable parameters, and its learning rate over `steps` steps."""
        recipe = self.recipe
        trainable = [p for p in self.network.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(
            trainable,
            lr=recipe.learning_rate,
            betas=(recipe.betas[0], recipe.betas[1]),
            weight_decay=recipe.weight_decay,
            amsgrad=recipe.amsgrad,
            fused=True,
        )
        return optimizer, schedule(optimizer, recipe, steps, steps_per_epoch)


def schedule(optimizer: Optimizer, recipe: Recipe, steps: int, steps_per_epoch: int) -> LRScheduler:
    """The learning rate of each of `steps` steps, with its rise from 1 / `warmup_steps` of it.

    PSLA's code rises in a staircase of 50 steps from 0 on; the paper (section II-B) says linear.
    """
    shape: LRScheduler
    if recipe.learning_rate_schedule == "cosine":
        shape = CosineAnnealingLR(optimizer, T_max=steps)
    elif recipe.learning_rate_schedule == "halving":
        assert recipe.learning_rate_halving  # `recipe_faults` says so of a config
        keys = ("first_epoch", "every_epochs")
        first, every = (recipe.learning_rate_halving[key] * steps_per_epoch for key in keys)
        halved = range(first, steps, every)
        shape = MultiStepLR(optimizer, list(halved), gamma=0.5)
    else:
        shape = ConstantLR(optimizer, factor=1.0)
    if recipe.warmup_steps < 2:
        return shape
    rise = recipe.warmup_steps
    return ChainedScheduler([shape, LinearLR(optimizer, 1 / rise, total_iters=rise - 1)])


def classification_loss(
    logits: Tensor, labels: Tensor, task: Task, weights: Tensor | None = None
) -> Tensor:
    """Mean over clips: logits and (soft) multi-hot labels, both (B, C), to a scalar in nats.

    multiclass: cross-entropy. multilabel: binary cross-entropy, averaged over classes as well, as
    the PANNs do. weights: (C,), factors of the classes' parts.
    """
    if task == "multiclass":
        return F.cross_entropy(logits, labels, weight=weights)
    return F.binary_cross_entropy_with_logits(logits, labels, weight=weights)


def class_weights_of(recipe: Recipe, clips: Any) -> Tensor | None:
    """What the recipe multiplies the classes' parts of the loss by, (C,); clips: the training ones,
    which have `labels`."""
    if recipe.class_weights == "inverse_frequency":
        return inverse_frequency(np.asarray(clips.labels))
    return None


def inverse_frequency(labels: np.ndarray) -> Tensor:
    """Of multi-hot labels (N, C) a weight for each class, (C,): labels / (C x clips of the class).

    As scikit-learn's class weights `balanced`: their mean over the labels is 1. A class without a
    clip counts as if it had one.
    """
    clips = labels.sum(axis=0, dtype=np.int64)
    weights = clips.sum() / (len(clips) * np.maximum(clips, 1))
    return torch.from_numpy(weights).float()


def kl_weight(kl: Mapping[str, Any], clips: int, classes: int, task: Task) -> float:
    """The factor before the KL, for `clips` training clips of `classes` classes.

    kl: the config's `kl` block; a scale of `1/N` divides by the clips, a number stands in its
    place. With the reduction `sum` the objective is equation 5 divided by what the cross-entropy is
    averaged over: the multi-label one is averaged over classes too, so its KL is divided by them.
    `mean` is what bayesian-torch's users write, and is divided by the clips only.
    """
    weight = 1.0 / clips if kl["scale"] == "1/N" else float(kl["scale"])
    return weight / classes if kl["reduction"] == "sum" and task == "multilabel" else weight
