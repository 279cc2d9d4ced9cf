"""Table 3.4: more filters."""

from vipann.papers import Names, Sources
from vipann.papers.event_detection.tables._raw_audio import table_of
from vipann.tables.layout import Table

TABLE = {
    "number": "3.4",
    "label": "more filters",
    "caption": """
Test accuracy of M3 and M5 with 1.5 times and twice as many filters.""",
    "needs": {"scores": "metrics/{varied_on_folds}.variants_on_folds.parquet"},
    "any_of": ["m3_big", "m5_big"],
    "about": ["names", "shown_names"],
}


def table(sources: Sources, names: Names, shown_names: Names) -> Table:
    """A row for each row of the thesis's."""
    title = "Table 3.4: more filters"
    return table_of("3.4", title, sources, names, shown_names)
