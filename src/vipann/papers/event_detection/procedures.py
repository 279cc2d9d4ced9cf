"""What a run has to call chapter 6's variants to be found, as config/event_detection.yaml does."""

# Rows of Table 6.2 -> encoders.
ENCODERS = {
    "AST/ViT": "ast",
    "Transformer": "transformer",
    "CNN+Trans": "cnn_transformer",
    "Conformer": "conformer",
    "ResNet50": "resnet50",
    "CRNN": "talnet",
}
# Of these, those of attention without convolutions before it, and the one of convolutions alone
# that can be made Bayesian in all its layers.
TRANSFORMERS = ("ast", "transformer", "conformer")
HYBRIDS = ("cnn_transformer",)
CONVOLUTIONAL = "resnet50"
PROCEDURES = ("A1", "A2", "A3", "A4")
# What Table 6.1 reports of each procedure.
REPORTED = {
    "A1": "ast_a1",
    "A2": "cnn_transformer_a2",
    "A3": "ast_a3",
    "A4": "cnn_transformer_a4",
}
# Table 6.3: procedure and stride of patches -> variant.
STRIDES = {
    ("A1", 4): "ast_a1_stride_04",
    ("A1", 6): "ast_a1_stride_06",
    ("A1", 8): "ast_a1_stride_08",
    ("A1", 10): "ast_a1",
    ("A1", 12): "ast_a1_stride_12",
    ("A1", 16): "ast_a1_stride_16",
    ("A3", 4): "ast_a3_stride_04",
    ("A3", 6): "ast_a3_stride_06",
    ("A3", 8): "ast_a3",
    ("A3", 10): "ast_a3_stride_10",
    ("A3", 12): "ast_a3_stride_12",
    ("A3", 16): "ast_a3_stride_16",
}
PATCH = 16
# Table 6.4: what is left out -> the variant with it, and the one without.
FULL = "cnn_transformer_a4"
ABLATIONS = {
    "data balancing": (FULL, "without_balancing"),
    "Mixup": (FULL, "without_mixup"),
    "SpecAug": (FULL, "without_masking"),
    "Normalize*": (FULL, "without_normalisation"),
    # CutMix takes mixup's place: without it there is neither.
    "CutMix": ("cutmix", "without_mixup"),
}
CONSTANT, WEIGHT_DECAY = "constant_rate", "weight_decay"
# Section 6.7: variances of the input that are said to fail; section 6.6: rates.
VARIANCES = {
    "AST, input variance 1": "ast_a3_sigmas_1",
    "AST, input variance 0.0625": "ast_a3_sigmas_4",
}
RATES = {"AST, rate 1e-6": "ast_a3_rate_1e6", "AST, rate 1e-4": "ast_a3_rate_1e4"}
BAYESIAN = ("drop", "flip")


def variant(row: str, procedure: str) -> str:
    """What a row of Table 6.2 under a procedure is called: "ast_a1"."""
    return f"{ENCODERS[row]}_{procedure.lower()}"


def patches(frames: int, bands: int, stride: int) -> int:
    """Of 16 x 16, `stride` from one to the next both ways, that lie wholly in the features."""
    return (1 + (frames - PATCH) // stride) * (1 + (bands - PATCH) // stride)
