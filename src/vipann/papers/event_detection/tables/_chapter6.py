"""What chapter 6's tables share."""

from collections.abc import Mapping, Sequence

import pandas as pd

from vipann.evaluation.variant_results import Results, spread
from vipann.tables.layout import number
from vipann.tables.variants import with_spread

# The sizes of features that procedures hear, frames and bands.
SHAPES = {"A1": (1024, 128), "A2": (1024, 128), "A3": (400, 64), "A4": (400, 64)}
BEST_CHECKPOINTS = (
    "Ours are the networks that training ended with; the thesis reports the best of several "
    "checkpoints."
)
COSTS = ("variant", "strategy", "encoder", "parameters", "macs", "clips_per_second", "memory_mb")
COLUMNS = ["table", "row", "column", "name", "ours", "standard_deviation", "seeds", "paper"]


def over_seeds_of(results: Results, name: str) -> list[float]:
    """Mean mAP over seeds, its standard deviation over seeds, how many; NaN, NaN, 0 without any."""
    values = results.by_seed(name)
    return [float(values.mean()), spread(values.tolist()), len(values)]


def texts_of(frame: pd.DataFrame, keys: Sequence[str], form: str = ".3f") -> pd.DataFrame:
    """`keys` of the frame, with ours, paper and, where there is one, difference as texts."""
    pairs = zip(frame["ours"], frame["standard_deviation"], strict=True)
    texts = frame[list(keys)].assign(
        ours=[with_spread(value, deviation, form) for value, deviation in pairs],
        paper=frame["paper"].map(lambda value: number(value, form)),
    )
    if frame["difference"].notna().any():
        signed = f"+{form}"
        texts["difference"] = frame["difference"].map(lambda value: number(value, signed))
    return texts


def costs_of(sources: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Columns `COSTS` of `vipann.evaluation.cost`, indexed by variant; empty without any."""
    tables = [pd.read_csv(path) for path in sources.get("costs", [])]
    found = pd.concat(tables) if tables else pd.DataFrame(columns=COSTS)
    return found.set_index("variant")
