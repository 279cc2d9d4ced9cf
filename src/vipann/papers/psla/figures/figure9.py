"""Figure 9: learning curves over seeds."""

import pandas as pd
from matplotlib.figure import Figure

from vipann.evaluation.variant_results import Results, read_results
from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Sources
from vipann.papers.psla.figures._drawing import NOTHING, mean_and_deviation, one_panel
from vipann.papers.psla.names import SINGLE

FIGURE = {
    "number": "9",
    "label": "learning curves over seeds",
    "headline": 3,
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["psla"],
    "caption": """
mAP on the evaluation list after each epoch of which a checkpoint is kept: mean over seeds, and one
standard deviation over seeds to both sides where there are several.""",
}


def figure(sources: Sources, style: Style) -> tuple[Figure, pd.DataFrame]:
    """Columns of what is drawn: epoch, mean, standard_deviation, seeds."""
    points = learning(read_results(sources))
    if points.empty:
        return styles.without_data(style, NOTHING), points
    drawn, axes = one_panel(style, "Learning curve", "Epoch", "mAP")
    mean_and_deviation(axes, points, "epoch", style)
    return drawn, points


def learning(results: Results) -> pd.DataFrame:
    """Scores after each kept epoch of the paper's single network."""
    epochs = results.epochs(SINGLE)
    found = pd.DataFrame({"mean": epochs.mean(axis=1), "standard_deviation": epochs.std(axis=1)})
    return found.assign(seeds=epochs.count(axis=1)).rename_axis("epoch").reset_index()
