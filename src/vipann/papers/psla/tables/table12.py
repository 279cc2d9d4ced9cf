"""Table 12: the ablation on AudioSet."""

from vipann.evaluation.variant_results import read_results
from vipann.papers import Names, Sources
from vipann.papers.psla.names import ABLATIONS
from vipann.papers.psla.tables._scores import of_map
from vipann.tables.layout import Table

TABLE = {
    "number": "12",
    "label": "without one technique each",
    "caption": """
mAP on the evaluation list of an ensemble of one training's checkpoints, and of the same with one
technique left out.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["checkpoints"],
    "not_on": ["FSD50K"],
    "about": ["names", "upstream"],
}


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """A row for each row of the paper's."""
    title = "Table 12: without one technique each"
    return of_map(12, title, read_results(sources), ABLATIONS, names, upstream)
