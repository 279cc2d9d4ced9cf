"""Table 9: thresholds of label enhancement, on several label sets of the evaluation list."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from vipann.evaluation.variant_results import read_results, spread
from vipann.papers import Names, Sources
from vipann.papers.psla.labels import added_labels, label_set_of
from vipann.papers.psla.names import LABEL_SETS, RELABELLED, THRESHOLDS
from vipann.papers.psla.printed import paper_value
from vipann.papers.psla.tables._scores import notes_on, printed_column, with_print
from vipann.tables.layout import NOTHING, Table, number, side_by_side
from vipann.tables.variants import with_spread

TABLE = {
    "number": "9",
    "label": "thresholds of label enhancement",
    "caption": """
Networks trained with labels as they are and with labels added above four thresholds (rows), scored
against the evaluation list's own labels and against enhanced ones (columns): mAP. The lower the
threshold, the more labels are added. A further column, which the paper does not have: labels that
were given anew to the evaluation list by a machine, not by people.""",
    "needs": {
        "variants": "metrics/{varied}.variants.parquet",
        "label_sets": "label_sets/{label_set}.parquet",
        "manifests": "manifests/{varied}.parquet",
    },
    "any_of": ["enhanced", "enhanced_25", "enhanced_10", "enhanced_5"],
    "about": ["names", "upstream", "variants"],
}
ADDED = "Label Added"
ELSEWHERE = "The paper's columns ESC-50 and FSD50K, which other audio is needed for, are left out."
BY_MACHINE = f"{RELABELLED}: relabelled by machine, 18,885 of the 20,371 evaluation clips."


def table(
    sources: Sources, names: Names, upstream: str | None, variants: Mapping[str, Any]
) -> Table:
    """A row a threshold; columns: labels added (a fraction), mAP by label set."""
    results, added = read_results(sources), added_labels(sources)
    column = printed_column(names, upstream)
    lines = []
    for row, candidates in THRESHOLDS.items():
        name = results.first_of(candidates)
        changes = added.get(label_set_of(variants, name) or "")
        share = changes.share if changes else (0.0 if row == "No LE" else None)
        lines.append([9, row, ADDED, share, None, 0])
        for shown, label_set in LABEL_SETS.items():
            values = results.by_seed(name or "", label_set=label_set)
            lines.append([9, row, shown, values.mean(), spread(values), len(values)])
    columns = ["table", "row", "metric", "ours", "standard_deviation", "seeds"]
    frame = pd.DataFrame(lines, columns=columns)
    places = zip(frame["row"], frame["metric"], strict=True)
    paper = [paper_value(9, row, f"{column}/{metric}") for row, metric in places]
    frame = with_print(frame, paper, names, upstream)
    texts = frame[["row", "metric"]].copy()
    texts["ours"] = list(
        map(_text, *(frame[key] for key in ("metric", "ours", "standard_deviation")))
    )
    texts["paper"] = list(map(_text, frame["metric"], frame["paper"], [None] * len(frame)))
    columns = ["metric", ""]
    if not frame["paper"].notna().any():
        texts, columns = texts.drop(columns="paper"), ["metric"]
    cells = side_by_side(texts, {"row": "Trained with"}, columns, {})
    cells = cells.loc[:, (cells != NOTHING).any()]
    title = "Table 9: thresholds of label enhancement"
    return Table(title, frame, cells, [ELSEWHERE, BY_MACHINE, *notes_on(names, upstream)])


def _text(metric: str, value: float | None, deviation: float | None) -> str:
    if metric == ADDED:
        return number(value, ".1%")
    return with_spread(value, deviation)
