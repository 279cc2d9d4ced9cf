"""Figure 3: what an ImageNet start brings, by the amount of training data."""

import pandas as pd
from matplotlib.figure import Figure

from vipann.evaluation.variant_results import Results, read_results, spread
from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Sources
from vipann.papers.psla.figures._drawing import NOTHING, colours, keys, one_panel
from vipann.papers.psla.names import VOLUMES, volume_names

FIGURE = {
    "number": "3",
    "label": "ImageNet start and training data",
    "headline": 1,
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["clips_100k", "clips_200k", "clips_300k", "clips_500k"],
    "caption": """
mAP on the evaluation list against the number of training clips (the whole balanced list and clips
drawn from the other), from a random start and from ImageNet's weights. Bars: standard deviation
over seeds.""",
}
STARTS = ("Random start", "ImageNet start")


def figure(sources: Sources, style: Style) -> tuple[Figure, pd.DataFrame]:
    """Columns of what is drawn: start, clips, mean, standard_deviation, seeds."""
    points = by_volume(read_results(sources))
    if points.empty:
        return styles.without_data(style, NOTHING), points
    drawn, axes = one_panel(style, "ImageNet start", "Training clips (thousands)", "mAP")
    forms = colours(style, STARTS)
    for start, line in points.groupby("start", sort=False):
        error = line["standard_deviation"].fillna(0.0)
        axes.errorbar(line["clips"] / 1000, line["mean"], error, color=forms[start], marker="o")
    styles.legend(drawn, keys(forms))
    return drawn, points


def by_volume(results: Results) -> pd.DataFrame:
    """The points of both lines, as far as the run has them."""
    rows = []
    for place, start in enumerate(STARTS):
        for clips in VOLUMES:
            values = results.by_seed(volume_names(clips)[place])
            if len(values):
                rows.append([start, clips, values.mean(), spread(values), len(values)])
    return pd.DataFrame(rows, columns=["start", "clips", "mean", "standard_deviation", "seeds"])
