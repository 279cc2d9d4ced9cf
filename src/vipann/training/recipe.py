"""What a training is asked to do: the settings of each stage, as its job gets them.

A field is a key of the config's blocks for that stage, and reaches the job by being a field.
Standard library only: the plan of a run reads these classes without torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What all stages share. Exactly one of `steps` and `epochs` says how long to train.

    learning_rate_schedule: constant or cosine. mixup_alpha: 0 for no mixup. precision: auto,
    float32 or bfloat16, see `vipann.devices.resolved_precision`. gradient_clip: the largest norm.
    """

    batch_size: int
    learning_rate: float
    learning_rate_schedule: str
    amsgrad: bool
    mixup_alpha: float
    spec_augment: Mapping[str, int]
    steps: int | None = None
    epochs: int | None = None
    precision: str = "auto"
    compile: bool = False
    channels_last: bool = True
    gradient_clip: float | None = None
    sync_batchnorm: bool = False

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """The recipe in a job's settings, under `training`; a key that is no field is a mistake.

        Raises:
            TypeError: a key is missing or unknown.
        """
        return cls(**settings["training"])

    @classmethod
    def settings(cls, *blocks: Mapping[str, Any]) -> dict[str, Any]:
        """The fields' values in blocks of the config, of which a later one wins."""
        merged = {key: value for block in blocks for key, value in block.items()}
        return {f.name: merged[f.name] for f in fields(cls) if f.name in merged}

    def total_steps(self, steps_per_epoch: int) -> int:
        return self.steps or (self.epochs or 0) * steps_per_epoch

    @property
    def mixes(self) -> bool:
        return self.mixup_alpha > 0


@dataclass(frozen=True, kw_only=True)
class Beginning(Recipe):
    """Training from no network of this project.

    start: random, or imagenet (`vipann.models.imagenet`). imagenet_stem: the first convolution's
    start then: random, mean or sum.
    """

    start: str = "random"
    imagenet_stem: str = "random"


class Pretrain(Beginning):
    """Pretraining on the upstream set (section 3.4)."""


@dataclass(frozen=True, kw_only=True)
class OnFolds(Recipe):
    """Training on folds, of which one may validate: the config's `validation` block."""

    validation: Mapping[str, Any] = field(default_factory=lambda: {"split": "none"})


@dataclass(frozen=True, kw_only=True)
class Transfer(OnFolds):
    """One phase of transfer (section 3.5).

    backbone_mode: train or eval, the mode of a frozen backbone. cache: none, or embeddings, of
    which `views` are computed for each clip.
    """

    backbone_mode: str = "train"
    cache: str = "none"
    views: int = 1


@dataclass(frozen=True, kw_only=True)
class Scratch(OnFolds, Beginning):
    """Training from a random start (Table 5).

    batch_norm_momentum: the share of the latest batch in the running statistics.
    """

    batch_norm_momentum: float = 0.1
