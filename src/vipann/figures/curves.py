"""Learning curves of a run: the training loss of every job, and the upstream scores."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from vipann.figures import style as look

UPSTREAM = "upstream"
# What a row of panels shows: the upstream networks' curves, or each phase's loss.
UPSTREAM_PANELS = {"loss": "Training loss", "mAP": "mAP", "AUC": "AUC"}
PHASES = ("fixed", "finetuned", "scratch")
ROW_SHARE = 0.24
# Letters of a row's label in one line: more reach into the next row.
LABEL_LETTERS = 12
# A line has at most so many points: more of a single batch's noise hides the course.
POINTS = 60

COLUMNS = ["dataset", "strategy", "phase", "measure", "step", "folds", "mean", "low", "high"]


def learning_curves(files: Iterable[Path | str]) -> pd.DataFrame:
    """What the figure draws, from the curve files of a run's trainings.

    Files lie in `.../curves/upstream/<strategy>.csv` and
    `.../curves/<dataset>/<strategy>/fold<k>/<phase>.csv`. Returns dataset, strategy, phase,
    measure (loss, in nats; upstream also mAP and AUC), step (the last of those averaged), folds,
    and their mean, low and high.
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


def draw_curves(
    files: Iterable[Path | str],
    outputs: Mapping[str, Path | str],
    style: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
) -> None:
    """Draw one figure for a run: a row per dataset, the upstream one first if it was trained.

    Upstream: training loss, mAP and AUC. Others: the training loss of each phase, mean over folds
    with their range. A line of one point is a marker. outputs: paths for "png", "pdf", "svg" and
    "csv"; style: see `vipann.figures.style.style_from`; names: dataset -> name.
    """
    look.draw(_figure, learning_curves(files), outputs, style, names or {})


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


def _figure(lines: pd.DataFrame, style: look.Style, names: Mapping[str, str]) -> Figure:
    if lines.empty:
        return look.without_data(style, "This run has trained no network.")
    datasets = list(dict.fromkeys(lines["dataset"]))
    figure, grid = look.panels(style, len(datasets), 3, ROW_SHARE)
    for row, dataset in zip(grid, datasets, strict=True):
        _row(row, lines[lines["dataset"] == dataset], dataset, style)
        name = names.get(dataset) or dataset
        look.row_label(row[-1], fill(name.replace("_", " "), LABEL_LETTERS))
    for axes in grid[-1]:
        axes.set_xlabel(look.STEP_LABEL)
    figure.suptitle(look.CURVES_TITLE)
    shown = [name for name in look.PALETTE if name in set(lines["strategy"])]
    keys = [
        Line2D([], [], color=style.colour(name), linewidth=look.LINE_WIDTH, label=label)
        for name, label in ((name, style.word(name)) for name in shown)
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=len(keys))
    return figure


def _row(row: Iterable[Axes], lines: pd.DataFrame, dataset: str, style: look.Style) -> None:
    if dataset == UPSTREAM:
        panels = [("pretrained", measure, title) for measure, title in UPSTREAM_PANELS.items()]
    else:
        panels = [(phase, "loss", style.word(phase)) for phase in PHASES]
    for place, (axes, (phase, measure, title)) in enumerate(zip(row, panels, strict=True)):
        panel = lines[(lines["phase"] == phase) & (lines["measure"] == measure)]
        axes.set_title(title)
        if place == 0:
            axes.set_ylabel(look.LOSS_LABEL)
        if panel.empty:
            axes.set_axis_off()
        for strategy, line in panel.groupby("strategy", sort=False):
            colour = style.colour(strategy)
            form = look.POINT if len(line) == 1 else {"linewidth": look.LINE_WIDTH}
            axes.plot(line["step"], line["mean"], color=colour, **form)
            if (line["folds"] > 1).any():
                band = {"color": colour, "alpha": look.BAND_ALPHA, "linewidth": 0}
                axes.fill_between(line["step"], line["low"], line["high"], **band)
        axes.margins(x=0.02, y=0.06)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=3, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
