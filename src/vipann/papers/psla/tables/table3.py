"""Table 3: an ImageNet start."""

from vipann.evaluation.variant_results import read_results
from vipann.papers import Names, Sources
from vipann.papers.psla.names import BASELINE, LONG, PRETRAIN
from vipann.papers.psla.tables._scores import of_map
from vipann.tables.layout import Table

TABLE = {
    "number": "3",
    "label": "random and ImageNet start",
    "caption": """
mAP on the evaluation list from a random start and from ImageNet's weights; the rest of the recipe
is the same. Twice as many epochs (section III) are no substitute for the start.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["pretrain"],
    "about": ["names", "upstream"],
}
ROWS = {
    "w/o Pretraining": (BASELINE,),
    "w/ Pretraining": PRETRAIN,
    "120 epochs, w/o Pretraining": (LONG,),
}


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """A row for each row of the paper's."""
    title = "Table 3: random and ImageNet start"
    return of_map(3, title, read_results(sources), ROWS, names, upstream)
