"""What a reviewer said: `labels.csv` of a review folder, as its page saves it.

A row a clip with an answer: path (of the clip, below the review folder), label, or labels separated
by ";" where a clip may have several, group (the recording that the clip was cut from), and where it
lies there. It is a table as the `folder` adapter reads it. `OTHER` is the label of what is none of
the model's classes. A clip that the reviewer is not sure of has no row.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vipann.datasets.metadata import label_name, read_rows, refuse
from vipann.errors import UserError
from vipann.survey.acquisition import AUDIT, ORDER
from vipann.survey.held_out import HeldOut
from vipann.survey.windows import MEASURES, RECORDING, probabilities_of

LABELS, WINDOWS, OTHER = "labels.csv", "windows.parquet", "other"
PATH, ANSWER = "path", "answer"


def read_answers(review: Path) -> pd.DataFrame:
    """The windows of a review folder, with the column `answer`: the labels of each, a list; None
    where there is no answer.

    Raises:
        UserError: a file is missing, or a line names no clip of the review, or one twice.
    """
    try:
        windows = pd.read_parquet(review / WINDOWS)
    except OSError as error:
        raise UserError(
            f"{review / WINDOWS} cannot be read ({error}): {review} is no review folder."
        ) from error
    table = read_rows(review / LABELS, [PATH], ["label", "labels"])
    column = next((name for name in ("label", "labels") if name in table.columns), None)
    if column is None:
        raise UserError(f"{review / LABELS} has neither a column label nor labels.")
    refuse(
        table,
        ~table[PATH].isin(windows[PATH]),
        lambda row: f"{row[PATH]} is no clip of {review}",
    )
    refuse(table, table[PATH].duplicated(), lambda row: f"{row[PATH]} is there twice")
    cells = table[column].str.split(";") if column == "labels" else table[column].map(_alone)
    named = [[label_name(one) for one in cell if one.strip()] for cell in cells]
    answers = dict(zip(table[PATH], named, strict=True))
    return windows.assign(**{ANSWER: windows[PATH].map(answers.get).astype(object)})


def _alone(cell: str) -> list[str]:
    return [cell]


def audited(answers: pd.DataFrame, classes: Sequence[str]) -> HeldOut:
    """The audit's clips that have an answer, as clips whose labels are known."""
    sample = answers[(answers[ORDER] == AUDIT) & answers[ANSWER].notna()]
    present = [[name in labels for name in classes] for labels in sample[ANSWER]]
    return HeldOut(
        tuple(classes),
        probabilities_of(sample, classes),
        np.array(present, bool).reshape(len(sample), len(classes)),
        sample[RECORDING].to_numpy(str),
        sample[list(MEASURES)],
    )
