"""Four questions to the split of uncertainty: more to learn from, noise, unknown classes, another
channel."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from vipann.conditions import CLEAN, KINDS
from vipann.evaluation.probes import FRACTION, UNKNOWN_CLASSES
from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Names, Sources
from vipann.papers.uncertainty import probing
from vipann.papers.uncertainty.names import PHASE_NAMES

FIGURE = {
    "label": "what changes each uncertainty",
    "of": "probes",
    "needs": {
        "probes": "metrics/{dataset}.probes.parquet",
        "robustness": "metrics/{robustness}.robustness.parquet",
    },
    "may_lack": ["robustness"],
    "about": ["shown_names", "dataset"],
    "caption": """
Accuracy, aleatoric and epistemic uncertainty (nats, means over folds) on {{ shown }} with the
share of recordings that is learnt, with noise on the test clips, for known and unknown classes, and
through other channels. Were the split as it is meant, the first would lower the epistemic
uncertainty and not the aleatoric, noise would raise the aleatoric, and unknown classes and channels
the epistemic. Bands: 95 % bootstrap intervals over recordings.""",
}
MEASURES = {
    "accuracy": "Accuracy",
    "mean_aleatoric": "Aleatoric",
    "mean_epistemic": "Epistemic",
}
LEARNT, NOISE, CLASSES, CHANNEL = "Learnt", "SNR (dB)", "Classes", "Channel"
# The first that a question has networks of is drawn.
PHASES = ("finetuned", "fixed")
ROW = 0.25


def figure(
    sources: Sources, style: Style, shown_names: Names, dataset: str
) -> tuple[Figure, pd.DataFrame]:
    """A row of panels a question that the run asks, a column a measure; drawn: `answers`."""
    rows = pd.concat([probing.read(sources["probes"]), probing.read(sources.get("robustness", ()))])
    drawn = answers(rows[rows["dataset"] == dataset])
    title = f"{shown_names.get(dataset) or dataset}: what changes each uncertainty"
    return _figure(drawn, style, title), drawn


def answers(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns question, place (0, 1, ... along its axis), tick, and those of `rows` (those of
    `vipann.papers.uncertainty.probing.read`); of one phase a question."""
    chosen = probing.overall(rows, list(MEASURES))
    noises = [kind for kind in KINDS if KINDS[kind].is_noise and kind in set(chosen["probe"])]
    found = []
    for question, probes in (
        (LEARNT, [FRACTION]),
        (NOISE, noises[:1]),
        (CLASSES, [UNKNOWN_CLASSES]),
        (CHANNEL, [kind for kind in KINDS if KINDS[kind].is_channel]),
    ):
        asked = chosen[chosen["probe"].isin(probes)]
        if question in (NOISE, CHANNEL) and len(asked):
            asked = chosen[chosen["probe"].isin([CLEAN, *probes])]
        phase = [name for name in PHASES if name in set(asked["phase"])][:1]
        asked = asked[asked["phase"].isin(phase)]
        ticks = _ticks(asked, question)
        places = {setting: place for place, setting in enumerate(ticks)}
        place = asked["setting"].map(places).astype("float64")
        tick = asked["setting"].map(ticks)
        found.append(asked.assign(question=question, place=place, tick=tick))
    parts = [asked for asked in found if len(asked)] or found[:1]
    return pd.concat(parts).sort_values(["question", "place"], kind="stable", ignore_index=True)


def _ticks(rows: pd.DataFrame, question: str) -> dict[str, str]:
    """Setting -> its tick, in the order of the axis: from what should be more certain on."""
    settings = rows.drop_duplicates("setting").set_index("setting")
    if question == CLASSES:
        return {"known": "known", "unknown": "unknown"} if len(settings) else {}
    if question == LEARNT:
        return {
            name: f"{row.amount:.0%}" for name, row in settings.sort_values("amount").iterrows()
        }
    # Without noise the ratio has no bound.
    clean = dict.fromkeys(settings.index.intersection([CLEAN]), "∞" if question == NOISE else CLEAN)
    others = settings.drop(index=list(clean))
    if question == NOISE:
        louder = others.sort_values("amount", ascending=False)
        return clean | {str(name): f"{row.amount:g}" for name, row in louder.iterrows()}
    words = {str(n): f"{KINDS[row.probe].label} {row.amount:g}" for n, row in others.iterrows()}
    return clean | words


def _figure(drawn: pd.DataFrame, style: Style, title: str) -> Figure:
    questions: Sequence[str] = [
        one for one in (LEARNT, NOISE, CLASSES, CHANNEL) if one in set(drawn["question"])
    ]
    if not questions:
        return styles.without_data(style, "This run asks nothing of its uncertainties.")
    figure, grid = styles.panels(style, len(questions), len(MEASURES), ROW)
    for axes, name in zip(grid[0], MEASURES.values(), strict=True):
        axes.set_title(name)
    for panels, question in zip(grid, questions, strict=True):
        asked = drawn[drawn["question"] == question]
        ticks = asked.drop_duplicates("place").sort_values("place")
        for axes, measure in zip(panels, MEASURES, strict=True):
            rows = asked[asked["measure"] == measure].sort_values("place", kind="stable")
            if len(rows):
                styles.draw_lines(axes, rows, ("place", "value"), "strategy", style, "recordings")
            turned = {"rotation": 35, "ha": "right"} if question == CHANNEL else {}
            axes.set_xticks(ticks["place"], ticks["tick"], **turned)
            axes.set_xlim(-0.3, len(ticks) - 0.7)
            styles.few_ticks(axes)
        phase = PHASE_NAMES[asked["phase"].iloc[0]].lower()
        styles.row_label(panels[-1], f"{question}\n{phase}")
    figure.suptitle(title)
    styles.legend(figure, styles.line_keys(list(dict.fromkeys(drawn["strategy"])), style))
    return figure
