"""Learning curves of a run: the training loss of every job, and the upstream scores."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Names, Sources

FIGURE = {
    "label": "Learning curves of all trainings",
    "headline": 9,
    "category": "Training",
    "needs": {"curves": "curves/{trained}.csv"},
    "about": ["shown_names", "upstream"],
    "caption": """
Training loss of every network of this run, and the upstream networks' scores on the evaluation
split, against optimizer steps. First row: pretraining (one Monte Carlo sample; nothing is chosen
by these scores). Other rows: mean over folds, and their range. A line has at most 60 points, each
the mean over its steps; the numbers are in ``figures/learning_curves.csv``, those of each job in
``curves/``.""",
}
UPSTREAM = "upstream"
# What a row of panels shows: the upstream networks' curves, or each phase's loss.
UPSTREAM_PANELS = {"loss": "Training loss", "mAP": "mAP", "AUC": "AUC"}
PHASES = ("fixed", "finetuned", "scratch")
ROW = 0.24
# Letters of a row's label in one line: more reach into the next row.
LABEL_LETTERS = 12
# A line has at most so many points: more of a single batch's noise hides the course.
POINTS = 60
COLUMNS = ["dataset", "strategy", "phase", "measure", "step", "folds", "mean", "low", "high"]
POINT = {"marker": "o", "linestyle": "none"}


def learning_curves(files: Iterable[Path | str]) -> pd.DataFrame:
    """Columns: dataset, strategy, phase, measure (loss, in nats; upstream also mAP and AUC), step
    (the last of those averaged), folds, and their mean, low and high.

    files: of trainings, `.../curves/upstream/<strategy>.csv` and
    `.../curves/<dataset>/<strategy>/fold<k>/<phase>.csv`.
    """
    parts = [_thinned(Path(file)) for file in files]
    keys = ["dataset", "strategy", "phase", "measure", "bin"]
    lines = pd.concat(parts) if parts else pd.DataFrame(columns=[*keys, "step", "value"])
    found = lines.groupby(keys, sort=False).agg(
        step=("step", "max"),
        folds=("value", "size"),
        mean=("value", "mean"),
        low=("value", "min"),
        high=("value", "max"),
    )
    return found.reset_index()[COLUMNS]


def _thinned(file: Path) -> pd.DataFrame:
    """One training's curves, in at most `POINTS` bins of equally many steps."""
    *_, folder, strategy, fold, phase = ("", "", "", *file.with_suffix("").parts)
    dataset = folder
    if not fold.startswith("fold"):
        dataset, strategy, phase = fold, phase, "pretrained"
    rows = pd.read_csv(file)
    found = []
    for measure in (name for name in UPSTREAM_PANELS if name in rows):
        points = rows[["step", measure]].dropna()
        points["bin"] = np.ceil(points["step"] * POINTS / rows["step"].max()).astype(int)
        means = points.groupby("bin").agg(step=("step", "last"), value=(measure, "mean"))
        found.append(means.reset_index().assign(measure=measure))
    return pd.concat(found).assign(dataset=dataset, strategy=strategy, phase=phase)


def figure(
    sources: Sources, style: Style, shown_names: Names, upstream: str | None
) -> tuple[Figure, pd.DataFrame]:
    """A row per dataset, the upstream one first if it was trained: training loss, mAP and AUC; of
    the others each trained phase's training loss. What is drawn: `learning_curves`."""
    lines = learning_curves(sources["curves"])
    shown = {**shown_names, UPSTREAM: shown_names.get(upstream or "") or upstream}
    if lines.empty:
        return styles.without_data(style, "This run has trained no network."), lines
    rows = [(str(name), part, _panels(part)) for name, part in lines.groupby("dataset", sort=False)]
    figure, grid = styles.panels(style, len(rows), max(len(panels) for *_, panels in rows), ROW)
    for axes_of_row, (dataset, of_dataset, shown_panels) in zip(grid, rows, strict=True):
        _row(axes_of_row, of_dataset, shown_panels, style)
        name = shown.get(dataset) or dataset
        styles.row_label(axes_of_row[-1], fill(name.replace("_", " "), LABEL_LETTERS))
    for axes in grid[-1]:
        axes.set_xlabel("Steps")
    figure.suptitle("Learning curves")
    strategies = [name for name in styles.PALETTE if name in set(lines["strategy"])]
    width = styles.LINE_WIDTH
    keys = [
        Line2D([], [], color=style.palette[name], linewidth=width, label=style.labels[name])
        for name in strategies
    ]
    styles.legend(figure, keys)
    return figure, lines


def _panels(lines: pd.DataFrame) -> list[tuple[str, str]]:
    """(phase, measure) of the panels in a dataset's row: those that it has lines for."""
    possible = [("pretrained", measure) for measure in UPSTREAM_PANELS]
    possible += [(phase, "loss") for phase in PHASES]
    found = set(zip(lines["phase"], lines["measure"], strict=True))
    return [panel for panel in possible if panel in found]


def _row(
    row: Sequence[Axes], lines: pd.DataFrame, shown: Sequence[tuple[str, str]], style: Style
) -> None:
    for axes in row[len(shown) :]:
        axes.set_axis_off()
    for place, (axes, (phase, measure)) in enumerate(zip(row, shown, strict=False)):
        panel = lines[(lines["phase"] == phase) & (lines["measure"] == measure)]
        styles.draw_lines(axes, panel, ("step", "mean"), "strategy", style, "folds", marked=False)
        for line in axes.lines:
            line.set(**(POINT if np.size(line.get_xdata()) == 1 else {}))
        title = UPSTREAM_PANELS[measure] if phase == "pretrained" else style.labels[phase]
        axes.set(title=title, ylabel="" if place else "Loss (nats)")
        axes.margins(x=0.02, y=0.06)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        styles.few_ticks(axes, most=5)
