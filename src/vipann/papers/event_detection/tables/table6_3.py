"""Table 6.3: strides of a transformer's patches."""

import pandas as pd

from vipann.evaluation.variant_results import read_results
from vipann.papers import Names, Sources
from vipann.papers.event_detection.printed import paper_value
from vipann.papers.event_detection.procedures import STRIDES, patches
from vipann.papers.event_detection.tables._beside import is_comparable, notes_on
from vipann.papers.event_detection.tables._chapter6 import (
    BEST_CHECKPOINTS,
    COLUMNS,
    SHAPES,
    costs_of,
    over_seeds_of,
    texts_of,
)
from vipann.tables.layout import Table, number, side_by_side, whole_number
from vipann.tables.variants import beside_print

TABLE = {
    "number": "6.3",
    "label": "strides of patches",
    "caption": """
AST with patches of 16 x 16 that overlap more or less: the same stride in time and in frequency.
mAP on the evaluation list; patches by arithmetic, which the print does not always follow; clips a
second on the machine of this run, in the place of the thesis's hours of an epoch.""",
    "needs": {
        "variants": "metrics/{varied}.variants.parquet",
        "costs": "metrics/{measured}.variant_cost.csv",
    },
    "may_lack": ["costs"],
    "any_of": ["ast_a1_stride_16", "ast_a3_stride_16"],
    "about": ["names", "upstream"],
}
MAP, PATCHES, HOURS, CLIPS = "mAP", "#patches", "Hrs/Epoch", "Clips/s"


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """A row a procedure and stride; of each number ours and the thesis's."""
    results, costs = read_results(sources), costs_of(sources)
    lines = []
    for (procedure, stride), name in STRIDES.items():
        row = f"{procedure}, stride {stride}"
        rate = costs["clips_per_second"].get(name)
        ours: dict[str, list] = {
            MAP: over_seeds_of(results, name),
            PATCHES: [patches(*SHAPES[procedure], stride), None, 0],
            HOURS: [None, None, 0],
            CLIPS: [rate, None, 0],
        }
        lines += [
            ["6.3", row, column, name, *values, paper_value("6.3", row, column)]
            for column, values in ours.items()
        ]
    frame = pd.DataFrame(lines, columns=COLUMNS)
    frame = beside_print(frame, frame["paper"], is_comparable(names, upstream))
    texts = texts_of(frame, ["row", "column"]).drop(columns="difference", errors="ignore")
    for column, form in ((PATCHES, ""), (CLIPS, ".1f"), (HOURS, ".2f")):
        here = frame["column"] == column
        for kind in ("ours", "paper"):
            shown = [number(v, form) if form else whole_number(v) for v in frame.loc[here, kind]]
            texts.loc[here, kind] = shown
    cells = side_by_side(texts, {"row": "Procedure"}, ["column", ""], {})
    cells = cells.drop(columns=[(HOURS, "ours"), (CLIPS, "paper")])
    return Table(
        "Table 6.3: strides of patches",
        frame,
        cells,
        [*notes_on(names, upstream), BEST_CHECKPOINTS],
    )
