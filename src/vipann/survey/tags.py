"""Windows as a short table to read: the most probable classes of each, and how sure that is."""

import numpy as np
import pandas as pd

from vipann.evaluation.predictions import UNCERTAINTIES
from vipann.survey.windows import END, RECORDING, START, Shard, probabilities_of


def tags_of(shard: Shard, top: int) -> pd.DataFrame:
    """A row a window and class: recording, start, end (s), class, probability, total, aleatoric,
    epistemic (nats, of the window); the `top` most probable classes of each, in that order."""
    windows, classes = shard.windows, np.array(shard.about.classes)
    top = min(top, len(classes))
    probability = probabilities_of(windows, list(classes))
    order = np.argsort(-probability, axis=1, kind="stable")[:, :top]
    rows = windows[[RECORDING, START, END, *UNCERTAINTIES]].loc[
        windows.index.repeat(top).to_numpy()
    ]
    rows = rows.rename(columns={START: "start", END: "end"}).reset_index(drop=True)
    rows.insert(3, "class", classes[order].ravel())
    rows.insert(4, "probability", np.take_along_axis(probability, order, axis=1).ravel())
    return rows
