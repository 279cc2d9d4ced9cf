"""Table 1 for what the paper does not print."""

from vipann.papers import Sources
from vipann.papers.vi_pann.printed import STRATEGY_NAMES
from vipann.papers.vi_pann.tables.table1 import HOW, ROWS, network_and_length, sizes
from vipann.tables.layout import NOTHING, Table, side_by_side, whole_number

TABLE = {
    "number": "1",
    "label": "variants of its networks",
    "caption": """
Table 1 for what the paper does not print: clips at the length of Table 2, and the networks
pretrained on AudioSet.""",
    "needs": {"counts": "metrics/complexity.csv"},
}


def table(sources: Sources) -> Table:
    """Columns of the frame: see `vipann.papers.vi_pann.tables.table1.sizes`."""
    frame = sizes(sources["counts"][0], "1_variants")
    of = {metric: rows.reset_index(drop=True) for metric, rows in frame.groupby("metric")}
    macs = of["MACs"]
    texts = network_and_length(macs).assign(
        **{
            "Params": of["Params"]["ours"].map(whole_number),
            "MACs": macs["ours"].map(whole_number),
            "MACs in Table 1": macs["paper"].map(whole_number),
            "difference": macs["difference"].map(lambda value: whole_number(value, "+")),
        }
    )
    cells = side_by_side(texts, ROWS, [""], {"strategy": STRATEGY_NAMES})
    note = (
        "MACs in Table 1: those printed, of the same network at the length to which the clips are "
        f"padded; {NOTHING}: not printed."
    )
    title = "Table 1, variants: other clip lengths and the pre-training networks"
    return Table(title, frame, cells, [HOW, note])
