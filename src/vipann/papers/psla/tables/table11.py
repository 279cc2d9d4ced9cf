"""Table 11: ensembles, and their members."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from vipann.evaluation.variant_results import Results, members_of, read_results
from vipann.papers import Names, Sources
from vipann.papers.psla.names import COMMITTEES
from vipann.papers.psla.printed import paper_value
from vipann.papers.psla.tables._scores import notes_on, printed_column, with_print
from vipann.tables.layout import Table, number, side_by_side

TABLE = {
    "number": "11",
    "label": "ensembles and their members",
    "headline": 2,
    "caption": """
The mean of several networks' predictions: how many members, their average and best mAP on the
evaluation list, and the ensemble's. Members are one training's checkpoints, the same training with
other seeds, or networks trained with other settings. Ensembles under other names than the paper's
come last.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "only_with": ["ensembles"],
    "about": ["names", "upstream", "ensembles"],
}
METRICS = ("# Models", "Avg mAP", "Best mAP", "Ensemble mAP")


def table(
    sources: Sources, names: Names, upstream: str | None, ensembles: Mapping[str, Any]
) -> Table:
    """A row for each ensemble of the run, the paper's first."""
    column = printed_column(names, upstream)
    frame = committees(read_results(sources), ensembles)
    places = zip(frame["row"], frame["metric"], strict=True)
    paper = [paper_value(11, row, f"{column}/{metric}") for row, metric in places]
    frame = with_print(frame, paper, names, upstream)
    texts = frame[["row", "metric"]].copy()
    for kind in ("ours", "paper"):
        texts[kind] = [
            number(value, ".0f" if metric == METRICS[0] else ".4f")
            for metric, value in zip(frame["metric"], frame[kind], strict=True)
        ]
    columns = ["metric", ""]
    if not frame["paper"].notna().any():
        texts, columns = texts.drop(columns="paper"), ["metric"]
    cells = side_by_side(texts, {"row": "Members"}, columns, {})
    title = "Table 11: ensembles and their members"
    return Table(title, frame, cells, notes_on(names, upstream)[1:])


def committees(results: Results, ensembles: Mapping[str, Any]) -> pd.DataFrame:
    """Columns table, row, name, metric (METRICS), ours; of the ensembles that were scored."""
    rows = {name: row for row, name in COMMITTEES.items()}
    names = [name for name in rows if name in ensembles]
    names += [name for name in ensembles if name not in rows]
    lines = []
    for name in names:
        members, whole = members_of(results, ensembles[name]), results.by_seed(name)
        if len(whole) and len(members):
            values = [len(members), members.mean(), members.max(), whole.iloc[0]]
            row = rows.get(name, name)
            lines += [[11, row, name, *pair] for pair in zip(METRICS, values, strict=True)]
    return pd.DataFrame(lines, columns=["table", "row", "name", "metric", "ours"])
