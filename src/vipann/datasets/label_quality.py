"""How many of a class's labels people found true when they looked again: AudioSet's estimate.

The official list (qa_true_counts.csv; Gemmeke et al. 2017, section 4) has a row a class: label_id,
num_rated (clips that were looked at again) and num_true.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from vipann.datasets.metadata import read_rows
from vipann.errors import UserError
from vipann.files import replacing

COLUMNS = ["class", "rated", "true", "quality"]


def write_label_quality(
    path: Path, classes: Sequence[str], ids: Mapping[str, str], out: Path | str
) -> None:
    """Write the csv `COLUMNS` of the `classes` that the list at `path` has: see the module; quality
    is true / rated.

    ids: class -> id; classes that are not in it have their name as id.

    Raises:
        UserError: the list has none of the classes, one twice, or a row that counts nothing.
    """
    table = read_rows(path, ["label_id", "num_rated", "num_true"])
    if table["label_id"].duplicated().any():
        twice = table.loc[table["label_id"].duplicated(), "origin"].iloc[0]
        raise UserError(f"{twice}: this label_id comes a second time.")
    rows = table.set_index("label_id")
    found = []
    for name in classes:
        if (own := ids.get(name, name)) in rows.index:
            rated, true = _counts(rows.loc[own])
            found.append([name, rated, true, true / rated])
    if not found:
        raise UserError(
            f"{path}: has none of the dataset's {len(classes)} classes. Its label_id has to be the "
            f"id of a class, such as {ids.get(classes[0], classes[0])!r}."
        )
    if lost := len(classes) - len(found):
        print(f"{path} says nothing of {lost} of {len(classes)} classes")
    with replacing(out) as beside:
        pd.DataFrame(found, columns=COLUMNS).to_csv(beside, index=False)


def _counts(row: pd.Series) -> tuple[int, int]:
    """num_rated and num_true, where 0 <= num_true <= num_rated and something was rated."""
    texts = row["num_rated"], row["num_true"]
    if all(text.isdecimal() for text in texts):
        rated, true = map(int, texts)
        if 0 <= true <= rated and rated:
            return rated, true
    raise UserError(
        f"{row['origin']}: num_rated {texts[0]!r} and num_true {texts[1]!r} must be counts, of "
        "which the first is at least 1 and the second no larger."
    )
