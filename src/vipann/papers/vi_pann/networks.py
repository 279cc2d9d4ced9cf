"""The networks whose size Table 1 gives, and those that it might have given."""

from collections.abc import Mapping
from dataclasses import dataclass

from vipann.papers.vi_pann.printed import (
    PRETRAINING_CLASSES,
    PRETRAINING_DATASET,
    paper_value,
    printed_value,
)

TRANSFER_STRATEGIES = ("drop", "det_flip", "flip")
PRETRAINING_STRATEGIES = ("det", "drop", "flip")


@dataclass(frozen=True)
class SizedNetwork:
    """A network whose size is counted, and the clips that it hears.

    table: where it is shown, "1", or "1_variants" for what the paper does not print. dataset: in
    its spelling.
    """

    table: str
    dataset: str
    strategy: str
    classes: int
    clip_seconds: float


def networks(clip_seconds: Mapping[str, float]) -> list[SizedNetwork]:
    """Table 1's networks in its order, and the variants.

    clip_seconds: dataset -> length to which its clips are cut or padded; what is neither in Table 2
    nor AudioSet is left out. The variants: datasets whose clips are of another length (Table 2), at
    that length; the pre-training networks.
    """
    printed, variants = [], []
    for dataset, seconds in clip_seconds.items():
        duration = paper_value(2, dataset, "Duration")
        if duration is None:
            continue
        classes = int(printed_value(2, dataset, "Num Classes"))
        for strategy in TRANSFER_STRATEGIES:
            printed.append(SizedNetwork("1", dataset, strategy, classes, seconds))
            if duration != seconds:
                variants.append(SizedNetwork("1_variants", dataset, strategy, classes, duration))
    if PRETRAINING_DATASET in clip_seconds:
        seconds = clip_seconds[PRETRAINING_DATASET]
        variants += [
            SizedNetwork("1_variants", PRETRAINING_DATASET, strategy, PRETRAINING_CLASSES, seconds)
            for strategy in PRETRAINING_STRATEGIES
        ]
    return printed + variants
