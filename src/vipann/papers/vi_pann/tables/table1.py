"""Table 1: parameters and multiply-accumulates (MACs), ours beside the paper's."""

import pandas as pd

from vipann.papers import Sources
from vipann.papers.vi_pann.printed import STRATEGY_NAMES, paper_value
from vipann.tables.layout import ABOUT_THE_PAPER, Table, compared, side_by_side, whole_number

TABLE = {
    "number": "1",
    "label": "size of the networks",
    "caption": """
Trainable parameters and multiply-accumulates per clip of the paper's networks, counted from the
operations that the published forward pass executes, whatever networks this run trains.""",
    "needs": {"counts": "metrics/complexity.csv"},
}
METRICS = {"parameters": "Params", "macs": "MACs"}
DESCRIPTION = ["table", "dataset", "strategy", "classes", "clip_seconds"]
ROWS = {"dataset": "Dataset", "strategy": "Model"}
HOW = (
    "MACs per clip and pass, counted on the published network from its waveform on, in evaluation "
    "mode, where Drop is Det: the STFT as convolutions, and the last layer applied twice."
)


def table(sources: Sources) -> Table:
    """See `sizes`."""
    frame = sizes(sources["counts"][0], "1")
    texts = frame[["dataset", "strategy", "metric"]].assign(
        ours=frame["ours"].map(whole_number),
        paper=frame["paper"].map(whole_number),
        difference=frame["difference"].map(lambda value: whole_number(value, "+")),
    )
    cells = side_by_side(texts, ROWS, ["metric", ""], {"strategy": STRATEGY_NAMES})
    title = "Table 1: trainable parameters and multiply-accumulates (MACs) per clip"
    return Table(title, frame, cells, [HOW, ABOUT_THE_PAPER])


def sizes(counts: str, table: str) -> pd.DataFrame:
    """Tidy rows of `table` ("1" or "1_variants"), per network its Params and its MACs.

    counts: the csv of `vipann.models.complexity.write_complexities`. Columns: table, dataset,
    strategy, classes, clip_seconds, metric, ours, paper, difference; the last two are empty where
    Table 1 has no such network. For variants, `paper` is Table 1's number for its own clip length.
    """
    frame = read_counts(counts)
    frame = frame[frame["table"] == table].rename(columns=METRICS)
    rows = frame.melt(DESCRIPTION, list(METRICS.values()), "metric", "ours", ignore_index=False)
    rows = rows.sort_index(kind="stable").reset_index(drop=True)
    keys = zip(rows["dataset"], rows["strategy"].map(STRATEGY_NAMES), rows["metric"], strict=True)
    return compared(rows, [paper_value(1, f"{d}/{name}", m) for d, name, m in keys], "Int64")


def read_counts(counts: str) -> pd.DataFrame:
    """The csv of `vipann.models.complexity`, a row a network, with exact whole numbers."""
    return pd.read_csv(counts, dtype={"table": str} | dict.fromkeys(METRICS, "Int64"))


def network_and_length(frame: pd.DataFrame) -> pd.DataFrame:
    """Labels of rows where clips have several lengths: dataset ("ESC-50, 5 s") and strategy."""
    seconds = frame["clip_seconds"].map("{:g} s".format)
    return frame[["strategy"]].assign(dataset=frame["dataset"] + ", " + seconds)
