"""What a training is asked to do: the settings of each stage, as its job gets them.

A field is a key of the config's blocks for that stage, and reaches the job by being a field. What
its annotation says is the key's entry in the schema and in config/README.md (`vipann.recipes`); a
key with a default may be left out of the config, and is then not among a job's settings either.
Standard library only: the plan of a run reads these classes without torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, Self


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a training shows of its clips, and its optimizer: keys of a stage's block."""

    batch_size: int
    amsgrad: bool
    mixup_alpha: float
    spec_augment: Mapping[str, int]
    weight_decay: Annotated[float, "Of Adam (PSLA's code: 5e-7).", {"minimum": 0}] = 0.0
    betas: Annotated[
        list[float],
        "Of Adam (PSLA's code: 0.95, 0.999).",
        {
            "minItems": 2,
            "maxItems": 2,
            "items": {"type": "number", "minimum": 0, "maximum": 0.999999},
        },
    ] = field(default_factory=lambda: [0.9, 0.999])
    sampling: Annotated[
        Literal["shuffled", "balanced"],
        "`shuffled`: every clip once an epoch; `balanced`: as many draws, with replacement, "
        "a clip's weight the sum over its labels of 1 / (clips of the class + floor) "
        "(PSLA, Algorithm 1).",
    ] = "shuffled"
    sampling_floor: Annotated[
        float, "That floor (PSLA: 0; its code: 0.01).", {"minimum": 0, "maximum": 1000}
    ] = 0.0
    class_weights: Annotated[
        Literal["none", "inverse_frequency"],
        "`inverse_frequency`: a class's part of the loss counts labels / (classes x its clips), so "
        "that the mean over the training clips' labels is 1 (*Audio Visual Event Detection*, "
        "section 4.4, which does not say how it scales them).",
    ] = "none"
    mixup_rate: Annotated[
        float,
        "Share of what is trained on that is mixed (PSLA: 0.5).",
        {"minimum": 0, "maximum": 1},
    ] = 1.0
    mixup_partner: Annotated[
        Literal["pair", "uniform"],
        "`pair`: clips are drawn for two batches and mixed in pairs to one, after SpecAugment, as "
        "in the PANNs; `uniform`: each clip has its chance of being mixed with one drawn evenly "
        "from all training clips, before masking (PSLA, Algorithm 1).",
    ] = "pair"
    mixing: Annotated[
        Literal["mixup", "cutmix"],
        "`mixup`: every value is the weighted mean of two clips'; `cutmix`: a box of frames and "
        "bands is the other clip's, labels are mixed by its area (Yun et al. 2019), with "
        "mixup_alpha and mixup_rate as its own, and mixup_partner: uniform.",
    ] = "mixup"
    masking: Annotated[
        Mapping[str, float] | None,
        "One stripe of bands and one of frames are set to a value in each clip, after the "
        "encoder's normalisation (PSLA: 48 and 192).",
        {
            "additionalProperties": False,
            "required": ["frequency", "time"],
            "properties": {
                "frequency": {
                    "description": "Bands; the stripe has fewer.",
                    "type": "integer",
                    "minimum": 0,
                },
                "time": {
                    "description": "Frames; the stripe has fewer.",
                    "type": "integer",
                    "minimum": 0,
                },
                "value": {"description": "What is put there; 0 if not given.", "type": "number"},
            },
        },
    ] = None
    waveform_augmentation: Annotated[
        Mapping[str, float] | None,
        "Clips are heard anew at every step: their audio is read, changed as the keys say (none of "
        "them: not at all), mixed where mixup_partner is uniform, and made into features "
        "(EfficientAT: 0.125, 12, 10 and 2000).",
        {
            "additionalProperties": False,
            "properties": {
                "shift_seconds": {
                    "description": "Circular shift in time, at most, either way.",
                    "type": "number",
                    "minimum": 0,
                },
                "gain_db": {
                    "description": "Gain, at most, either way.",
                    "type": "number",
                    "minimum": 0,
                    "maximum": 60,
                },
                "fmin_range_hz": {
                    "description": "By how much the front end's fmin is raised, at most.",
                    "type": "number",
                    "minimum": 0,
                },
                "fmax_range_hz": {
                    "description": "Range around the front end's fmax.",
                    "type": "number",
                    "minimum": 0,
                },
            },
        },
    ] = None


