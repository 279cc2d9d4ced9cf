"""What the tables of scores beside the paper's share: rows by dataset, model and phase."""

from collections.abc import Mapping, Sequence

import pandas as pd

from vipann.papers import Names
from vipann.papers.vi_pann.printed import PHASE_NAMES, STRATEGY_NAMES
from vipann.tables.layout import averages, ordered, side_by_side, with_error

KEYS = ["dataset", "strategy", "phase"]
MODELS = {**STRATEGY_NAMES, "det_ensemble": "Det, ensemble of the folds"}


def with_intervals(
    metrics: Sequence[pd.DataFrame], intervals: Sequence[str], own: bool
) -> pd.DataFrame:
    """Tidy rows: dataset, strategy, phase, metric, value, standard_error, folds, replications, and
    low, high: the 95 % bootstrap interval over recordings, where there is one.

    metrics: of each dataset, in the order of rows (`vipann.evaluation.metrics`); intervals: files;
    own: those of the networks' own clips, else of the out-of-distribution clips.
    """
    frame = pd.concat([averages(one) for one in metrics], ignore_index=True)
    bounds = pd.concat([pd.read_parquet(path) for path in intervals], ignore_index=True)
    bounds = bounds[(bounds["scored_dataset"] == bounds["dataset"]) == own]
    bounds = bounds[[*KEYS, "metric", "low", "high"]]
    return frame.rename(columns={"ours": "value"}).merge(bounds, "left", [*KEYS, "metric"])


def score_cells(
    frame: pd.DataFrame,
    columns: Mapping[str, tuple[str, str]],
    names: Names,
    errors: Sequence[str] = (),
) -> pd.DataFrame:
    """Cells of `with_intervals`: a row for each network, a column for each metric of `columns`.

    columns: metric -> (group, name); names: dataset -> what it is called; errors:
    metrics shown with their standard error. A column `model` names rows that are no strategy's own.
    Det has no epistemic uncertainty.
    """
    datasets = frame["dataset"].unique()
    orders = {"dataset": datasets, "phase": PHASE_NAMES, "strategy": MODELS, "metric": columns}
    rows = ordered(frame, orders)
    rows = rows[(rows["strategy"] != "det") | ~rows["metric"].str.endswith("_epistemic")]
    own = rows["strategy"].map(MODELS).astype(str)
    model = rows["model"].fillna(own) if "model" in rows else own
    others = sorted(set(model) - set(MODELS.values()))
    error = rows["standard_error"].where(rows["metric"].isin(errors))
    texts = rows[["dataset", "phase"]].assign(
        model=pd.Categorical(model, [*MODELS.values(), *others]),
        **{
            level: pd.Categorical(values, list(dict.fromkeys(values)))
            for place, level in enumerate(("group", "name"))
            for values in [[columns[metric][place] for metric in rows["metric"]]]
        },
        text=list(map(with_error, rows["value"], error)),
    )
    by = {"dataset": "Dataset", "phase": "Phase", "model": "Model"}
    cells = side_by_side(texts, by, ["group", "name"], {"dataset": names, "phase": PHASE_NAMES})
    wanted = [pair for pair in columns.values() if pair in cells.columns]
    return cells[wanted].reorder_levels([0, 2, 1])
