"""What the tables of chapter 3 share: accuracy, size and time, ours beside the thesis's."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from vipann.evaluation.variant_results import Results
from vipann.papers import Names, Sources
from vipann.papers.event_detection.printed import paper_value
from vipann.papers.event_detection.raw_audio import TABLES, is_the_papers, results_on_folds
from vipann.tables.layout import ABOUT_THE_PAPER, NOTHING, Table, number, whole_number
from vipann.tables.variants import beside_print, scored, with_spread

# Our metric -> the thesis's column.
PRINTED = {"accuracy": "Test", "parameters": "# Parameters", "training_seconds": "Time"}
OURS = (
    "Ours: mean over seeds ± standard deviation over seeds, of the tested folds. The thesis "
    "trained each network once and tested it on fold 10."
)
TIME = (
    "Seconds: ours of the whole training on this run's machine, by the clock; the thesis's of one "
    "epoch on a Titan X. They are not compared."
)
IN_PART = (
    "{0} is not the thesis's UrbanSound8K, or a part of it only: its print is for orientation, "
    "without a difference."
)


def table_of(
    table: str, title: str, sources: Sources, names: Names, shown_names: Names, *notes: str
) -> Table:
    """Table "3.2" to "3.6", with a row a network of `TABLES`, on each dataset.

    sources: scores, files of `vipann.evaluation.fold_metrics`.
    """
    found = results_on_folds(sources.get("scores", ()))
    frames = [_frame(table, results, name, names) for name, results in found.items()]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    shown = {name: shown_names.get(name) or name for name in found}
    others = [IN_PART.format(shown[name]) for name in found if not is_the_papers(names, name)]
    cells = _cells(frame.replace({"dataset": shown})) if frames else pd.DataFrame()
    timed = [TIME] if ("Training", "ours, s") in cells.columns else []
    return Table(title, frame, cells, [OURS, ABOUT_THE_PAPER, *timed, *others, *notes])


def _frame(table: str, results: Results, dataset: str, names: Names) -> pd.DataFrame:
    """Columns of `vipann.tables.variants.COLUMNS`, paper, difference and dataset."""
    frame = scored(table, results, TABLES[table], list(PRINTED))
    pairs = zip(frame["row"], frame["metric"], strict=True)
    printed = [_printed(table, row, metric) for row, metric in pairs]
    frame = beside_print(frame, printed, is_comparable=is_the_papers(names, dataset))
    # Of rounded sizes and of another machine's times there is none.
    frame.loc[frame["metric"] != "accuracy", "difference"] = np.nan
    return frame.assign(dataset=dataset)


def _printed(table: str, row: str, metric: str) -> float | None:
    """Sizes that the table has not are in Table 3.1."""
    value = paper_value(table, row, PRINTED[metric])
    is_size = value is None and metric == "parameters"
    return paper_value("3.1", row, PRINTED[metric]) if is_size else value


def _cells(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a network and, where there are several, dataset."""
    parts = []
    for (dataset, row), own in frame.groupby(["dataset", "row"], sort=False):
        at = own.set_index("metric")
        accuracy, size, time = (at.loc[metric] for metric in PRINTED)
        parts.append(
            {
                ("", "Dataset"): dataset,
                ("", "Model"): row,
                ("Accuracy", "ours"): with_spread(
                    accuracy["ours"], accuracy["standard_deviation"], ".2%"
                ),
                ("Accuracy", "thesis"): number(accuracy["paper"], ".2%"),
                ("Accuracy", "difference"): number(accuracy["difference"], "+.2%"),
                ("Parameters", "ours"): whole_number(size["ours"]),
                ("Parameters", "thesis"): whole_number(size["paper"]),
                ("Training", "ours, s"): number(time["ours"], ".0f"),
                ("Training", "thesis, s an epoch"): number(time["paper"], ".0f"),
            }
        )
    cells = pd.DataFrame(parts)
    cells.columns = pd.MultiIndex.from_tuples(cells.columns)
    left: Sequence[tuple[str, str]] = [("", "Dataset"), ("", "Model")]
    left = left if cells["", "Dataset"].nunique() > 1 else left[1:]
    indexed = cells.set_index(list(left)).rename_axis([name for _, name in left])
    indexed = indexed.drop(columns=[("", "Dataset")], errors="ignore")
    empty = [pair for pair in indexed if (indexed[pair] == NOTHING).all() and "ours" not in pair[1]]
    return indexed.drop(columns=empty)
