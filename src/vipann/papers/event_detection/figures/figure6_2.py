"""Figure 6.2: mAP of classes by the quality of their labels."""

from collections.abc import Mapping, Sequence

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from vipann.evaluation.variant_results import Results, read_results
from vipann.figures import style as styles
from vipann.figures.style import Style
from vipann.papers import Sources
from vipann.papers.event_detection.procedures import REPORTED

FIGURE = {
    "number": "6.2",
    "label": "mAP by label quality",
    "headline": 3,
    "needs": {
        "per_class": "metrics/{varied}.variants_per_class.parquet",
        "quality": "label_quality/{rated}.csv",
    },
    "any_of": ["ast_a1", "cnn_transformer_a2", "ast_a3", "cnn_transformer_a4"],
    "caption": """
Mean average precision over classes whose labels are alike in quality, the share that people found
true when they looked again: a quarter of the classes each, the poorest first. Points are means over
seeds, bars one standard deviation over seeds to both sides. Classes that the list does not have are
left out.""",
}
QUARTERS = 4
NOTHING = "This run has no scores of a network that the thesis reports."


def figure(sources: Sources, style: Style) -> tuple[Figure, pd.DataFrame]:
    """Columns of what is drawn: those of `by_quality`, and procedure."""
    results, quality = read_results(sources), read_quality(sources)
    found = [
        by_quality(results, name, quality).assign(procedure=f"{procedure}: {name}")
        for procedure, name in REPORTED.items()
    ]
    points = pd.concat(found, ignore_index=True)
    if points.empty:
        return styles.without_data(style, NOTHING), points
    drawn, grid = styles.panels(style, 1, 1, 0.6)
    axes = grid[0, 0]
    sns.lineplot(
        points,
        x="quality",
        y="mAP",
        hue="procedure",
        style="procedure",
        errorbar="sd",
        err_style="bars",
        markers=True,
        ax=axes,
    )
    axes.set(xlabel="Labels found true, mean of a quarter of the classes", ylabel="mAP")
    handles, _ = axes.get_legend_handles_labels()
    axes.get_legend().remove()
    styles.legend(drawn, handles, columns=2)
    return drawn, points


def read_quality(sources: Mapping[str, Sequence[str]]) -> pd.Series:
    """Class -> share of its labels that were found true."""
    tables = [pd.read_csv(path) for path in sources.get("quality", [])]
    if not tables:
        return pd.Series(dtype="float64")
    return pd.concat(tables).set_index("class")["quality"]


def by_quality(results: Results, name: str, quality: pd.Series) -> pd.DataFrame:
    """Columns quarter (1 to 4, the poorest first), quality (its mean), classes, network, mAP; a row
    for each network of the variant.

    Classes of equal quality may fall into two quarters, in the order of the list.
    """
    columns = ["quarter", "quality", "classes", "network", "mAP"]
    aps = results.per_class(name) if len(results.classes) else pd.DataFrame()
    shared = quality.index.intersection(aps.index)
    if len(shared) < QUARTERS:
        return pd.DataFrame(columns=columns)
    ranks = quality.loc[shared].rank(method="first")
    quarters = pd.qcut(ranks, QUARTERS, labels=range(1, QUARTERS + 1))
    means = aps.loc[shared].groupby(quarters, observed=True).mean().rename_axis("quarter")
    points = means.melt(var_name="network", value_name="mAP", ignore_index=False).reset_index()
    grouped = quality.loc[shared].groupby(quarters, observed=True)
    points["quarter"] = points["quarter"].astype(int)
    points["quality"] = points["quarter"].map(dict(grouped.mean()))
    points["classes"] = points["quarter"].map(dict(grouped.size()))
    return points[columns]
