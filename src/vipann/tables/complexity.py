"""Table 1: parameters and multiply-accumulates (MACs), ours beside the paper's, and their parts."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vipann.papers.vi_pann.printed import STRATEGY_NAMES, paper_value
from vipann.tables.layout import (
    ABOUT_THE_PAPER,
    NOTHING,
    Column,
    Layout,
    whole_number,
    whole_number_signed,
    write_table,
)

METRICS = {"Params": "parameters", "MACs": "macs"}
DESCRIPTION = ["table", "dataset", "strategy", "classes", "clip_seconds"]
STUBS = ("Dataset", "Model")
PART_NAMES = {
    "stft": "STFT",
    "conv": "convolutions",
    "mel": "mel matrix",
    "linear": "linear",
    "batch_norm": "batch norm",
    "avg_pool": "average pooling",
    "mean": "mean",
    "mul": "products",
}
HOW = (
    "MACs per clip and pass, counted on the published network from its waveform on, in evaluation "
    "mode, where Drop is Det: the STFT as convolutions, and the last layer applied twice."
)


def complexity_table(counts: Path | str, table: str) -> pd.DataFrame:
    """Tidy rows of `table` ("1" or "1_variants"), per network its Params and its MACs.

    counts: the csv of `vipann.models.complexity.write_complexities`. Columns: table, dataset,
    strategy, classes, clip_seconds, metric, ours, paper, difference; the last two are empty where
    Table 1 has no such network. For variants, `paper` is Table 1's number for its own clip length.
    """
    frame = _read(counts)
    frame = frame[frame["table"] == table].rename(columns={v: k for k, v in METRICS.items()})
    tidy = frame.melt(DESCRIPTION, list(METRICS), "metric", "ours", ignore_index=False)
    tidy = tidy.sort_index(kind="stable").reset_index(drop=True)
    paper = [
        paper_value(1, f"{row.dataset}/{STRATEGY_NAMES[row.strategy]}", row.metric)
        for row in tidy.itertuples()
    ]
    tidy["paper"] = pd.Series(paper, dtype="Int64", index=tidy.index)
    tidy["difference"] = tidy["ours"] - tidy["paper"]
    return tidy


def parts_table(counts: Path | str) -> pd.DataFrame:
    """All networks, a row each: description, `macs`, and the parts that these are the sum of."""
    return _read(counts)[[*DESCRIPTION, "macs", *PART_NAMES]]


def write_complexity_table(
    counts: Path | str, table: str, csv: Path | str, md: Path | str, tex: Path | str
) -> None:
    """Write Table 1 ("1"), its variants ("1_variants") or parts ("1_parts") in three formats."""
    frame, layout = {"1": _printed, "1_variants": _variants, "1_parts": _parts}[table](counts)
    write_table(frame, layout, Path(csv), Path(md), Path(tex))


def _printed(counts: Path | str) -> tuple[pd.DataFrame, Layout]:
    tidy = complexity_table(counts, "1")
    columns = [
        Column(metric, kind) for metric in METRICS for kind in ("ours", "paper", "difference")
    ]
    rows = []
    for (dataset, strategy), cells in tidy.groupby(["dataset", "strategy"], sort=False):
        numbers = [
            text
            for row in cells.itertuples()
            for text in (
                whole_number(row.ours),
                whole_number(row.paper),
                whole_number_signed(row.difference),
            )
        ]
        rows.append([dataset, STRATEGY_NAMES[strategy], *numbers])
    title = "Table 1: trainable parameters and multiply-accumulates (MACs) per clip"
    return tidy, Layout(title, columns, _grouped(rows), [HOW, ABOUT_THE_PAPER], STUBS)


def _variants(counts: Path | str) -> tuple[pd.DataFrame, Layout]:
    tidy = complexity_table(counts, "1_variants")
    columns = [Column("", n) for n in ("Params", "MACs", "MACs in Table 1", "difference")]
    rows = []
    keys = ["dataset", "clip_seconds", "strategy"]
    for (dataset, seconds, strategy), cells in tidy.groupby(keys, sort=False):
        of = cells.set_index("metric")
        macs = of.loc["MACs"]
        numbers = [
            whole_number(of.loc["Params", "ours"]),
            whole_number(macs["ours"]),
            whole_number(macs["paper"]),
        ]
        numbers.append(whole_number_signed(macs["difference"]))
        rows.append([f"{dataset}, {seconds:g} s", STRATEGY_NAMES[strategy], *numbers])
    title = "Table 1, variants: other clip lengths and the pre-training networks"
    notes = [
        HOW,
        "MACs in Table 1: those printed, of the same network at the length to which the clips are "
        f"padded; {NOTHING}: not printed.",
    ]
    return tidy, Layout(title, columns, _grouped(rows), notes, STUBS)


def _parts(counts: Path | str) -> tuple[pd.DataFrame, Layout]:
    frame = parts_table(counts)
    columns = [Column("", name) for name in ("MACs", *PART_NAMES.values())]
    rows = [
        [
            f"{row.dataset}, {row.clip_seconds:g} s",
            STRATEGY_NAMES[row.strategy],
            *(whole_number(getattr(row, name)) for name in ("macs", *PART_NAMES)),
        ]
        for row in frame.itertuples()
    ]
    title = "Table 1, parts: what the multiply-accumulates (MACs) are spent on"
    notes = [
        HOW,
        "Products: elementwise, in Flipout layers the drawn weights and the signs. An output of a "
        "batch norm, an average, or a product counts as one.",
    ]
    return frame, Layout(title, columns, _grouped(rows), notes, STUBS)


def _read(counts: Path | str) -> pd.DataFrame:
    return pd.read_csv(counts, dtype={"table": str} | dict.fromkeys(METRICS.values(), "Int64"))


def _grouped(rows: Sequence[list[str]]) -> list[list[str]]:
    """The rows without a first cell that only repeats the one above."""
    above = ["", *(row[0] for row in rows)]
    return [
        ["" if row[0] == before else row[0], *row[1:]]
        for row, before in zip(rows, above, strict=False)
    ]
