"""Table 4: accuracies after transfer learning, ours beside the paper's."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from vipann.papers import Names, Sources
from vipann.papers.vi_pann.printed import PHASE_NAMES, STRATEGY_NAMES, paper_value
from vipann.tables.layout import ABOUT_THE_PAPER, Table, averages, comparison, number, ordered, tidy

TABLE = {
    "number": "4",
    "label": "accuracy after transfer",
    "headline": 1,
    "caption": """
Accuracy after transfer to {{ datasets | join(", ") }}: mean over folds and its standard error.
*Fixed*: a new head on the frozen backbone, trained for {{ config.transfer.fixed.epochs }} epochs.
*Fine-tuned*: everything, for {{ config.transfer.finetuned.epochs }} epochs more.""",
    "needs": {"metrics": "metrics/{transfer}.metrics.parquet"},
    "about": ["names", "shown_names", "notes"],
}
# A multilabel dataset has mAP in the place of accuracy.
SCORES = ("accuracy", "mAP")
HOW = (
    "Mean over folds of the mean over replications ± standard error over folds (none with one "
    "fold). Folds count alike whatever their size."
)


def table(sources: Sources, names: Names, shown_names: Names, notes: Sequence[str] = ()) -> Table:
    """As `accuracies`, with the state of the art; notes: sentences about this run's networks."""
    title, phases = "accuracy after transfer learning", ("fixed", "finetuned")
    made = accuracies(4, title, phases, sources["metrics"], names, shown_names)
    more = []
    if made.frame["paper"].notna().any():
        # Of neither phase: it stands once, in the last column of its dataset.
        last = {group: place for place, (group, _) in enumerate(made.cells.columns)}
        quoted = {
            last.get(shown_names.get(key) or key): paper_value(4, "SOTA", name)
            for key, name in names.items()
            if name
        }
        made.cells.loc[("SOTA", "paper"), :] = [
            number(quoted.get(place)) if place in last.values() else ""
            for place in range(made.cells.shape[1])
        ]
        more = ["SOTA: the state of the art that the paper quotes, of neither phase."]
    return replace(made, notes=[*made.notes, *more, *notes])


def accuracies(
    table: int,
    title: str,
    phases: Sequence[str],
    metrics: Sequence[str],
    names: Names,
    shown_names: Names,
) -> Table:
    """Table 4 or 5, with rows in the paper's order; columns: `TIDY_COLUMNS`.

    metrics: the metrics parquet of each transfer dataset, in the order of columns; names: dataset
    -> its name in the paper, or None where the dataset is not the paper's, and then `paper` and
    `difference` stay empty; shown_names: dataset -> what its column is called.
    """
    frame = pd.concat([averages(pd.read_parquet(path)) for path in metrics], ignore_index=True)
    orders = {"strategy": STRATEGY_NAMES, "dataset": frame["dataset"].unique(), "phase": phases}
    frame = ordered(frame[frame["metric"].isin(SCORES)], orders)
    paper = [
        _printed(table, row.strategy, row.phase, row.metric, names.get(row.dataset))
        for row in frame.itertuples()
    ]
    frame = tidy(table, frame, paper)
    score = dict(zip(frame["dataset"], frame["metric"], strict=True))
    shown = {
        d: (shown_names.get(d) or d) + ("" if m == "accuracy" else f" ({m})")
        for d, m in score.items()
    }
    columns = ["dataset", "phase"] if len(phases) > 1 else ["dataset"]
    labels = {"strategy": STRATEGY_NAMES, "dataset": shown, "phase": PHASE_NAMES}
    cells = comparison(frame, columns, labels)
    notes = [HOW, *([ABOUT_THE_PAPER] if frame["paper"].notna().any() else [])]
    return Table(f"Table {table}: {title}", frame, cells, notes)


def _printed(
    table: int, strategy: str, phase: str, metric: str, paper_name: str | None
) -> float | None:
    if paper_name is None or metric != "accuracy":
        return None
    column = f"{paper_name}/{phase}" if table == 4 else paper_name
    return paper_value(table, STRATEGY_NAMES[strategy], column)
