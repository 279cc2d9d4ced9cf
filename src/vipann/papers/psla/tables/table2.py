"""Table 2: two encoders without this paper's techniques."""

from vipann.evaluation.variant_results import read_results
from vipann.papers import Names, Sources
from vipann.papers.psla.names import BASELINE
from vipann.papers.psla.tables._scores import of_map
from vipann.tables.layout import Table

TABLE = {
    "number": "2",
    "label": "two encoders, without PSLA",
    "caption": """
mAP on the evaluation list of networks trained from a random start, with none of the paper's
techniques. Rows are missing where this run does not train such a network.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["resnet50"],
    "about": ["names", "upstream"],
}
ROWS = {"ResNet-50": ("resnet50",), "EfficientNet": (BASELINE,)}


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """A row for each row of the paper's."""
    title = "Table 2: two encoders, without PSLA"
    return of_map(2, title, read_results(sources), ROWS, names, upstream)
