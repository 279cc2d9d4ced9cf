"""Rows in the order of the paper instead of the alphabet's."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd


def ordered(
    frame: pd.DataFrame, orders: Mapping[str, Iterable[Any]], then: Sequence[str] = ()
) -> pd.DataFrame:
    """Sort rows by where `orders` (column -> values) has their values, then by the columns `then`.

    Rows that are equal in all of these stay as they were; the index is numbered anew. Raises
    ValueError for a value that its column's order lacks.
    """
    places = {name: list(values).index for name, values in orders.items()}
    return frame.sort_values(
        [*places, *then],
        key=lambda column: column.map(places[column.name]) if column.name in places else column,
        kind="stable",
        ignore_index=True,
    )
