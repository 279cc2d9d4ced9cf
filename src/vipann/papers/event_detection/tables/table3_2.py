"""Table 3.2: test accuracy by depth."""

from vipann.papers import Names, Sources
from vipann.papers.event_detection.tables._raw_audio import table_of
from vipann.tables.layout import Table

TABLE = {
    "number": "3.2",
    "label": "test accuracy by depth",
    "headline": 4,
    "caption": """
Test accuracy of networks on waveforms, of 3 to 34 layers with weights, and their size and time. In
print it rises up to M18.""",
    "needs": {"scores": "metrics/{varied_on_folds}.variants_on_folds.parquet"},
    "any_of": ["m3", "m5", "m11", "m18", "m34_res"],
    "about": ["names", "shown_names"],
}
NOTE = (
    "A public reimplementation (philipperemy/very-deep-convnets-raw-waveforms) reports as its best "
    "epochs on fold 10: M3 67.3 %, M5 74.3 %, M11 75.2 %, M18 71.0 %, M34-res 72.5 %."
)


def table(sources: Sources, names: Names, shown_names: Names) -> Table:
    """A row for each row of the thesis's."""
    title = "Table 3.2: test accuracy by depth"
    return table_of("3.2", title, sources, names, shown_names, NOTE)
