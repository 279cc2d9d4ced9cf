"""What trivial scores tell of out-of-distribution clips, beside the uncertainties."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from vipann.evaluation.detection import SHORTCUT_COLUMNS, SHORTCUTS, shortcut_scores
from vipann.papers.vi_pann.printed import PHASE_NAMES, STRATEGY_NAMES
from vipann.tables.beyond import KEYS, UNCERTAINTIES
from vipann.tables.layout import Column, Layout, number, write_table

NOTES = (
    "AUROC of out-of-distribution clips against the networks' own test clips by what can be "
    "measured of a clip without a network; 0.5 is chance, and below it the others have the lower "
    "values. Separation: the larger of AUROC and 1 - AUROC.",
    "Uncertainties above: how many of the networks' uncertainties (each strategy, phase and kind) "
    "have an AUROC above that separation. Those that do not may have found the shortcut.",
)


def shortcuts_table(
    metrics: Sequence[Path | str],
    own: Sequence[Path | str],
    outside: Sequence[Path | str],
) -> pd.DataFrame:
    """Tidy rows: `SHORTCUT_COLUMNS` of the scores, uncertainties_above and uncertainties.

    metrics: parquet of each dataset, in the order of rows, named by its key; own, outside: feature
    files of its clips and of the out-of-distribution windows that its networks hear.
    """
    frames = []
    for path, mine, others in zip(metrics, own, outside, strict=True):
        areas = _areas(path)
        dataset = Path(path).name.removesuffix(".metrics.parquet")
        folds = sorted(areas["fold"].unique().tolist())
        frame = shortcut_scores(dataset, Path(mine), Path(others), folds)
        means = areas.groupby([*KEYS, "metric"])["value"].mean()
        frame["uncertainties_above"] = [int((means > s).sum()) for s in frame["separation"]]
        frame["uncertainties"] = len(means)
        frames.append(frame)
    empty = pd.DataFrame(columns=[*SHORTCUT_COLUMNS, "uncertainties_above", "uncertainties"])
    return pd.concat([f for f in frames if len(f)] or [empty], ignore_index=True)


def write_shortcuts_table(
    metrics: Sequence[Path | str],
    own: Sequence[Path | str],
    outside: Sequence[Path | str],
    names: Mapping[str, str | None],
    outputs: Sequence[Path | str],
) -> None:
    """Write outputs (csv, md, tex); names: dataset -> the paper's name of it, or None."""
    frame = shortcuts_table(metrics, own, outside)
    columns = [Column("", name) for name in ("AUROC", "Separation", "Uncertainties above")]
    rows = []
    for dataset, scores in frame.groupby("dataset", sort=False):
        for place, row in enumerate(scores.itertuples()):
            label = "" if place else names.get(dataset) or dataset
            above = f"{row.uncertainties_above} of {row.uncertainties}"
            cells = (number(row.auroc), number(row.separation), above)
            rows.append([label, SHORTCUTS[row.score], *cells])
    notes = [*NOTES, *map(_best, metrics)]
    title = "Out-of-distribution detection by trivial scores (shortcuts)"
    layout = Layout(title, columns, rows, notes, stubs=("Dataset", "Score"))
    write_table(frame, layout, *map(Path, outputs))


def _areas(metrics: Path | str) -> pd.DataFrame:
    """AUROC of each uncertainty: by strategy, phase, fold and replication."""
    frame = pd.read_parquet(metrics)
    kinds = [f"auroc_{name}" for name in UNCERTAINTIES]
    # Det has no epistemic uncertainty, and an area of 0.5 of nothing.
    without = (frame["strategy"] == "det") & (frame["metric"] == "auroc_epistemic")
    return frame[frame["metric"].isin(kinds) & ~without]


def _best(metrics: Path | str) -> str:
    means = _areas(metrics).groupby([*KEYS, "metric"])["value"].mean()
    if means.empty:
        return "No network of this run was asked about out-of-distribution clips."
    dataset, strategy, phase, metric = means.idxmax()
    kind = UNCERTAINTIES[metric.removeprefix("auroc_")].lower()
    name = f"{STRATEGY_NAMES[strategy]} {PHASE_NAMES[phase].lower()}"
    return f"The best uncertainty of {dataset}: {kind} of {name}, AUROC {number(means.max())}."
