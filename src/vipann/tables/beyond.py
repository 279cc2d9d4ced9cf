"""Tables that the paper does not have: calibration, out-of-distribution detection, classes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from vipann.files import replacing
from vipann.papers.vi_pann.printed import PHASE_NAMES, STRATEGY_NAMES
from vipann.tables.layout import (
    NOTHING,
    Column,
    Layout,
    averages,
    number,
    with_error,
    write_table,
)

ENSEMBLE_NAMES = {"det_ensemble": "Det, ensemble of the folds"}
NAMES = {**STRATEGY_NAMES, **ENSEMBLE_NAMES}
UNCERTAINTIES = {"total": "Entropy", "epistemic": "Epistemic", "aleatoric": "Aleatoric"}
SCORES = {"ece": "ECE", "adaptive_ece": "Adaptive ECE", "nll": "NLL", "brier": "Brier"}
POOLED = ("ece", "adaptive_ece")
DETECTION = {"auroc": "AUROC", "aupr": "AUPR", "fpr95": "FPR95"}
KEYS = ["dataset", "strategy", "phase"]
_OF_CLASS = ["class", "clips", "accuracy", "taken_for", "taken_for_share"]
STUBS = ("Dataset", "Model", "Phase")
CALIBRATION_NOTES = (
    "Lower is better but for the area. ECE and adaptive ECE: over the clips of all folds together. "
    "NLL (nats) and Brier: mean over folds of the mean over replications ± standard error over "
    "folds. Upstream, with several labels a clip, all four are means over classes.",
    "Area: mean of the retention curve over the retained fractions, most certain clips first.",
    "Tempered: Det with its logits divided by T (the mean over folds), which for each fold was "
    "fitted on the other folds' held-out predictions.",
)
OOD_NOTES = (
    "Out-of-distribution clips are the positives; mean over folds of the mean over replications. "
    "AUROC 0.5 is chance. FPR95, lower is better: own test clips raised when 95 % of the others "
    "are found. Det has no epistemic uncertainty.",
    "Nats: mean uncertainty of the out-of-distribution clips.",
    "Ensemble of the folds: the mean prediction of the Det networks of all folds. None has seen "
    "the out-of-distribution clips; but each own test clip was a training clip of all but one of "
    "them, so that there is nothing valid to compare with, and no detection score.",
)


def calibration_table(
    metrics: Sequence[Path | str], intervals: Sequence[Path | str]
) -> pd.DataFrame:
    """Tidy rows: dataset, strategy, phase, metric, value, standard_error, folds, replications, and
    low, high: the 95 % bootstrap interval over recordings, where there is one.

    metrics, intervals: parquet files of each dataset, in the order of rows. Metrics: see
    `vipann.evaluation.supplementary`.
    """
    wanted = [*SCORES, "temperature", *(f"retention_area_{name}" for name in UNCERTAINTIES)]
    wanted += [f"retention_gain_{name}" for name in UNCERTAINTIES]
    wanted += [f"{name}_tempered" for name in SCORES]
    wanted += [f"{name}{form}" for name in POOLED for form in ("_pooled", "_tempered_pooled")]
    frame = pd.concat([averages(_read(path)) for path in metrics], ignore_index=True)
    frame = frame[frame["metric"].isin(["accuracy", "mAP", *wanted])]
    bounds = _intervals(intervals, own=True)
    return frame.rename(columns={"ours": "value"}).merge(bounds, "left", [*KEYS, "metric"])


def ood_table(metrics: Sequence[Path | str], intervals: Sequence[Path | str]) -> pd.DataFrame:
    """As `calibration_table`, of what the networks say of the out-of-distribution clips."""
    frames = []
    for path in metrics:
        frame = _read(path)
        outside = frame[frame["scored_dataset"] != frame["dataset"]]
        frames.append(averages(outside.assign(scored_dataset=outside["dataset"])))
    frame = pd.concat(frames, ignore_index=True)
    bounds = _intervals(intervals, own=False)
    return frame.rename(columns={"ours": "value"}).merge(bounds, "left", [*KEYS, "metric"])


def per_class_table(confusion: Sequence[Path | str]) -> pd.DataFrame:
    """Accuracy of each class over the clips of all folds, mean over replications.

    Columns: dataset, strategy, phase, class, clips, accuracy, taken_for (the class that it is most
    often mistaken for, empty where it never is), taken_for_share (of the class's clips). No rows
    without files: upstream clips have several classes.
    """
    if not confusion:
        return pd.DataFrame(columns=[*KEYS, *_OF_CLASS])
    whole = pd.concat([_read(path) for path in confusion], ignore_index=True)
    keys = [*KEYS, "target"]
    whole = whole.groupby([*keys, "predicted"], sort=False)["clips"].sum().reset_index()
    right = whole["target"] == whole["predicted"]
    table = whole.groupby(keys, sort=False)["clips"].sum().to_frame()
    table["accuracy"] = whole[right].set_index(keys)["clips"] / table["clips"]
    wrong = whole[~right & (whole["clips"] > 0)].sort_values("clips", ascending=False)
    worst = wrong.drop_duplicates(keys).set_index(keys)
    table["taken_for"] = worst["predicted"].reindex(table.index).fillna("")
    table["taken_for_share"] = (worst["clips"] / table["clips"]).reindex(table.index).fillna(0.0)
    return table.reset_index().rename(columns={"target": "class"})


def write_calibration_table(
    metrics: Sequence[Path | str],
    intervals: Sequence[Path | str],
    names: Mapping[str, str | None],
    outputs: Sequence[Path | str],
) -> None:
    """Write outputs (csv, md, tex); names: dataset -> the paper's name of it, or None."""
    frame = calibration_table(metrics, intervals)
    columns = [Column("", label) for label in SCORES.values()]
    columns += [Column("Area", label) for label in UNCERTAINTIES.values()]
    rows = []
    for (dataset, strategy, phase), cells in _ordered(frame):
        label = [names.get(dataset) or dataset, NAMES[strategy], PHASE_NAMES[phase]]
        areas = [_cell(cells, f"retention_area_{name}", strategy) for name in UNCERTAINTIES]
        rows.append([*label, *_scores(cells, ""), *areas])
        if "temperature" in cells.index:
            label[1] = f"{label[1]}, tempered (T = {cells.loc['temperature', 'value']:.2f})"
            # Tempering may reorder clips by their entropy: the areas would be others.
            rows.append([*label, *_scores(cells, "_tempered"), *[NOTHING] * len(areas)])
    title = "Calibration, and scores of the probabilities"
    write_table(
        frame,
        Layout(title, columns, _told_once(rows), CALIBRATION_NOTES, STUBS),
        *map(Path, outputs),
    )


def write_ood_table(
    metrics: Sequence[Path | str],
    intervals: Sequence[Path | str],
    names: Mapping[str, str | None],
    outputs: Sequence[Path | str],
) -> None:
    """Write outputs (csv, md, tex); names: dataset -> the paper's name of it, or None."""
    frame = ood_table(metrics, intervals)
    columns = [
        Column(kind, label) for kind in UNCERTAINTIES.values() for label in DETECTION.values()
    ]
    columns += [Column("Nats", label) for label in UNCERTAINTIES.values()]
    rows = []
    for (dataset, strategy, phase), cells in _ordered(frame):
        label = [names.get(dataset) or dataset, NAMES[strategy], PHASE_NAMES[phase]]
        scores = [
            _cell(cells, f"{metric}_{kind}", strategy)
            for kind in UNCERTAINTIES
            for metric in DETECTION
        ]
        means = [_cell(cells, f"mean_{kind}", strategy) for kind in UNCERTAINTIES]
        rows.append([*label, *scores, *means])
    title = "Out-of-distribution detection by each uncertainty"
    write_table(
        frame, Layout(title, columns, _told_once(rows), OOD_NOTES, STUBS), *map(Path, outputs)
    )


def write_per_class_table(confusion: Sequence[Path | str], csv: Path | str) -> None:
    """Write `per_class_table` as csv."""
    with replacing(csv) as beside:
        per_class_table(confusion).to_csv(beside, index=False)


def _read(path: Path | str) -> pd.DataFrame:
    return pd.read_parquet(path)


def _intervals(paths: Sequence[Path | str], own: bool) -> pd.DataFrame:
    frame = pd.concat([_read(path) for path in paths], ignore_index=True)
    chosen = frame[(frame["scored_dataset"] == frame["dataset"]) == own]
    return chosen[[*KEYS, "metric", "low", "high"]]


def _ordered(frame: pd.DataFrame) -> list[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Groups in the order of datasets, phases and the paper's strategies; cells by metric."""
    datasets = list(dict.fromkeys(frame["dataset"]))
    groups = [(key, cells.set_index("metric")) for key, cells in frame.groupby(KEYS)]
    strategies, phases = list(NAMES), list(PHASE_NAMES)
    return sorted(
        groups,
        key=lambda group: (
            datasets.index(group[0][0]),
            phases.index(group[0][2]),
            strategies.index(group[0][1]),
        ),
    )


def _told_once(rows: Sequence[list[str]]) -> list[list[str]]:
    """The rows without a dataset that only repeats the one above."""
    above = [None, *(row[0] for row in rows)]
    return [
        ["" if row[0] == before else row[0], *row[1:]]
        for row, before in zip(rows, above, strict=False)
    ]


def _scores(cells: pd.DataFrame, form: str) -> list[str]:
    texts = []
    for metric in SCORES:
        if metric in POOLED:
            texts.append(number(cells["value"].get(f"{metric}{form}_pooled")))
        else:
            cell = cells.loc[f"{metric}{form}"]
            texts.append(with_error(cell["value"], cell["standard_error"]))
    return texts


def _cell(cells: pd.DataFrame, metric: str, strategy: str) -> str:
    constant = strategy == "det" and metric.endswith("_epistemic")
    return NOTHING if constant or metric not in cells.index else number(cells.loc[metric, "value"])
