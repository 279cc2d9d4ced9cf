"""Table 3.5: fully connected layers."""

from vipann.papers import Names, Sources
from vipann.papers.event_detection.tables._raw_audio import table_of
from vipann.tables.layout import Table

TABLE = {
    "number": "3.5",
    "label": "fully connected layers",
    "caption": """
Test accuracy with two fully connected layers of 1000 outputs, with batch norm and dropout, in the
place of the global average.""",
    "needs": {"scores": "metrics/{varied_on_folds}.variants_on_folds.parquet"},
    "any_of": ["m3_fc", "m5_fc", "m11_fc", "m18_fc"],
    "about": ["names", "shown_names"],
}
NOTE = (
    "The thesis prints 1.8 M parameters for M11-fc, which are M11's without these layers, and "
    "8.7 M for M18-fc; by its own description they have 19.2 M and 21.1 M."
)


def table(sources: Sources, names: Names, shown_names: Names) -> Table:
    """A row for each row of the thesis's."""
    title = "Table 3.5: fully connected layers"
    return table_of("3.5", title, sources, names, shown_names, NOTE)
