"""Figure 4: training clips of each class."""

import pandas as pd
from matplotlib.figure import Figure

from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Sources
from vipann.papers.psla.figures._drawing import colours, mark, one_panel
from vipann.papers.psla.sampler import class_counts, train_labels

FIGURE = {
    "number": "4",
    "label": "training clips by class",
    "headline": 5,
    "needs": {"manifests": "manifests/{varied}.parquet"},
    "caption": """
How many clips of the train list have each class, the commonest first. Marked are the classes that
the paper speaks of: if every clip with speech of a man, woman or child were labelled so, these
three would add up to *Speech*.""",
}
# Names of AudioSet's classes, and how the paper calls them.
MARKED = {
    "Speech": "Speech",
    "Male speech, man speaking": "Male speech",
    "Female speech, woman speaking": "Female speech",
    "Child speech, kid speaking": "Child speech",
    "Music": "Music",
    "Happy music": "Happy music",
    "Sad music": "Sad music",
}


def figure(sources: Sources, style: Style) -> tuple[Figure, pd.DataFrame]:
    """Columns of what is drawn: rank (from 1), class, clips."""
    counts = class_counts(train_labels(sources["manifests"][0]))
    points = counts.sort_values(ascending=False, kind="stable").reset_index()
    points.columns = ["class", "clips"]
    points.insert(0, "rank", range(1, len(points) + 1))
    drawn, axes = one_panel(style, "Training clips", "Class, the commonest first", "Clips")
    (colour,) = colours(style, [""]).values()
    axes.plot(points["rank"], points["clips"], color=colour, linewidth=styles.LINE_WIDTH)
    axes.set_yscale("log")
    shown = points[points["class"].isin(list(MARKED))]
    names = shown["class"].map(MARKED)
    mark(axes, list(zip(shown["rank"], shown["clips"], names, strict=True)), colour)
    return drawn, points
