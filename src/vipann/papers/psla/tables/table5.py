"""Table 5: the share of clips that are mixed."""

from vipann.evaluation.variant_results import read_results
from vipann.papers import Names, Sources
from vipann.papers.psla.names import MIXUP_RATES
from vipann.papers.psla.tables._scores import of_map
from vipann.tables.layout import Table

TABLE = {
    "number": "5",
    "label": "share of clips mixed",
    "caption": """
mAP on the evaluation list against the mix-up rate, the share of training clips that are a weighted
sum of two; the weight is drawn from Beta(10, 10).""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["mixup_rate_02", "mixup_rate_08", "mixup_rate_10"],
    "about": ["names", "upstream"],
}


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """A row for each row of the paper's."""
    title = "Table 5: share of clips mixed"
    return of_map(5, title, read_results(sources), MIXUP_RATES, names, upstream)
