"""The words and numbers of the paper."""

from pathlib import Path

from vipann.papers import printed_numbers
from vipann.strategies import STRATEGIES

# The paper's spelling, in the order of its Table 4.
STRATEGY_NAMES = {strategy.name: strategy.label for strategy in STRATEGIES}
PHASE_NAMES = {
    "pretrained": "Pre-trained",
    "fixed": "Fixed",
    "finetuned": "Fine-Tuned",
    "scratch": "From scratch",
}
# In the order of its columns.
UNCERTAINTY_NAMES = {"total": "Entropy", "epistemic": "Epistemic", "aleatoric": "Aleatoric"}

# The one dataset that Table 3 is about.
PRETRAINING_DATASET = "AudioSet"
PRETRAINING_CLASSES = 527  # section 4.1
TRANSFER_DATASETS = ("ESC-50", "UrbanSound8K", "DCASE2013")


_TABLES = Path(__file__).with_name("tables.csv")


def paper_value(table: int, row: str, column: str) -> float | None:
    """The number that the paper prints, or None where it prints none.

    table: 1 to 5. row, column, in the paper's words ("UrbanSound8K" spelled so throughout):
    1: "ESC-50/Drop", "Params" or "MACs"; 2: "ESC-50", "Num Clips", "Num Classes", "Duration" (s)
    or "Folds"; 3: "Det", "Drop", "Flip" or "ResNet-54 PANN [1]", "mAP", "AUC" or "d-prime";
    4: "Flip", "ESC-50/fixed" or "ESC-50/finetuned" ("SOTA" with "ESC-50" only); 5: "Flip",
    "ESC-50". The paper spells the second dataset "UrbanSound8k" in Tables 1 and 5.
    """
    return printed_numbers(_TABLES).get((table, row, column))


def printed_value(table: int, row: str, column: str) -> float:
    """The same where the paper is known to print one."""
    return printed_numbers(_TABLES)[table, row, column]
