"""Networks that are trained on folds, side by side. Not in the thesis."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from vipann.papers import Names, Sources
from vipann.strategies import BY_NAME
from vipann.tables import layout
from vipann.tables.layout import NOTHING, Table, number, whole_number, with_error

TABLE = {
    "label": "networks on the folds of small datasets",
    "headline": 3,
    "caption": """
Accuracy, ECE (calibration error, lower is better) and, where the run has out-of-distribution
clips, the area under the ROC curve by which each uncertainty tells them from the test clips (0.5 is
chance; higher is better), beside parameters and what training took. Not in the thesis.

Small datasets rank networks that are far apart, and no others. Of 400 clips, each tested once, an
accuracy of 0.7 has a standard error of 0.023 by chance alone, and folds share most of their
training clips. Networks that are made small, and trained for a short time, say little about large
ones.""",
    "needs": {"metrics": "metrics/{varied_on_folds}.variants_on_folds.parquet"},
    "about": ["shown_names"],
}
# Metric -> group and name of its column.
COLUMNS = {
    "accuracy": ("", "Accuracy"),
    "ece_pooled": ("", "ECE"),
    "auroc_total": ("AUROC", "Total"),
    "auroc_aleatoric": ("AUROC", "Aleatoric"),
    "auroc_epistemic": ("AUROC", "Epistemic"),
    "parameters": ("", "Parameters"),
    "training_seconds": ("", "Seconds"),
}
KEYS = ["dataset", "kind", "row", "strategy", "phase"]
PHASES = {"fixed": "fixed", "finetuned": "fine-tuned", "scratch": "from scratch"}
HOW = (
    "Mean over folds, of means over seeds and replications, ± standard error over folds; ECE: over "
    "the clips of all folds together. Seconds: of one training, on the machine of this run."
)
POINTS = "Flip leaves parts without a posterior, besides norms, in"


def table(sources: Sources, shown_names: Names) -> Table:
    """A row a variant, or ensemble, and phase, in the config's order.

    Columns dataset, kind, row (its name), strategy, phase, metric, ours, standard_error (over
    folds; NaN for one), folds, seeds.
    """
    metrics = pd.concat([pd.read_parquet(path) for path in sources["metrics"]])
    frame = over_folds(metrics)
    shown = {name: shown_names.get(name) or name for name in frame["dataset"].unique()}
    title = "Networks on the folds of " + ", ".join(shown.values())
    cells = cells_of(frame.replace({"dataset": shown}))
    return Table(title, frame, cells, [HOW, *without_posterior(metrics)])


def without_posterior(metrics: pd.DataFrame) -> list[str]:
    """A sentence on the Flipout networks of which something, a GRU say, cannot have a posterior."""
    points = metrics[metrics["metric"] == "point_parameters"].drop_duplicates("variant")
    named = [
        f"{one.variant} ({one.value:,.0f} parameters)" for one in points.itertuples() if one.value
    ]
    return [f"{POINTS}: {', '.join(named)}."] if named else []


def over_folds(metrics: pd.DataFrame) -> pd.DataFrame:
    """metrics: as `vipann.evaluation.fold_metrics` writes them; see `table`."""
    chosen = metrics[metrics["metric"].isin(COLUMNS) & (metrics["strategy"] != "det_ensemble")]
    # A deterministic network has no epistemic uncertainty, which then tells nothing apart.
    is_none = (chosen["strategy"] == "det") & (chosen["metric"] == "auroc_epistemic")
    chosen = chosen[~is_none]
    row = chosen["variant"].where(chosen["kind"] == "network", chosen["name"])
    return layout.over_folds(chosen.assign(row=row), [*KEYS, "metric"], "seed")


def cells_of(frame: pd.DataFrame) -> pd.DataFrame:
    """What is read: labels at the left as far as they differ, phases among networks; a column a
    metric that there is."""
    is_network = frame["kind"] == "network"
    strategies = {name: one.label for name, one in BY_NAME.items()}
    labels = {
        "Dataset": frame["dataset"],
        "Network": frame["row"],
        "Strategy": frame["strategy"].map(lambda name: strategies.get(name, "Ensemble")),
        "Phase": frame["phase"].map(PHASES).where(is_network, NOTHING),
    }
    one_phase = frame.loc[is_network, "phase"].nunique() <= 1
    differing = [name for name, one in labels.items() if name == "Network" or one.nunique() > 1]
    shown = [name for name in differing if name != "Phase" or not one_phase]
    texts = frame.assign(text=list(map(_text, frame.itertuples())), **labels)
    wide = texts.pivot(index=shown, columns="metric", values="text")
    order: Sequence = texts.drop_duplicates(shown).set_index(shown).index
    cells = wide.reindex(order)[[name for name in COLUMNS if name in wide.columns]]
    cells.columns = [COLUMNS[name] for name in cells.columns]
    return cells.fillna(NOTHING)


def _text(row: Any) -> str:
    if row.metric in ("parameters", "training_seconds"):
        return whole_number(round(row.ours))
    if row.metric == "ece_pooled":
        return number(row.ours)
    return with_error(row.ours, row.standard_error)
