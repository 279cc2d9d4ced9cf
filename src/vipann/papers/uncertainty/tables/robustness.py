"""Networks on test clips under noise, through other channels, shifted or amplified."""

import pandas as pd

from vipann.conditions import CLEAN
from vipann.papers import Names, Sources
from vipann.papers.uncertainty import probing
from vipann.papers.uncertainty.names import PHASE_NAMES, STRATEGY_NAMES
from vipann.papers.uncertainty.tables._settings import setting_cells
from vipann.tables.layout import Table

TABLE = {
    "label": "Robustness",
    "caption": """
Accuracy, calibration and uncertainty of the transferred networks on their own test clips, as they
are and degraded. Noise is added to the waveform at the network's sample rate; a signal-to-noise
ratio is of mean powers over the clip.""",
    "needs": {"robustness": "metrics/{robustness}.robustness.parquet"},
    "about": ["shown_names"],
}
COLUMNS = {
    "accuracy": ("", "Accuracy"),
    "ece": ("", "ECE"),
    "retention_gain_total": ("Retention gain", "Entropy"),
    "retention_gain_epistemic": ("Retention gain", "Epistemic"),
    "retention_gain_aleatoric": ("Retention gain", "Aleatoric"),
    "mean_aleatoric": ("Nats", "Aleatoric"),
    "mean_epistemic": ("Nats", "Epistemic"),
}
NOTES = (
    "Means over folds; ECE over the clips of all folds together. Retention gain: mean of the "
    "accuracy over the retained fractions, most certain clips first, minus the accuracy of all "
    "clips; it cannot be large where nearly all clips are right. The csv has 95 % bootstrap "
    "intervals over recordings, with the same resamples under every condition.",
    "Babble: four clips of the folds that train the network. Shift: circular. Low-pass: "
    "Butterworth of order 8, forth and back. Samples are not clipped.",
)


def table(sources: Sources, shown_names: Names) -> Table:
    """Columns of the frame: `vipann.papers.uncertainty.probing.read`, of all folds together."""
    frame = probing.overall(probing.read(sources["robustness"]), list(COLUMNS))
    cells = setting_cells(frame, COLUMNS, shown_names, "Condition")
    return Table("Networks on degraded test clips", frame, cells, NOTES)


def advice(frame: pd.DataFrame) -> str | None:
    """Which network stands the conditions best, and what harms it most, of each dataset."""
    rows = frame[frame["measure"] == "accuracy"]
    return " ".join(_advice(str(name), own) for name, own in rows.groupby("dataset")) or None


def _advice(dataset: str, rows: pd.DataFrame) -> str:
    wide = rows.pivot(index=["strategy", "phase"], columns="label", values="value")
    degraded = wide.drop(columns=CLEAN)
    strategy, phase = best = degraded.mean(axis=1).idxmax()
    worst = degraded.loc[best].idxmin()
    return (
        f"On {dataset} {STRATEGY_NAMES[strategy]} {PHASE_NAMES[phase].lower()} stands degraded "
        f"clips best of {len(wide)} (mean accuracy {degraded.loc[best].mean():.3f}, of clean clips "
        f"{wide.loc[best, CLEAN]:.3f}); what harms it most is {worst} "
        f"({degraded.loc[best, worst]:.3f})."
    )
