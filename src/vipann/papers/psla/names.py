"""What a run has to call its variants, averages and ensembles to be found by tables and claims.

config/psla.yaml uses all of these. Of several names the first that a run has counts: the recipe
that is final on the balanced set enhances labels, that on the full set does not.
"""

from vipann.evaluation.score_columns import ORIGINAL

SINGLE, AVERAGED, CHECKPOINTS, SEEDS = "psla", "averaged", "checkpoints", "seeds"
BASELINE, LONG = "baseline", "baseline_120"
PRETRAIN = ("pretrain", "plain")
BALANCED = ("balanced",)
MASKING = ("masking",)
# Masking and mixup together; without mixup it is `MASKING`.
AUGMENTED = ("augmented", "psla")
ENHANCED = ("enhanced", "psla")

MIXUP_RATES = {
    "0": MASKING,
    "0.2": ("mixup_rate_02",),
    "0.5": AUGMENTED,
    "0.8": ("mixup_rate_08",),
    "1.0": ("mixup_rate_10",),
}
MIXUP_ALPHAS = {
    "without": MASKING,
    "0.1": ("mixup_alpha_01",),
    "1": ("mixup_alpha_1",),
    "10": AUGMENTED,
}
TYPES = {
    "Type I": ("enhanced_child",),
    "Type II": ("enhanced_parent",),
    "Type I and II": ENHANCED,
}
# Table 9's rows, and the label set that each is trained with.
THRESHOLDS = {
    "No LE": AUGMENTED,
    "LE, Mean": ENHANCED,
    "LE, 25P": ("enhanced_25",),
    "LE, 10P": ("enhanced_10",),
    "LE, 5P": ("enhanced_5",),
}
# Table 9's columns: labels of the evaluation clips.
RELABELLED = "relabelled"
LABEL_SETS = {
    "Original": ORIGINAL,
    "Mean": "eval_mean",
    "25P": "eval_25",
    "10P": "eval_10",
    "5P": "eval_5",
    "Relabelled by machine": RELABELLED,
}
COMMITTEES = {
    "Checkpoints": CHECKPOINTS,
    "Seeds": SEEDS,
    "pretrain": "settings_pretrain",
    "mixup rate": "settings_mixup_rate",
    "mixup-α": "settings_mixup_alpha",
    "augment": "settings_augment",
    "label": "settings_label",
    "top5": "settings_top5",
    "all": "settings_all",
}
# Each against `CHECKPOINTS`: an ensemble of its own checkpoints.
ABLATIONS = {
    "PSLA Model": (CHECKPOINTS,),
    "- Pretrain": ("minus_pretrain",),
    "- Balanced Sampling": ("minus_balanced",),
    "- Masking": ("minus_masking",),
    "- Mixup": ("minus_mixup",),
    "- Label Enhancement": ("minus_enhancement",),
    "- Ensemble": (SINGLE,),
    "- Ensemble + WA": (AVERAGED,),
}
# Table 13's row -> the stem of its names: alone without PSLA, `_psla` with it, `_checkpoints`.
ARCHITECTURES = {
    "MobileNet V2": "mobilenet",
    "EfficientNet-B0, Single-headed Attention": "b0_one_head",
    "EfficientNet-B2, Mean Pooling": "b2_mean",
    "EfficientNet-B2, Single-headed Attention": "b2_one_head",
    "EfficientNet-B2, 4-headed Attention": "b2",
    "ResNet-50, Single-headed Attention": "resnet50",
}
FOUR_HEADS = "EfficientNet-B2, 4-headed Attention"
RESNET = "ResNet-50, Single-headed Attention"
VOLUMES = (100_000, 200_000, 300_000, 500_000)  # clips: Figure 3


def volume_names(clips: int) -> tuple[str, str]:
    """Of a point of Figure 3: what is trained from a random start, and from ImageNet."""
    name = f"clips_{clips // 1000}k"
    return name, f"{name}_pretrain"


def with_and_without(row: str) -> tuple[str, str, str]:
    """Of a row of Table 13: what is trained without PSLA, the ensemble of checkpoints, the single
    network with averaged weights."""
    if row == FOUR_HEADS:
        return BASELINE, CHECKPOINTS, AVERAGED
    stem = ARCHITECTURES[row]
    return stem, f"{stem}_checkpoints", f"{stem}_averaged"


# Ways to an uncertainty, in the order of the table that holds them together.
WAYS = {
    "Single network": (SINGLE, "plain"),
    "Averaged weights": (AVERAGED,),
    "Ensemble of checkpoints": (CHECKPOINTS,),
    "Ensemble of seeds": (SEEDS,),
    "Ensemble of settings": ("settings_all",),
    "MC dropout (Drop)": ("drop",),
    "Flipout (Flip)": ("flip",),
}
