"""What a training sees of its clips, by the arithmetic of Algorithm 1: expected values over all its
draws, without any training or random number.

In E epochs of N clips each, a clip that is drawn with chance w is seen w N E times on average and
stays unseen with (1 - w)^(N E). With mixup at rate M each draw brings with chance M a second clip,
drawn evenly: the clip then stays unseen with ((1 - w) (1 - M / N))^(N E).
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

BALANCED, SHUFFLED = "Balanced sampling", "Every clip once an epoch"


def train_labels(manifest: str) -> list[Sequence[str]]:
    """Labels of each clip of a manifest's train list."""
    clips = pd.read_parquet(manifest, columns=["split", "labels"])
    return list(clips.loc[clips["split"] == "train", "labels"])


def class_counts(labels: Iterable[Sequence[str]]) -> pd.Series:
    """Class -> how many clips have it."""
    return pd.Series([name for of_clip in labels for name in of_clip], dtype=str).value_counts()


def multi_hot(labels: Sequence[Sequence[str]]) -> tuple[np.ndarray, list[str]]:
    """(N, C) uint8 and the classes, sorted by name."""
    classes = sorted({name for of_clip in labels for name in of_clip})
    column = {name: place for place, name in enumerate(classes)}
    hot = np.zeros((len(labels), len(classes)), np.uint8)
    for row, of_clip in enumerate(labels):
        hot[row, [column[name] for name in of_clip]] = 1
    return hot, classes


def expected_counts(labels: np.ndarray, chances: np.ndarray, epochs: int) -> np.ndarray:
    """How often each class is drawn in so many epochs, (C,), of multi-hot labels (N, C)."""
    shares = [chances[of_class > 0].sum() for of_class in labels.T]
    return len(labels) * epochs * np.array(shares)


def expected_unseen(
    chances: np.ndarray, epochs: Sequence[int] | np.ndarray, rate: float
) -> np.ndarray:
    """Share of the clips that no draw has brought after each number of epochs, (E,).

    chances: of each clip in a draw, (N,); rate: of draws that bring a second clip.
    """
    clips = len(chances)
    missed = np.log1p(-chances) + np.log1p(-rate / clips)
    draws = clips * np.asarray(epochs)[:, None]
    return np.exp(missed * draws).mean(axis=1)
