"""Table 10: averaged weights."""

from vipann.evaluation.variant_results import read_results
from vipann.papers import Names, Sources
from vipann.papers.psla.names import AVERAGED, SINGLE
from vipann.papers.psla.tables._scores import of_map
from vipann.tables.layout import Table

TABLE = {
    "number": "10",
    "label": "averaged weights",
    "caption": """
mAP on the evaluation list of the network that training ended with, and of the mean of its weights
after each of the last epochs.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["averaged"],
    "about": ["names", "upstream"],
}
ROWS = {"Without Weight Averaging": (SINGLE,), "With Weight Averaging": (AVERAGED,)}


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """A row for each row of the paper's."""
    title = "Table 10: averaged weights"
    return of_map(10, title, read_results(sources), ROWS, names, upstream)
