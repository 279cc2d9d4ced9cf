"""Scores in several settings (`vipann.evaluation.probes`), as tables, figures and claims read
them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from vipann.evaluation.probes import ALL
from vipann.papers.uncertainty.names import STRATEGY_NAMES

# A strategy and a phase.
Kind = tuple[str, str]
WHOSE = ["dataset", "strategy", "phase"]
WHAT = ["probe", "setting", "label", "amount"]


def read(paths: Iterable[str | Path]) -> pd.DataFrame:
    """The rows of several files, means over networks of several seeds."""
    frames = [pd.read_parquet(path) for path in paths]
    if not frames:
        return pd.DataFrame()
    rows = pd.concat(frames, ignore_index=True)
    keys = [*WHAT, *WHOSE, "fold", "measure"]
    values = ["value", "low", "high"]
    means = rows.groupby(keys, sort=False, dropna=False)
    found = means[values].mean(numeric_only=True).join(means["recordings"].min())
    return found.assign(networks=means["network"].nunique()).reset_index()


def overall(rows: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """Of all folds together, in the order of strategies; Det has no epistemic uncertainty."""
    chosen = rows[(rows["fold"] == ALL) & rows["measure"].isin(measures)]
    nothing = (chosen["strategy"] == "det") & chosen["measure"].str.contains("epistemic")
    order = {name: place for place, name in enumerate(STRATEGY_NAMES)}
    chosen = chosen[~nothing]
    return chosen.sort_values(
        "strategy", key=lambda names: names.map(order), kind="stable", ignore_index=True
    )
