"""Scores of out-of-distribution clips beside the three uncertainties and the shortcuts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vipann.evaluation.detection import SHORTCUTS, shortcut_scores
from vipann.evaluation.detection_tables import ALL_FOLDS
from vipann.evaluation.ood_scores import DISTANCES
from vipann.papers import Names, Sources
from vipann.papers.uncertainty.names import PHASE_NAMES, STRATEGY_NAMES, UNCERTAINTY_NAMES
from vipann.tables.layout import Table, number, ordered, side_by_side

TABLE = {
    "label": "Scores of out-of-distribution clips",
    "caption": """
How well each score tells {{ ood }}, in windows as long as the network's own clips, from the
networks' own test clips: the three uncertainties, scores by the logits, and distances from the
training clips. The csv has 95 % bootstrap intervals over recordings
({{ config.evaluation.bootstrap_resamples }} resamples), and each fold.""",
    "needs": {
        "scores": "metrics/{ood_scores}.ood_scores.parquet",
        "own": "features/{heard_ood}.h5",
        "outside": "features/{ood_windows}.h5",
    },
    "about": ["shown_names"],
}
SCORE_NAMES = {
    **UNCERTAINTY_NAMES,
    "max_probability": "Max. probability",
    "max_logit": "Max. logit",
    "energy": "Energy",
    "mahalanobis": "Mahalanobis",
    "nearest_neighbours": "Nearest neighbours",
}
MEASURES = {"auroc": "AUROC", "aupr": "AUPR", "fpr95": "FPR95"}
NOTES = (
    "Out-of-distribution clips are the positives; mean over folds (of the mean over replications "
    "for an uncertainty). AUROC 0.5 is chance. FPR95, lower is better: own test clips raised when "
    "95 % of the others are found. Det has no epistemic uncertainty.",
    "*: other than the network's epistemic uncertainty, or than Det's entropy, beyond chance: the "
    "95 % interval of the difference over recordings leaves out 0.",
    "Max. probability, max. logit and energy are of the mean of the Monte Carlo logits; with "
    "several labels a clip the energy is the joint one. Mahalanobis and nearest neighbours: from "
    "the training clips, by what the last layer takes, without dropout and, of Flipout, with the "
    "means of the weights.",
)


def table(sources: Sources, shown_names: Names) -> Table:
    """Columns of the frame: `vipann.evaluation.detection_tables.DETECTION_COLUMNS`, and
    best_shortcut, its separation, and above_shortcuts: of an AUROC, whether it is above that."""
    frame = pd.concat([pd.read_parquet(path) for path in sources["scores"]], ignore_index=True)
    frame = frame[(frame["strategy"] != "det") | (frame["score"] != "epistemic")]
    best = _best_shortcuts(sources, frame)
    frame["best_shortcut"] = frame["dataset"].map(lambda name: best[name][0])
    frame["separation"] = frame["dataset"].map(lambda name: best[name][1])
    above = frame["value"] > frame["separation"]
    has_one = (frame["measure"] == "auroc") & frame["separation"].notna()
    frame["above_shortcuts"] = above.where(has_one)
    rows = frame[frame["fold"] == ALL_FOLDS]
    rows = rows.assign(beyond=(rows["change_low"] > 0) | (rows["change_high"] < 0))
    notes = [f"{shown_names.get(one) or one}: {_shortcut_note(rows, best, one)}" for one in best]
    cells = _cells(rows, shown_names)
    return Table("Scores of out-of-distribution clips", frame, cells, [*NOTES, *notes])


def advice(frame: pd.DataFrame) -> str | None:
    """Whether sampling finds more than one pass does, for each dataset of `table`'s frame."""
    rows = frame[(frame["fold"] == ALL_FOLDS) & (frame["measure"] == "auroc")]
    lines = [_advice(str(name), own) for name, own in rows.groupby("dataset", sort=False)]
    return " ".join(lines) or None


