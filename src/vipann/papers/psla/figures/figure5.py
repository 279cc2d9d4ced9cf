"""Figure 5: how often classes are sampled."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Sources
from vipann.papers.psla.figures._drawing import colours, keys, one_panel
from vipann.papers.psla.sampler import BALANCED, SHUFFLED, expected_counts, multi_hot, train_labels
from vipann.training.sampling import balancing

FIGURE = {
    "number": "5",
    "label": "how often classes are sampled",
    "needs": {"manifests": "manifests/{varied}.parquet"},
    "caption": """
How often each class is shown in 30 epochs, in the order of each line: with every clip once an
epoch, and with balanced sampling, where the chance of a clip is the sum over its labels of one
over the clips of that class. Expected values, computed and not sampled. As clips have several
labels, the balanced line is not flat.""",
}
EPOCHS = 30  # the paper's


def figure(sources: Sources, style: Style) -> tuple[Figure, pd.DataFrame]:
    """Columns of what is drawn: sampling, rank (from 1), class, samples."""
    points = sampled(sources["manifests"][0])
    drawn, axes = one_panel(style, "Samples in 30 epochs", "Class, in order", "Samples")
    forms = colours(style, [BALANCED, SHUFFLED])
    for name, line in points.groupby("sampling", sort=False):
        axes.plot(line["rank"], line["samples"], color=forms[name], linewidth=styles.LINE_WIDTH)
    axes.set_yscale("log")
    styles.legend(drawn, keys(forms))
    return drawn, points


def sampled(manifest: str) -> pd.DataFrame:
    """Expected samples of each class of the train list, in descending order of each sampling."""
    labels, classes = multi_hot(train_labels(manifest))
    chances = {BALANCED: balancing(labels), SHUFFLED: np.full(len(labels), 1 / len(labels))}
    parts = []
    for name, chance in chances.items():
        counts = pd.Series(expected_counts(labels, chance, EPOCHS), index=classes)
        counts = counts.sort_values(ascending=False)
        columns = {"class": counts.index, "samples": counts.to_numpy()}
        part = pd.DataFrame({"sampling": name, "rank": range(1, len(counts) + 1), **columns})
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
