# Names that the rule files of tables, figures and the report take from here.
from vipann.claims.counting import orders_needed
from vipann.config import folds_of
from vipann.evaluation.interval import interval_words
from vipann.folds import fold_numbers, share_out
from vipann.paper.figures import figure_name
from vipann.report.names import (
    BEYOND,
    dataset_label,
    figure_category,
    figure_label,
    kind_and_dataset,
    table_category,
    table_label,
)
from vipann.report.notes import notes_of

config["notes"] = notes_of(config)
PAPER = RUN.paper_config
UPSTREAM = RUN.upstream
OOD = RUN.ood
OOD_WINDOWS = RUN.ood_windows
BLOCKS = RUN.blocks
TRANSFER_DATASETS = RUN.transfer_datasets
TESTED = RUN.tested
settings = RUN.settings


def there(folder: str, pattern: str) -> list[str]:
    """Files below a folder of the run, as they are now."""
    return sorted(str(path) for path in Path(folder).glob(pattern))
