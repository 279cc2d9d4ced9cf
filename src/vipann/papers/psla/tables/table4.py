"""Table 4: balanced sampling and augmentation, one after the other."""

from vipann.evaluation.variant_results import read_results
from vipann.papers import Names, Sources
from vipann.papers.psla.names import AUGMENTED, BALANCED, MASKING, PRETRAIN
from vipann.papers.psla.tables._scores import of_map
from vipann.tables.layout import Table

TABLE = {
    "number": "4",
    "label": "sampling and augmentation",
    "caption": """
mAP on the evaluation list, with one technique more in each row. *Balanced sampling* draws clips
with rare classes more often; *masking* blanks a stretch of time (and of frequency, where there is
one); *mix-up* trains on weighted sums of two clips. The paper uses balanced sampling on the full
set only.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["balanced", "masking", "augmented"],
    "about": ["names", "upstream"],
}
ROWS = {
    "Pretraining": PRETRAIN,
    "+ Balanced Sampling": BALANCED,
    "+ Masking": MASKING,
    "+ Mix-up": AUGMENTED,
}


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """A row for each row of the paper's."""
    title = "Table 4: sampling and augmentation"
    return of_map(4, title, read_results(sources), ROWS, names, upstream)
