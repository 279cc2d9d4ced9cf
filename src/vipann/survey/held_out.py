"""What a model said of the clips that were held out in its training: `held_out.parquet` of a model
folder.

A row a clip, scored by the network that was not trained on it: clip_id, recording (clips of one are
not independent), fold (of that network), `label:<class>` (0 or 1) and `probability:<class>` for
each class, and the uncertainties and the out-of-distribution score as in a windows table.

They are those of one network with the run's number of samples. A survey averages the networks of
all folds, of which each but one has trained on such a clip: its uncertainties are of the same kind,
and their epistemic part holds the folds' disagreement besides.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from vipann.errors import UserError
from vipann.survey.windows import MEASURES, PROBABILITY, RECORDING, probabilities_of

FILE = "held_out.parquet"
LABEL = "label:"


@dataclass(frozen=True)
class HeldOut:
    """Clips whose labels are known, with their scores.

    probability: (N, C) float32 in [0, 1]; present: (N, C) bool; recording: (N,) str; measures:
    total, aleatoric, epistemic (nats) and ood, (N,) each, NaN where there is none.
    """

    classes: tuple[str, ...]
    probability: np.ndarray
    present: np.ndarray
    recording: np.ndarray
    measures: pd.DataFrame


def read_held_out(model: Path | str) -> HeldOut:
    """The held-out clips of a model folder.

    Raises:
        UserError: the file is missing, broken, or lacks a column.
    """
    path = Path(model, FILE)
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: export the model again (vipann export).") from error
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path} cannot be read ({error}): export the model again.") from error
    return held_out_of(table, str(path))


def held_out_of(table: pd.DataFrame, source: str) -> HeldOut:
    """The clips of such a table; UserError, which names `source`, where it lacks a column."""
    classes = tuple(
        name.removeprefix(PROBABILITY) for name in table.columns if name.startswith(PROBABILITY)
    )
    needed = [RECORDING, *(LABEL + name for name in classes), *MEASURES]
    lacking = [name for name in needed if name not in table.columns]
    if lacking or not classes:
        raise UserError(
            f"{source} lacks the column {(lacking or [PROBABILITY + '<class>'])[0]!r}: it is no "
            "table of held-out clips; export the model again."
        )
    return HeldOut(
        classes,
        probabilities_of(table, classes),
        table[[LABEL + name for name in classes]].to_numpy(bool),
        table[RECORDING].to_numpy(str),
        table[list(MEASURES)],
    )


def percentiles(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Where `values` (N,) lie among held-out ones (M,), in [0, 100]: the percentage below, half of
    ties counted. NaN where a value, or all of the held-out ones, are NaN."""
    ranked = np.sort(among[np.isfinite(among)])
    if not len(ranked):
        return np.full(len(values), np.nan)
    sides = [np.searchsorted(ranked, values, side=side) for side in ("left", "right")]
    found = 100 * np.mean(sides, axis=0) / len(ranked)
    return np.where(np.isnan(values), np.nan, found)
