"""What the tables of scores beside the paper's share."""

from collections.abc import Mapping, Sequence

import pandas as pd

from vipann.evaluation.variant_results import Results
from vipann.papers import Names
from vipann.papers.psla.printed import ON_EMBEDDINGS, SETS, paper_value
from vipann.tables.layout import ABOUT_THE_PAPER, Table
from vipann.tables.variants import beside_print, cells_of, scored

OURS = (
    "Ours: the networks that training ended with, mean over seeds ± standard deviation over seeds; "
    "the paper takes the mean of the last 5 epochs on AudioSet."
)
EMBEDDINGS = (
    "Ours were trained on the VGGish embeddings that Google released, the paper's on audio: the "
    "print is for orientation, without a difference. Kong 2019 in Table XV (mAP 0.274) used these "
    "very embeddings."
)
OTHER = "The paper has no numbers for this dataset."


def printed_column(names: Names, upstream: str | None) -> str | None:
    """The column of the paper's tables that the run's training set has."""
    return SETS.get(names.get(upstream or "") or "")


def notes_on(names: Names, upstream: str | None) -> list[str]:
    """Sentences on what the print is to ours."""
    paper_name = names.get(upstream or "")
    if paper_name not in SETS:
        return [OURS, OTHER]
    return [OURS, EMBEDDINGS if paper_name == ON_EMBEDDINGS else ABOUT_THE_PAPER]


def with_print(
    frame: pd.DataFrame, paper: Sequence[float | None], names: Names, upstream: str | None
) -> pd.DataFrame:
    """With paper and difference (ours - paper), the latter where both are of the same input."""
    on_audio = names.get(upstream or "") != ON_EMBEDDINGS
    return beside_print(frame, paper, on_audio)


def of_map(
    table: int,
    title: str,
    results: Results,
    rows: Mapping[str, Sequence[str] | str],
    names: Names,
    upstream: str | None,
) -> Table:
    """A table of one mAP a row, ours beside what the paper prints under the same row."""
    column = printed_column(names, upstream)
    frame = scored(table, results, rows)
    paper = [paper_value(table, row, column) if column else None for row in frame["row"]]
    frame = with_print(frame, paper, names, upstream)
    return Table(title, frame, cells_of(frame), notes_on(names, upstream))
