"""Accuracy of each class, and what it is taken for. Not in the paper."""

from collections.abc import Sequence

import pandas as pd

from vipann.papers import Names, Sources
from vipann.papers.vi_pann.printed import PHASE_NAMES, STRATEGY_NAMES
from vipann.papers.vi_pann.tables._scores import KEYS
from vipann.tables.layout import Table, number, ordered, side_by_side

TABLE = {
    "label": "Accuracy by class",
    "caption": """
The class that each network finds least often, and what it takes it for; the csv has all classes.
Not in the paper.""",
    "needs": {"confusion": "metrics/{transfer}.confusion.parquet"},
    "about": ["shown_names"],
}
HOW = "Over the clips of all folds, mean over replications. Taken for: in which share of its clips."


def table(sources: Sources, shown_names: Names) -> Table:
    """Columns of the frame: see `classes`."""
    frame = classes(sources["confusion"])
    orders = {
        "dataset": frame["dataset"].unique(),
        "phase": PHASE_NAMES,
        "strategy": STRATEGY_NAMES,
    }
    worst = ordered(frame, orders, then=["accuracy", "class"]).drop_duplicates(KEYS)
    share = worst["taken_for_share"].map(" ({:.0%})".format).where(worst["taken_for"] != "", "")
    texts = worst[["dataset", "phase", "strategy"]].assign(
        **{
            "Least found": worst["class"],
            "Accuracy": worst["accuracy"].map(number),
            "Taken for": worst["taken_for"] + share,
        }
    )
    headings = {"dataset": "Dataset", "phase": "Phase", "strategy": "Model"}
    labels = {"dataset": shown_names, "phase": PHASE_NAMES, "strategy": STRATEGY_NAMES}
    cells = side_by_side(texts, headings, [""], labels).reorder_levels([0, 2, 1])
    return Table("The class that each network finds least often", frame, cells, [HOW])


def classes(confusion: Sequence[str]) -> pd.DataFrame:
    """Accuracy of each class over the clips of all folds, mean over replications.

    confusion: parquet files of `vipann.evaluation.diagnostics.confusion_table`. Columns: dataset,
    strategy, phase, class, clips, accuracy, taken_for (the class that it is most often mistaken
    for, empty where it never is), taken_for_share (of the class's clips).
    """
    whole = pd.concat([pd.read_parquet(path) for path in confusion], ignore_index=True)
    keys = [*KEYS, "target"]
    whole = whole.groupby([*keys, "predicted"], sort=False)["clips"].sum().reset_index()
    right = whole["target"] == whole["predicted"]
    frame = whole.groupby(keys, sort=False)["clips"].sum().to_frame()
    frame["accuracy"] = whole[right].set_index(keys)["clips"] / frame["clips"]
    wrong = whole[~right & (whole["clips"] > 0)].sort_values("clips", ascending=False)
    worst = wrong.drop_duplicates(keys).set_index(keys)
    frame["taken_for"] = worst["predicted"].reindex(frame.index).fillna("")
    frame["taken_for_share"] = (worst["clips"] / frame["clips"]).reindex(frame.index).fillna(0.0)
    return frame.reset_index().rename(columns={"target": "class"})
