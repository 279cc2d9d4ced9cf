"""Accuracy, calibration and retention against the noise on test clips."""

import pandas as pd
from matplotlib.figure import Figure

from vipann.conditions import CLEAN, KINDS
from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Names, Sources
from vipann.papers.uncertainty import probing
from vipann.papers.uncertainty.names import PHASE_NAMES

FIGURE = {
    "label": "robustness to noise",
    "of": "robustness",
    "needs": {"robustness": "metrics/{dataset}.robustness.parquet"},
    "about": ["shown_names", "dataset"],
    "caption": """
Accuracy, ECE and retention gain (by entropy: mean accuracy over the retained fractions minus that
of all clips) on the test clips of {{ shown }} with noise, by its signal-to-noise ratio; at the
left the clips as they are. Bands: 95 % bootstrap intervals over recordings; an ECE has none.""",
}
MEASURES = {"accuracy": "Accuracy", "ece": "ECE", "retention_gain_total": "Retention gain"}
PHASES = ("finetuned", "fixed")
ROW = 0.3
COLUMN_TITLES = {"white": "White", "babble": "Babble", "recorded": "Recorded"}


def figure(
    sources: Sources, style: Style, shown_names: Names, dataset: str
) -> tuple[Figure, pd.DataFrame]:
    """Rows of panels: `MEASURES`; columns: kinds of noise. drawn: `ladders`."""
    drawn = ladders(probing.read(sources["robustness"]))
    if drawn.empty:
        return styles.without_data(style, "This run adds no noise to its test clips."), drawn
    phase = PHASE_NAMES[drawn["phase"].iloc[0]].lower()
    return _figure(drawn, style, f"{shown_names.get(dataset) or dataset}, {phase}"), drawn


def ladders(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns noise, place (0: clean, 1: the highest ratio, ...), and those of `rows`; of one
    phase."""
    chosen = probing.overall(rows, list(MEASURES))
    phase = [name for name in PHASES if name in set(chosen["phase"])][:1]
    chosen = chosen[chosen["phase"].isin(phase)]
    found = []
    for noise in (kind for kind in KINDS if KINDS[kind].is_noise):
        own = chosen[chosen["probe"] == noise]
        if own.empty:
            continue
        ratios = sorted(own["amount"].unique(), reverse=True)
        places = own["amount"].map({ratio: place for place, ratio in enumerate(ratios, start=1)})
        clean = chosen[chosen["probe"] == CLEAN]
        found += [clean.assign(noise=noise, place=0), own.assign(noise=noise, place=places)]
    nothing = chosen.iloc[:0].assign(noise="", place=0)
    return pd.concat(found, ignore_index=True) if found else nothing


def _figure(drawn: pd.DataFrame, style: Style, title: str) -> Figure:
    noises = list(dict.fromkeys(drawn["noise"]))
    figure, grid = styles.panels(style, len(MEASURES), len(noises), ROW, sharey="row")
    for axes, noise in zip(grid[0], noises, strict=True):
        axes.set_title(COLUMN_TITLES[noise])
    for panels, (measure, label) in zip(grid, MEASURES.items(), strict=True):
        for axes, noise in zip(panels, noises, strict=True):
            rows = drawn[(drawn["noise"] == noise) & (drawn["measure"] == measure)]
            rows = rows.sort_values("place", kind="stable")
            several = None if measure == "ece" else "recordings"
            if len(rows):
                styles.draw_lines(axes, rows, ("place", "value"), "strategy", style, several)
            ticks = rows.drop_duplicates("place")
            words = [
                "clean" if place == 0 else f"{ratio:g}"
                for place, ratio in zip(ticks["place"], ticks["amount"], strict=True)
            ]
            axes.set_xticks(ticks["place"], words)
            styles.few_ticks(axes)
        styles.row_label(panels[-1], label)
    figure.suptitle(title)
    # The whole figure's label would lie below its legend.
    grid[-1, len(noises) // 2].set_xlabel("Signal-to-noise ratio (dB)")
    styles.legend(figure, styles.line_keys(list(dict.fromkeys(drawn["strategy"])), style))
    return figure
