"""Calibration errors and proper scores of networks, uncalibrated and recalibrated."""

import pandas as pd

from vipann.evaluation.recalibration import UNCHANGED
from vipann.evaluation.splits import ALL
from vipann.papers import Names, Sources
from vipann.papers.uncertainty.names import PHASE_NAMES, STRATEGY_NAMES, network_words
from vipann.tables.layout import NOTHING, Table, number, ordered, side_by_side

TABLE = {
    "label": "Recalibration",
    "caption": """
Calibration errors, negative log-likelihood and Brier score of each network as it is and
recalibrated: on the fold that its training left out or, with several labels a clip, on half of the
evaluation list's recordings. The csv has each fold by itself, and of the changes the 95 % intervals
over test recordings ({{ config.evaluation.bootstrap_resamples }} resamples).""",
    "needs": {"scores": "metrics/{recalibration}.recalibration.parquet"},
    "about": ["names"],
}
METHODS = {
    UNCHANGED: "Uncalibrated",
    "temperature": "Temperature",
    "platt": "Platt",
    "isotonic": "Isotonic",
}
SCORES = {"ece": "ECE", "classwise_ece": "Class-wise ECE", "nll": "NLL", "brier": "Brier"}
NOTES = (
    "Over the test clips of all folds together, lower is better; in brackets the 95 % interval "
    "over recordings. * : the change from uncalibrated is beyond that interval. ECE of the most "
    "probable class; class-wise ECE: mean over classes of each class's own. With several labels a "
    "clip all are means over classes. Calibration errors are biased upwards by chance within bins.",
    "T: mean over folds of the temperature; above 1 it softens. It changes no order of classes, "
    "and so no accuracy.",
)


def table(sources: Sources, names: Names) -> Table:
    """Columns of the frame: `vipann.evaluation.recalibrated.COLUMNS`."""
    frame = pd.concat([pd.read_parquet(path) for path in sources["scores"]], ignore_index=True)
    rows = frame[frame["fold"] == ALL]
    orders = {
        "dataset": rows["dataset"].unique(),
        "phase": PHASE_NAMES,
        "strategy": STRATEGY_NAMES,
        "method": METHODS,
        "metric": [*SCORES, "temperature"],
    }
    rows = ordered(rows, orders)
    rows["text"] = [_text(row) for row in rows.itertuples()]
    wide = rows.pivot(index=list(orders)[:-1], columns="metric", values="text")
    headings = {**SCORES, "temperature": "T"}
    wide = wide[[name for name in headings if name in wide]].rename(columns=headings)
    texts = wide.astype(object).fillna(NOTHING).reset_index()
    by = {"dataset": "Dataset", "phase": "Phase", "strategy": "Model", "method": "Method"}
    labels = {
        "dataset": names,
        "phase": PHASE_NAMES,
        "strategy": STRATEGY_NAMES,
        "method": METHODS,
    }
    cells = side_by_side(texts, by, [""], labels)
    return Table("Recalibration: scores as they are, and after", frame, cells, NOTES)


def _text(row: object) -> str:
    value, low, high, top = (getattr(row, n) for n in ("value", "low", "high", "change_high"))
    if row.metric == "temperature":  # type: ignore[attr-defined]
        return number(value, ".2f")
    bounds = "" if pd.isna(low) else f" ({number(low)} to {number(high)})"
    beyond = top < 0 or row.change_low > 0  # type: ignore[attr-defined]
    return number(value) + bounds + " *" * bool(beyond)


def advice(frame: pd.DataFrame) -> str | None:
    """Which method to recalibrate with, by the NLL that it lowers most, of each dataset."""
    rows = frame[(frame["fold"] == ALL) & (frame["metric"] == "nll")]
    lines = [_advice(str(name), rows[rows["dataset"] == name], frame) for name in _in(rows)]
    return " ".join(lines) or None


def _in(rows: pd.DataFrame) -> list[object]:
    return list(rows["dataset"].unique())


def _advice(dataset: str, rows: pd.DataFrame, frame: pd.DataFrame) -> str:
    after = rows[rows["method"] != UNCHANGED]
    method = after.groupby("method")["change"].mean().idxmin()
    mine = after[after["method"] == method]
    lower = int((mine["change_high"] < 0).sum())
    start = f"On {dataset}"
    if not lower:
        return (
            f"{start} no recalibration is needed: the best, {METHODS[method].lower()}, lowers the "
            f"NLL of none of {len(mine)} networks beyond chance."
        )
    best = mine.loc[mine["change"].idxmin()]
    own = frame[(frame["fold"] == ALL) & (frame["metric"] == "ece")]
    for key in ("dataset", "strategy", "phase"):
        own = own[own[key] == best[key]]
    ece = own.set_index("method")["value"]
    return (
        f"{start} recalibrate by {METHODS[method].lower()}, which lowers the NLL of {lower} of "
        f"{len(mine)} networks beyond chance (most {network_words(best)}, ECE "
        f"{ece[UNCHANGED]:.3f} to {ece[method]:.3f}) and costs no pass when used, only the "
        f"{int(best['calibration_clips'])} labelled clips it was fitted on."
    )