@dataclass(frozen=True, kw_only=True)
class Descent:
    """The learning rate: keys of a stage's block, in transfer of each phase."""

    learning_rate: float
    learning_rate_schedule: Annotated[
        Literal["constant", "cosine", "halving"],
        "`constant`; `cosine`: falling to 0 over the run; `halving` after some epochs.",
    ]
    learning_rate_halving: Annotated[
        Mapping[str, int] | None,
        "When it is halved, with that schedule (PSLA: 35 and 5 on the balanced set, 10 and 5 on "
        "the full one).",
        {
            "additionalProperties": False,
            "required": ["first_epoch", "every_epochs"],
            "properties": {
                "first_epoch": {
                    "description": "The last one at the full rate.",
                    "type": "integer",
                    "minimum": 1,
                },
                "every_epochs": {
                    "description": "Epochs from one halving to the next.",
                    "type": "integer",
                    "minimum": 1,
                },
            },
        },
    ] = None
    warmup_steps: Annotated[
        int, "Steps over which the rate rises linearly (PSLA: 1000).", {"minimum": 0}
    ] = 0


@dataclass(frozen=True, kw_only=True)
class Recipe(Shown, Descent):
    """What all stages share. Exactly one of `steps` and `epochs` says how long to train.

    mixup_alpha: 0 for no mixup. precision: auto, float32 or bfloat16, see
    `vipann.devices.resolved_precision`. gradient_clip: the largest norm.
    """

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
    def mixes_pairs(self) -> bool:
        return self.mixup_alpha > 0 and self.mixup_partner == "pair"

    @property
    def mixes_with_any(self) -> bool:
        return self.mixup_alpha > 0 and self.mixup_partner == "uniform"

    @property
    def hears_anew(self) -> bool:
        return self.waveform_augmentation is not None

    @property
    def masks(self) -> bool:
        """Whether anything of a clip's features is masked."""
        stripes = self.spec_augment["time_stripes"], self.spec_augment["mel_stripes"]
        return bool(any(stripes) or self.masking)


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """Keys of the block of pretraining only."""

    epochs: Annotated[int | None, "In the place of `steps`, for each network.", {"minimum": 1}] = (
        None
    )
    label_set: Annotated[
        str | None, "What is learnt in the place of the dataset's labels: a name of `label_sets`."
    ] = None
    keep_epochs: Annotated[
        int, "How many last epochs leave a checkpoint each; needs `epochs`.", {"minimum": 0}
    ] = 0


@dataclass(frozen=True, kw_only=True)
class Beginning(Recipe):
    """Training from no network of this project.

    start: random, or imagenet (`vipann.models.imagenet`). imagenet_stem: the first convolution's
    start then: random, mean or sum.
    """

    start: str = "random"
    imagenet_stem: str = "random"


@dataclass(frozen=True, kw_only=True)
class Pretrain(Upstream, Beginning):
    """Pretraining on the upstream set (section 3.4)."""


@dataclass(frozen=True, kw_only=True)
class OnFolds(Recipe):
    """Training on folds, of which one may validate: the config's `validation` block."""

    validation: Mapping[str, Any] = field(default_factory=lambda: {"split": "none"})


@dataclass(frozen=True, kw_only=True)
class NewHead:
    """Keys of the block of the fixed phase only."""

    head_start: Annotated[
        Literal["pytorch", "xavier", "upstream"],
        "Of det's and drop's new head: `pytorch`, even within 1 / sqrt(inputs), biases too, as "
        "`nn.Linear` starts and the published code leaves it; `xavier` with biases of 0, as the "
        "PANNs start all layers. Flipout heads start from `bayesian`. `upstream`: the output layer "
        "as with `pytorch`, what lies before it as the upstream network has it, as EfficientAT's "
        "code starts; of Flipout layers the means.",
    ] = "pytorch"


@dataclass(frozen=True, kw_only=True)
class WholeNetwork:
    """Keys of the block of fine-tuning only."""

    batch_norm: Annotated[
        Literal["train", "eval"],
        "`train`: a batch is normalised by its own statistics, and the running ones follow, as "
        "the published code has it; `eval`: by the running ones, which stay as the network came "
        "with them. A few clips unlike those of its pretraining are better off so.",
    ] = "train"


@dataclass(frozen=True, kw_only=True)
class Transfer(NewHead, WholeNetwork, OnFolds):
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


@dataclass(frozen=True, kw_only=True)
class Continued(OnFolds, Pretrain):
    """Training that goes on from a fine-tuned network, each epoch of which is kept."""
