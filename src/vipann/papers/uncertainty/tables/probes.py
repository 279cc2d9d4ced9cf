"""Networks that learn from fewer recordings, or that are never shown some classes."""

import pandas as pd

from vipann.evaluation.probes import FRACTION, UNKNOWN_CLASSES
from vipann.papers import Names, Sources
from vipann.papers.uncertainty import probing
from vipann.papers.uncertainty.names import PHASE_NAMES, STRATEGY_NAMES, UNCERTAINTY_NAMES
from vipann.papers.uncertainty.tables._settings import setting_cells
from vipann.tables.layout import Table

TABLE = {
    "label": "Less to learn from, and unknown classes",
    "caption": """
Epistemic uncertainty should fall with more to learn from, and be high for classes that a network
was never shown; aleatoric uncertainty is of the sounds, and should do neither.""",
    "needs": {"probes": "metrics/{probes}.probes.parquet"},
    "about": ["shown_names"],
}
COLUMNS = {
    "accuracy": ("", "Accuracy"),
    "mean_aleatoric": ("Nats", "Aleatoric"),
    "mean_epistemic": ("Nats", "Epistemic"),
    "auroc_total": ("AUROC", "Entropy"),
    "auroc_epistemic": ("AUROC", "Epistemic"),
    "auroc_aleatoric": ("AUROC", "Aleatoric"),
    "rank_correlation": ("", "Rank correlation"),
}
NOTES = (
    "Means over folds and, of variants, over seeds. Learnt: the share of each class's recordings "
    "that trains; those of a smaller share are among those of a larger one. Unknown: clips of the "
    "classes that were held out, which the networks of all folds hear; AUROC: by which an "
    "uncertainty tells them from the test clips of known classes, 0.5 is chance.",
    "Rank correlation: Spearman's of aleatoric and epistemic uncertainty over test clips; near 1 "
    "the two order clips alike. The csv has 95 % bootstrap intervals over recordings.",
)


def table(sources: Sources, shown_names: Names) -> Table:
    """Columns of the frame: `vipann.papers.uncertainty.probing.read`, of all folds together."""
    frame = probing.overall(probing.read(sources["probes"]), list(COLUMNS))
    words = {FRACTION: "Learnt: {:.0%}", UNKNOWN_CLASSES: "{} classes"}
    frame["label"] = [
        words[probe].format(amount if probe == FRACTION else setting.capitalize())
        for probe, setting, amount in zip(
            frame["probe"], frame["setting"], frame["amount"], strict=True
        )
    ]
    cells = setting_cells(frame, COLUMNS, shown_names, "Setting")
    return Table("Networks that learn from less", frame, cells, NOTES)


def advice(frame: pd.DataFrame) -> str | None:
    """By which uncertainty of which network unknown classes are found best, of each dataset."""
    rows = frame[frame["measure"].str.startswith("auroc_")]
    return " ".join(_advice(str(name), own) for name, own in rows.groupby("dataset")) or None


def _advice(dataset: str, rows: pd.DataFrame) -> str:
    best = rows.loc[rows["value"].idxmax()]
    kind = UNCERTAINTY_NAMES[best["measure"].removeprefix("auroc_")].lower()
    kind = kind if kind == "entropy" else f"{kind} uncertainty"
    bounds = f" ({best['low']:.3f} to {best['high']:.3f})" if pd.notna(best["low"]) else ""
    return (
        f"On {dataset} clips of unknown classes are told best by the {kind} of "
        f"{STRATEGY_NAMES[best['strategy']]} {PHASE_NAMES[best['phase']].lower()}: AUROC "
        f"{best['value']:.3f}{bounds}."
    )
