"""Confusion matrices: which class is taken for which. Not in the paper."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vipann.figures import style as look
from vipann.ordering import ordered

# The first of these that the run has; columns of panels from left to right.
PHASES = ("finetuned", "fixed", "scratch")
STRATEGIES = ("drop", "flip", "det_flip", "det")
# More names than this are too small to read; the csv has them all.
NAMED_CLASSES = 20


def confusion_shares(confusion: pd.DataFrame) -> pd.DataFrame:
    """What the figure draws: dataset, strategy, phase, target, predicted, clips, share.

    confusion: columns of `vipann.evaluation.diagnostics.confusion_table`; folds are added up.
    share: of the clips of class `target`, so that a row of a matrix sums up to 1. Rows in the order
    of classes and of panels.
    """
    present = [phase for phase in PHASES if phase in set(confusion["phase"])]
    drawn = confusion[
        (confusion["phase"] == (present[0] if present else ""))
        & confusion["strategy"].isin(STRATEGIES)
    ]
    keys = ["dataset", "strategy", "phase", "target", "predicted"]
    shares = drawn.groupby(keys, sort=False)["clips"].sum().reset_index()
    shares["share"] = shares["clips"] / shares.groupby(keys[:-1])["clips"].transform("sum")
    classes = _classes(shares)
    return ordered(shares, {"strategy": STRATEGIES, "target": classes, "predicted": classes})


def draw_confusion(
    confusion: Path | str,
    outputs: Mapping[str, Path | str],
    style: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> None:
    """Draw one dataset's confusion parquet: a matrix a strategy, of the fine-tuned networks.

    outputs: paths for "png", "pdf", "svg" and "csv"; style: see `vipann.figures.style.style_from`;
    title: default the dataset's name.
    """
    look.draw(_figure, confusion_shares(pd.read_parquet(confusion)), outputs, style, title)


def _classes(shares: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(shares["target"]))


def _figure(shares: pd.DataFrame, style: look.Style, title: str | None) -> Figure:
    if shares.empty:
        return look.without_data(style, "This run has no predicted classes to compare.")
    classes = _classes(shares)
    strategies = list(dict.fromkeys(shares["strategy"]))
    figure, grid = look.panels(
        style, 1, len(strategies), 1.16 / max(len(strategies), 2), sharex=True, sharey=True
    )
    for axes, strategy in zip(grid[0], strategies, strict=True):
        mine = shares[shares["strategy"] == strategy]
        matrix = np.zeros((len(classes), len(classes)))
        rows, columns = (mine[name].map(classes.index) for name in ("target", "predicted"))
        matrix[rows, columns] = mine["share"]
        image = axes.imshow(matrix, cmap=look.CONFUSION_MAP, vmin=0, vmax=1)
        axes.set_title(style.word(strategy))
        axes.set_xlabel(look.PREDICTED_LABEL)
        named = len(classes) <= NAMED_CLASSES
        ticks = range(len(classes)) if named else []
        labels = [name.replace("_", " ") for name in classes] if named else []
        axes.set_xticks(ticks, labels, rotation=90)
        axes.set_yticks(ticks, labels)
        axes.tick_params(length=0)
        axes.grid(visible=False)
    grid[0, 0].set_ylabel(look.TARGET_LABEL)
    bar = figure.colorbar(image, ax=grid[0].tolist(), shrink=0.6, pad=0.01)
    bar.outline.set_visible(False)
    dataset, phase = shares["dataset"].iloc[0], shares["phase"].iloc[0]
    figure.suptitle(f"{title or dataset}, {style.word(phase).lower()}")
    return figure
