"""AUROC of each score of out-of-distribution clips, with its interval over recordings."""

import pandas as pd
from matplotlib.figure import Figure

from vipann.evaluation.detection_tables import ALL_FOLDS
from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Names, Sources
from vipann.papers.uncertainty.names import PHASE_NAMES, STRATEGY_NAMES
from vipann.papers.uncertainty.tables.ood_scores import SCORE_NAMES
from vipann.tables.layout import ordered

FIGURE = {
    "label": "scores of out-of-distribution clips",
    "of": "ood_scores",
    "needs": {"scores": "metrics/{dataset}.ood_scores.parquet"},
    "about": ["shown_names"],
    "caption": """
AUROC of {{ shown_ood }} against the networks' own test clips by each score: the uncertainties,
scores by the logits and distances from the training clips. Mean over folds; lines: 95 % bootstrap
intervals over recordings ({{ config.evaluation.bootstrap_resamples }} resamples); dashed: chance.
""",
}
# Height of a score's row, as a share of the figure's width, and of it what all strategies take.
ROW, SPREAD = 0.085, 0.6
COLUMNS = ["dataset", "scored_dataset", "phase", "strategy", "score", "value", "low", "high"]


def figure(sources: Sources, style: Style, shown_names: Names) -> tuple[Figure, pd.DataFrame]:
    """A panel for each phase; what is drawn has the columns `COLUMNS`."""
    frame = pd.read_parquet(sources["scores"][0])
    frame = frame[(frame["fold"] == ALL_FOLDS) & (frame["measure"] == "auroc")]
    frame = frame[(frame["strategy"] != "det") | (frame["score"] != "epistemic")]
    orders = {"phase": PHASE_NAMES, "strategy": STRATEGY_NAMES, "score": SCORE_NAMES}
    rows = ordered(frame, orders)[COLUMNS]
    scores = [name for name in SCORE_NAMES if name in set(rows["score"])][::-1]
    strategies = list(dict.fromkeys(rows["strategy"]))
    phases = list(dict.fromkeys(rows["phase"]))
    drawn, grid = styles.panels(style, 1, len(phases), ROW * len(scores), sharey=True)
    for axes, phase in zip(grid[0], phases, strict=True):
        axes.axvline(0.5, color=styles.AXIS, linestyle=(0, (3, 2)), linewidth=0.6)
        for place, strategy in enumerate(strategies):
            own = rows[(rows["phase"] == phase) & (rows["strategy"] == strategy)]
            shift = SPREAD * (0.5 - (place + 0.5) / len(strategies))
            height = [scores.index(score) + shift for score in own["score"]]
            form = {**styles.line_form(strategy, style), "linestyle": "none"}
            axes.plot(own["value"], height, **form)
            axes.hlines(
                height, own["low"], own["high"], color=style.palette[strategy], linewidth=0.8
            )
        axes.set(title=style.labels[phase], xlabel="AUROC")
        axes.set_yticks(range(len(scores)), [SCORE_NAMES[score] for score in scores])
        axes.grid(visible=False, axis="y")
    dataset = rows["dataset"].iloc[0]
    drawn.suptitle(shown_names.get(dataset) or dataset)
    styles.legend(drawn, styles.line_keys(strategies, style))
    return drawn, rows
