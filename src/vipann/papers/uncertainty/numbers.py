"""How scores are written: of several labels a clip they can be small."""

import pandas as pd

from vipann.tables.layout import number

# Of hundreds of classes a clip has few: mean NLL, Brier score and ECE are hundredths.
SMALL = 0.05


def score_form(value: float) -> str:
    """Three decimals as in the paper, four of a small score."""
    return ".4f" if value < SMALL else ".3f"


def score(value: float, error: float = float("nan")) -> str:
    """value, or value ± standard error, both with the decimals of the value."""
    form = score_form(value)
    text = number(value, form)
    return text if pd.isna(error) else f"{text} ± {number(error, form)}"
