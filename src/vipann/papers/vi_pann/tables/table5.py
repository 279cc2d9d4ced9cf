"""Table 5: accuracies of networks trained from scratch, ours beside the paper's."""

from vipann.papers import Names, Sources
from vipann.papers.vi_pann.tables.table4 import accuracies
from vipann.tables.layout import Table

TABLE = {
    "number": "5",
    "label": "accuracy from scratch",
    "caption": """
Accuracy of the same networks trained from scratch for {{ config.scratch.epochs }} epochs: mean
over folds and its standard error.""",
    "needs": {"metrics": "metrics/{transfer}.metrics.parquet"},
    "only_with": ["scratch"],
    "about": ["names", "shown_names"],
}


def table(sources: Sources, names: Names, shown_names: Names) -> Table:
    """See `vipann.papers.vi_pann.tables.table4.accuracies`."""
    title = "accuracy from scratch, without transfer learning"
    return accuracies(5, title, ("scratch",), sources["metrics"], names, shown_names)
