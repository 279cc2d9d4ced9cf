"""Calibration errors and proper scores of networks, uncalibrated and recalibrated."""

import pandas as pd

from vipann.evaluation.recalibration import UNCHANGED
from vipann.evaluation.splits import ALL
from vipann.papers import Names, Sources
from vipann.papers.uncertainty.names import KEYS, PHASE_NAMES, STRATEGY_NAMES, network_words
from vipann.papers.uncertainty.numbers import score_form
from vipann.tables.layout import NOTHING, Table, number, ordered, side_by_side

TABLE = {
    "label": "Recalibration",
    "caption": """
Calibration errors, negative log-likelihood and Brier score of each network as it is and
recalibrated: on the fold that its training left out or, with several labels a clip, on half of the
evaluation list's recordings. The csv has each fold by itself, and of the changes the 95 % intervals
over test recordings ({{ config.evaluation.bootstrap_resamples }} resamples).""",
    "needs": {"scores": "metrics/{recalibration}.recalibration.parquet"},
    "about": ["shown_names"],
}
METHODS = {
    UNCHANGED: "Uncalibrated",
    "temperature": "Temperature",
    "platt": "Platt",
    "isotonic": "Isotonic",
}
WORDS = {
    "temperature": "a temperature",
    "platt": "Platt's map of each class",
    "isotonic": "isotonic regression of each class",
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


def table(sources: Sources, shown_names: Names) -> Table:
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
        "dataset": shown_names,
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
    form = score_form(value)
    bounds = "" if pd.isna(low) else f" ({number(low, form)} to {number(high, form)})"
    beyond = top < 0 or row.change_low > 0  # type: ignore[attr-defined]
    return number(value, form) + bounds + (" *" if beyond else "")


def advice(frame: pd.DataFrame) -> str | None:
    """Which method to recalibrate with, by the NLL that it lowers most, of each dataset."""
    rows = frame[frame["fold"] == ALL]
    return " ".join(_advice(str(name), own) for name, own in rows.groupby("dataset")) or None


def _advice(dataset: str, rows: pd.DataFrame) -> str:
    after = rows[(rows["metric"] == "nll") & (rows["method"] != UNCHANGED)]
    method = str(after.groupby("method")["change"].mean().idxmin())
    mine = after[after["method"] == method]
    lower, named = int((mine["change_high"] < 0).sum()), WORDS[method]
    if not lower:
        return (
            f"On {dataset} no recalibration is needed: {named} lowers the NLL of none of "
            f"{len(mine)} networks beyond chance."
        )
    best = mine.loc[mine["change"].idxmin()]
    own = rows[(rows[KEYS] == best[KEYS]).all(axis=1) & (rows["metric"] == "ece")]
    ece = own.set_index("method")["value"]
    return (
        f"On {dataset} recalibrate by {named}, which lowers the NLL of {lower} of {len(mine)} "
        f"networks beyond chance (most that of {network_words(best)}, ECE {ece[UNCHANGED]:.3g} to "
        f"{ece[method]:.3g}). In use it costs no pass, and before it "
        f"{int(best['calibration_clips'])} labelled clips to fit on."
    )
