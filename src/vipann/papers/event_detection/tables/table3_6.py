"""Table 3.6: without batch norm."""

from vipann.papers import Names, Sources
from vipann.papers.event_detection.tables._raw_audio import table_of
from vipann.tables.layout import Table

TABLE = {
    "number": "3.6",
    "label": "without batch norm",
    "caption": """
Test accuracy of networks without batch norm. The thesis prints accuracies on the training clips
too, which this run does not score: 98.58, 99.33 and 10.96 %.""",
    "needs": {"scores": "metrics/{varied_on_folds}.variants_on_folds.parquet"},
    "any_of": ["m11_no_bn", "m18_no_bn", "m34_no_bn"],
    "about": ["names", "shown_names"],
}


def table(sources: Sources, names: Names, shown_names: Names) -> Table:
    """A row for each row of the thesis's."""
    title = "Table 3.6: without batch norm"
    return table_of("3.6", title, sources, names, shown_names)
