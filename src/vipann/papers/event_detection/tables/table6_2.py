"""Table 6.2: six encoders under four procedures."""

import pandas as pd

from vipann.evaluation.variant_results import read_results
from vipann.papers import Names, Sources
from vipann.papers.event_detection.printed import paper_value
from vipann.papers.event_detection.procedures import ENCODERS, PROCEDURES, variant
from vipann.papers.event_detection.tables._beside import is_comparable, notes_on
from vipann.papers.event_detection.tables._chapter6 import (
    BEST_CHECKPOINTS,
    COLUMNS,
    costs_of,
    over_seeds_of,
    texts_of,
)
from vipann.tables.layout import Table, side_by_side
from vipann.tables.variants import beside_print

TABLE = {
    "number": "6.2",
    "label": "six encoders under four procedures",
    "headline": 1,
    "caption": """
mAP on the evaluation list. A1 and A2 hear 128 bands and 1,024 frames, A3 and A4 64 and 400; A1 and
A3 start from ImageNet, for which only two of the encoders have weights. Parameters are those that
training changes, with this run's classes.""",
    "needs": {
        "variants": "metrics/{varied}.variants.parquet",
        "costs": "metrics/{measured}.variant_cost.csv",
    },
    "may_lack": ["costs"],
    "any_of": [
        "ast_a4",
        "cnn_transformer_a4",
        "conformer_a4",
        "resnet50_a4",
        "talnet_a4",
        "ast_a2",
    ],
    "about": ["names", "upstream"],
}
PARAMETERS = "#param (M)"


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """A row an encoder; ours, and the thesis's below."""
    results, costs = read_results(sources), costs_of(sources)
    lines = []
    for row in ENCODERS:
        own = [variant(row, p) for p in PROCEDURES if variant(row, p) in costs.index]
        size = costs.loc[own[-1], "parameters"] / 1e6 if own else float("nan")
        printed = (paper_value("6.2", row, "#param") or float("nan")) / 1e6
        lines.append(["6.2", row, PARAMETERS, own[-1] if own else "", size, None, 0, printed])
        for procedure in PROCEDURES:
            ours = over_seeds_of(results, variant(row, procedure))
            paper = paper_value("6.2", row, procedure)
            lines.append(["6.2", row, procedure, variant(row, procedure), *ours, paper])
    frame = pd.DataFrame(lines, columns=COLUMNS)
    frame = beside_print(frame, frame["paper"], is_comparable(names, upstream))
    texts = texts_of(frame, ["row", "column"])
    cells = side_by_side(texts, {"row": "Encoder", "": ""}, ["column"], {})
    title = "Table 6.2: six encoders under four procedures"
    return Table(title, frame, cells, [*notes_on(names, upstream), BEST_CHECKPOINTS])
