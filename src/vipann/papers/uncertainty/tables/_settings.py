"""Cells of a table with a row for each network and setting, and a column for each score."""

from collections.abc import Mapping

import pandas as pd

from vipann.papers import Names
from vipann.papers.uncertainty.names import PHASE_NAMES, STRATEGY_NAMES
from vipann.tables.layout import NOTHING, number


def setting_cells(
    frame: pd.DataFrame, columns: Mapping[str, tuple[str, str]], shown_names: Names, heading: str
) -> pd.DataFrame:
    """frame: `vipann.papers.uncertainty.probing.overall`, of which the settings come in the order
    of first occurrence; columns: measure -> group and name; heading: of the settings."""
    labels = {
        "Dataset": frame["dataset"].map(lambda name: shown_names.get(name) or name),
        "Model": frame["strategy"].map(STRATEGY_NAMES),
        "Phase": frame["phase"].map(PHASE_NAMES),
        heading: frame["label"],
    }
    texts = frame.assign(text=frame["value"].map(number), **labels)
    rows = list(labels)
    order = texts.drop_duplicates(rows).set_index(rows).index
    wide = texts.pivot(index=rows, columns="measure", values="text").reindex(order)
    shown = wide[[name for name in columns if name in wide.columns]]
    shown.columns = [columns[name] for name in shown.columns]
    return shown.fillna(NOTHING)
