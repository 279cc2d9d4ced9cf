"""What trivial scores say of out-of-distribution clips. Not in the paper."""

from pathlib import Path

import pandas as pd

from vipann.evaluation.detection import SHORTCUT_COLUMNS, SHORTCUTS, shortcut_scores
from vipann.papers import Names, Sources
from vipann.papers.vi_pann.printed import PHASE_NAMES, STRATEGY_NAMES, UNCERTAINTY_NAMES
from vipann.papers.vi_pann.tables._scores import KEYS
from vipann.tables.layout import Table, number, side_by_side

TABLE = {
    "label": "Out-of-distribution detection by trivial scores",
    "caption": """
How well the clips of {{ ood }} are distinguished from the networks' own test clips without a
network, by level, silence, band, length or sample rate; an uncertainty below these may have
found no more than they. Not in the paper.""",
    "needs": {
        "metrics": "metrics/{heard_ood}.metrics.parquet",
        "own": "features/{heard_ood}.h5",
        "outside": "features/{ood_windows}.h5",
    },
    "about": ["shown_names"],
}
AREAS = [f"auroc_{name}" for name in UNCERTAINTY_NAMES]
NOTES = (
    "AUROC of out-of-distribution clips against the networks' own test clips by what can be "
    "measured of a clip without a network; 0.5 is chance, and below it the others have the lower "
    "values. Separation: the larger of AUROC and 1 - AUROC.",
    "Uncertainties above: how many of the networks' uncertainties (each strategy, phase and kind) "
    "have an AUROC above that separation. Those that do not may have found the shortcut.",
)


def table(sources: Sources, shown_names: Names) -> Table:
    """Columns of the frame: `vipann.evaluation.detection.SHORTCUT_COLUMNS`, uncertainties_above and
    uncertainties.

    sources: metrics parquet of each dataset, in the order of rows, named by its key; own, outside:
    feature files of its clips and of the out-of-distribution windows that its networks hear.
    """
    frames, best = [], []
    for path, own, outside in zip(
        *(sources[k] for k in ("metrics", "own", "outside")), strict=True
    ):
        areas = pd.read_parquet(path)
        # Det has no epistemic uncertainty, and an area of 0.5 of nothing.
        nothing = (areas["strategy"] == "det") & (areas["metric"] == "auroc_epistemic")
        areas = areas[areas["metric"].isin(AREAS) & ~nothing]
        means = areas.groupby([*KEYS, "metric"])["value"].mean()
        dataset = Path(path).name.removesuffix(".metrics.parquet")
        folds = sorted(areas["fold"].unique().tolist())
        frame = shortcut_scores(dataset, Path(own), Path(outside), folds)
        frame["uncertainties_above"] = [int((means > s).sum()) for s in frame["separation"]]
        frame["uncertainties"] = len(means)
        frames.append(frame)
        best.append(_best(means, shown_names))
    empty = pd.DataFrame(columns=[*SHORTCUT_COLUMNS, "uncertainties_above", "uncertainties"])
    frame = pd.concat([f for f in frames if len(f)] or [empty], ignore_index=True)
    of = frame["uncertainties_above"].astype(str) + " of " + frame["uncertainties"].astype(str)
    texts = frame[["dataset", "score"]].assign(
        AUROC=frame["auroc"].map(number), Separation=frame["separation"].map(number)
    )
    texts["Uncertainties above"] = of
    headings = {"dataset": "Dataset", "score": "Score"}
    cells = side_by_side(texts, headings, [""], {"dataset": shown_names, "score": SHORTCUTS})
    title = "Out-of-distribution detection by trivial scores (shortcuts)"
    return Table(title, frame, cells, [*NOTES, *best])


def _best(means: pd.Series, shown_names: Names) -> str:
    if means.empty:
        return "No network of this run was asked about out-of-distribution clips."
    dataset, strategy, phase, metric = means.idxmax()
    kind = UNCERTAINTY_NAMES[metric.removeprefix("auroc_")].lower()
    name = f"{STRATEGY_NAMES[strategy]} {PHASE_NAMES[phase].lower()}"
    shown = shown_names.get(dataset) or dataset
    return f"The best uncertainty of {shown}: {kind} of {name}, AUROC {number(means.max())}."
