"""The feature files of a selection of clips (`vipann.datasets.selection`)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vipann.datasets.selection import LEARNT, TESTED, UNKNOWN
from vipann.features.derived import write_derived
from vipann.features.store import FeatureStore

# What a file is for -> the clips that it holds.
USES = {"learnt": (LEARNT,), "tested": (LEARNT, TESTED), "unknown": (UNKNOWN,)}


def select_features(
    features: Path, selection: Path, use: str, held_out: Sequence[str], out: Path
) -> None:
    """Write the clips of `features` that the list `selection` has for a use.

    use: learnt, what networks are trained on; tested, all clips of classes that are not held out;
    unknown, those of the classes `held_out`, of which no file has labels.
    """
    listed = pd.read_csv(selection, dtype=str, keep_default_na=False).set_index("clip_id")["use"]
    with FeatureStore(features) as store:
        rows = np.flatnonzero(np.isin(listed.loc[store.clip_ids], USES[use]))
        classes = [name for name in store.classes if name not in held_out]
        write_derived(store, rows, out, classes=classes)
    print(f"{len(rows)} clips {use}, {len(classes)} classes known, in {out}")
