"""Table 3.3: receptive fields of the first layer."""

from vipann.papers import Names, Sources
from vipann.papers.event_detection.tables._raw_audio import table_of
from vipann.tables.layout import Table

TABLE = {
    "number": "3.3",
    "label": "receptive fields of the first layer",
    "caption": """
Test accuracy with filters of 8 samples (srf) and of 320 samples (lrf) in the first layer, in the
place of 80, which are 10 ms.""",
    "needs": {"scores": "metrics/{varied_on_folds}.variants_on_folds.parquet"},
    "any_of": ["m11_srf", "m18_srf", "m11_lrf", "m18_lrf"],
    "about": ["names", "shown_names"],
}


def table(sources: Sources, names: Names, shown_names: Names) -> Table:
    """A row for each row of the thesis's."""
    title = "Table 3.3: receptive fields of the first layer"
    return table_of("3.3", title, sources, names, shown_names)