def _advice(dataset: str, rows: pd.DataFrame) -> str:
    one_pass = (rows["strategy"] == "det") | rows["score"].isin(DISTANCES)
    cheap, sampled = (side.nlargest(1, "value") for side in (rows[one_pass], rows[~one_pass]))
    best = [
        f"{_named(row)} (AUROC {row.value:.3f})" for row in pd.concat([cheap, sampled]).itertuples()
    ]
    start = f"On {dataset} the best score of out-of-distribution clips"
    if not len(sampled) or not len(cheap):
        return f"{start} is {best[0]}."
    if sampled["value"].iloc[0] > cheap["value"].iloc[0]:
        clear = "" if sampled["low"].iloc[0] > cheap["value"].iloc[0] else "not "
        return (
            f"{start} takes Monte Carlo passes: {best[1]}, whose interval is {clear}above the best "
            f"of one pass, {best[0]}."
        )
    return f"{start} takes one pass: {best[0]}; the best of Monte Carlo passes is {best[1]}."


def _named(row: Any) -> str:
    network = f"{STRATEGY_NAMES[row.strategy]} {PHASE_NAMES[row.phase].lower()}"
    return f"{SCORE_NAMES[row.score]} of {network}"


def _cells(rows: pd.DataFrame, shown_names: Names) -> pd.DataFrame:
    orders = {
        "dataset": rows["dataset"].unique(),
        "phase": PHASE_NAMES,
        "score": SCORE_NAMES,
        "strategy": STRATEGY_NAMES,
        "measure": MEASURES,
    }
    rows = ordered(rows, orders)
    texts = rows[["dataset", "phase", "score", "strategy", "measure"]].assign(
        text=rows["value"].map(number) + rows["beyond"].map({True: " *", False: ""})
    )
    headings = {"dataset": "Dataset", "phase": "Phase", "score": "Score"}
    labels: dict[str, Mapping] = {
        "dataset": shown_names,
        "phase": PHASE_NAMES,
        "score": SCORE_NAMES,
        "strategy": STRATEGY_NAMES,
        "measure": MEASURES,
    }
    return side_by_side(texts, headings, ["strategy", "measure"], labels)


def _best_shortcuts(sources: Sources, frame: pd.DataFrame) -> dict[str, tuple[str, float]]:
    """Dataset -> the shortcut that separates its clips best, and how well; ("", NaN) where its
    features were not made from audio."""
    found: dict[str, tuple[str, float]] = {}
    scored = set(frame["dataset"])
    for own, outside in zip(sources["own"], sources["outside"], strict=True):
        dataset = Path(own).stem
        if dataset not in scored:
            continue
        folds = _folds(frame[frame["dataset"] == dataset])
        scores = shortcut_scores(dataset, Path(own), Path(outside), folds)
        if scores.empty:
            found[dataset] = ("", float("nan"))
            continue
        best = scores.loc[scores["separation"].idxmax()]
        found[dataset] = (str(best["score"]), float(best["separation"]))
    return found


def _folds(rows: pd.DataFrame) -> Sequence[int]:
    return sorted({int(fold) for fold in rows["fold"] if fold != ALL_FOLDS})


def _shortcut_note(rows: pd.DataFrame, best: Mapping[str, tuple[str, float]], dataset: str) -> str:
    """What is to be said of a dataset's AUROCs against what needs no network."""
    own = rows[(rows["dataset"] == dataset) & (rows["measure"] == "auroc")]
    top = own.loc[own["value"].idxmax()]
    text = f"the best score is {_named(top)}, AUROC {number(top['value'])}"
    shortcut, separation = best[dataset]
    if not shortcut:
        return f"{text}; without audio there is nothing to hold it against."
    above = int(own["above_shortcuts"].sum())
    return (
        f"{text}; {above} of {len(own)} are above the best of what needs no network "
        f"({SHORTCUTS[shortcut]}, {number(separation)})."
    )
