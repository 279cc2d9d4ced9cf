"""Figure 7: average precision of each class."""

import pandas as pd
from matplotlib.figure import Figure

from vipann.evaluation.variant_results import Results, read_results
from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Sources
from vipann.papers.psla.figures._drawing import NOTHING, mark, mean_and_deviation, one_panel
from vipann.papers.psla.figures.figure4 import MARKED
from vipann.papers.psla.tables.table7 import NETWORKS

FIGURE = {
    "number": "7",
    "label": "average precision by class",
    "headline": 1,
    "needs": {
        "variants": "metrics/{varied}.variants.parquet",
        "per_class": "metrics/{varied}.variants_per_class.parquet",
    },
    "any_of": ["psla", "plain"],
    "caption": """
Average precision of each class on the evaluation list, the best first: mean over seeds, and one
standard deviation over seeds to both sides. Marked are the classes that the paper speaks of.""",
}


def figure(sources: Sources, style: Style) -> tuple[Figure, pd.DataFrame]:
    """Columns of what is drawn: see `class_aps`."""
    points = class_aps(read_results(sources))
    if points.empty:
        return styles.without_data(style, NOTHING), points
    drawn, axes = one_panel(style, "By class", "Class, the best first", "Average precision")
    colour = mean_and_deviation(axes, points, "rank", style)
    shown = points[points["class"].isin(list(MARKED))]
    names = shown["class"].map(MARKED)
    mark(axes, list(zip(shown["rank"], shown["mean"], names, strict=True)), colour)
    return drawn, points


def class_aps(results: Results) -> pd.DataFrame:
    """Columns rank (from 1), class, mean, standard_deviation (over seeds, n - 1 below), seeds."""
    name = results.first_of(NETWORKS)
    aps = results.per_class(name) if name else pd.DataFrame()
    columns = ["rank", "class", "mean", "standard_deviation", "seeds"]
    if aps.empty:
        return pd.DataFrame(columns=columns)
    found = pd.DataFrame({"mean": aps.mean(axis=1), "standard_deviation": aps.std(axis=1)})
    found = found.assign(seeds=aps.shape[1]).sort_values("mean", ascending=False)
    found = found.rename_axis("class").reset_index()
    return found.assign(rank=range(1, len(found) + 1))[columns]
