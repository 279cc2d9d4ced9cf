"""Table 14: FSD50K."""

from vipann.evaluation.variant_results import read_results
from vipann.papers import Names, Sources
from vipann.papers.psla.names import ABLATIONS
from vipann.papers.psla.tables._scores import of_map
from vipann.tables.layout import Table

TABLE = {
    "number": "14",
    "label": "FSD50K",
    "headline": 1,
    "caption": """
mAP on FSD50K's evaluation list of an ensemble of one training's checkpoints, and of the same with
one technique left out.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["checkpoints"],
    "only_on": ["FSD50K"],
    "about": ["names", "upstream"],
}


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """A row for each row of the paper's."""
    title = "Table 14: FSD50K"
    return of_map(14, title, read_results(sources), ABLATIONS, names, upstream)
