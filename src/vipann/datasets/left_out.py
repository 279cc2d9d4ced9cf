"""The list of a dataset's clips that other datasets of the run hold too, as its readers see it."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from vipann.errors import UserError
from vipann.files import digest

# left_out: whether features are made without the clip.
COLUMNS = ("clip_id", "split", "reason", "left_out")
# Attribute of a feature file: the sha256 of the list that it was made by, "" where there is none.
MADE_BY = "left_out_sha256"


def read_list(path: Path) -> pd.DataFrame:
    """Rows of a list with the columns `COLUMNS`; left_out is bool."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    return frame.assign(left_out=frame["left_out"] == "True")


def heard_clips(frame: pd.DataFrame, listed: Path | None) -> pd.DataFrame:
    """The rows of a manifest (column clip_id) that the list `listed` does not leave out."""
    if listed is None:
        return frame
    rows = read_list(listed)
    return frame[~np.isin(frame["clip_id"], rows.loc[rows["left_out"], "clip_id"])]


def list_sum(listed: Path | None) -> str:
    """What tells a list from another one with other contents; "" where there is none."""
    return digest(listed) if listed is not None else ""


def check_features(features: Path, listed: Path) -> None:
    """UserError unless the feature file was made by the list as it is now.

    A change of another dataset that changes the list, too, is only known when the jobs of the run
    have been planned.
    """
    with h5py.File(features) as file:
        made_by = file.attrs.get(MADE_BY)
    if made_by != list_sum(listed):
        raise UserError(
            f"{listed} is another list now than when {features} was made: since a dataset of this "
            "run has changed, other clips share their audio with it. Run the same command again: "
            "it makes these features anew, without the clips of the list, and all networks that "
            "are trained on them."
        )
