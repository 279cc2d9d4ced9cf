"""Table 6: how evenly two clips are mixed."""

from vipann.evaluation.variant_results import read_results
from vipann.papers import Names, Sources
from vipann.papers.psla.names import MIXUP_ALPHAS
from vipann.papers.psla.tables._scores import of_map
from vipann.tables.layout import Table

TABLE = {
    "number": "6",
    "label": "how evenly clips are mixed",
    "caption": """
mAP on the evaluation list against α of Beta(α, α), from which the weight of mix-up is drawn: the
larger, the closer to one half. Half of the clips are mixed.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["mixup_alpha_01", "mixup_alpha_1"],
    "about": ["names", "upstream"],
}


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """A row for each row of the paper's."""
    title = "Table 6: how evenly clips are mixed"
    return of_map(6, title, read_results(sources), MIXUP_ALPHAS, names, upstream)
