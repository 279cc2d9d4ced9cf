"""What the multiply-accumulates of Table 1's networks are spent on."""

from vipann.papers import Sources
from vipann.papers.vi_pann.printed import STRATEGY_NAMES
from vipann.papers.vi_pann.tables.table1 import (
    DESCRIPTION,
    HOW,
    ROWS,
    network_and_length,
    read_counts,
)
from vipann.tables.layout import Table, side_by_side, whole_number

TABLE = {
    "number": "1",
    "label": "where the operations go",
    "caption": """
What the multiply-accumulates of Table 1 and of its variants are spent on; the parts sum up to the
total.""",
    "needs": {"counts": "metrics/complexity.csv"},
}
PART_NAMES = {
    "macs": "MACs",
    "stft": "STFT",
    "conv": "convolutions",
    "mel": "mel matrix",
    "linear": "linear",
    "batch_norm": "batch norm",
    "avg_pool": "average pooling",
    "mean": "mean",
    "mul": "products",
}
PRODUCTS = (
    "Products: elementwise, in Flipout layers the drawn weights and the signs. An output of a "
    "batch norm, an average, or a product counts as one."
)


def table(sources: Sources) -> Table:
    """All networks, a row each: description, `macs`, and the parts that these are the sum of."""
    frame = read_counts(sources["counts"][0])[[*DESCRIPTION, *PART_NAMES]]
    parts = frame[list(PART_NAMES)].map(whole_number).rename(columns=PART_NAMES)
    cells = side_by_side(
        network_and_length(frame).join(parts), ROWS, [""], {"strategy": STRATEGY_NAMES}
    )
    title = "Table 1, parts: what the multiply-accumulates (MACs) are spent on"
    return Table(title, frame, cells, [HOW, PRODUCTS])
