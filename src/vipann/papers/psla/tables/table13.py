"""Table 13: other networks with and without the recipe."""

import pandas as pd

from vipann.evaluation.variant_results import read_results, spread
from vipann.papers import Names, Sources
from vipann.papers.psla.names import ARCHITECTURES, with_and_without
from vipann.papers.psla.printed import paper_value, printed_value
from vipann.papers.psla.tables._scores import notes_on, printed_column, with_print
from vipann.tables.layout import Table, number, side_by_side

TABLE = {
    "number": "13",
    "label": "other networks with and without PSLA",
    "caption": """
mAP on the evaluation list of six networks, trained without any of the techniques, and with all: as
an ensemble of one training's checkpoints, and as one network with averaged weights.""",
    "needs": {"variants": "metrics/{varied}.variants.parquet"},
    "any_of": ["mobilenet", "b0_one_head", "b2_mean", "b2_one_head", "resnet50"],
    "about": ["names", "upstream"],
}
METRICS = ("No PSLA", "PSLA", "Single")


def table(sources: Sources, names: Names, upstream: str | None) -> Table:
    """A row a network; ours, and the paper's below its name."""
    results, column = read_results(sources), printed_column(names, upstream)
    lines = []
    for row in ARCHITECTURES:
        for metric, name in zip(METRICS, with_and_without(row), strict=True):
            values = results.by_seed(name)
            lines.append([13, row, name, metric, values.mean(), spread(values), len(values)])
    columns = ["table", "row", "name", "metric", "ours", "standard_deviation", "seeds"]
    frame = pd.DataFrame(lines, columns=columns)
    places = zip(frame["row"], frame["metric"], strict=True)
    paper = [paper_value(13, row, f"{column}/{metric}") for row, metric in places]
    frame = with_print(frame, paper, names, upstream)
    texts = frame[["row", "metric"]].copy()
    for kind in ("ours", "paper"):
        texts[kind] = [number(value, ".4f") for value in frame[kind]]
    cells = side_by_side(texts, {"row": "Network"}, ["metric", ""], {})
    sizes = ", ".join(
        f"{row} {printed_value(13, row, '# Params') / 1e6:.2f} M" for row in ARCHITECTURES
    )
    notes = [f"Parameters, as printed: {sizes}.", *notes_on(names, upstream)]
    return Table("Table 13: other networks with and without PSLA", frame, cells, notes)
