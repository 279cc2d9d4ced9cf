"""Average precision over many subsets of the same clips at once.

AP is the mean over a class's positives of (positives at or above it) / (clips at or above it), both
counted among the clips of a subset. Subsets come nested: an order of the clips says for each the
first subset that holds it. A class's clips are ranked once; each order then takes one walk down the
ranks to the last positive, in which clips are counted by their first subset. The walk is compiled
(numba): AudioSet's 527 classes and 20,000 clips make 10 million steps for each of thousands of
orders.
"""

import numpy as np
from numba import njit

# So many orders of 20,000 clips lie in a processor's second cache while all classes are walked.
_ORDERS_AT_ONCE = 24


def macro_average_precision(
    labels: np.ndarray, probability: np.ndarray, entries: np.ndarray, steps: int
) -> np.ndarray:
    """Macro mAP over the clips of every subset.

    labels: (N, C) multi-hot; probability: (N, C); entries: (U, N) int in [0, steps], of each order
    the first subset that holds the clip, `steps` where none does. Returns (U, steps) in [0, 1].
    Classes without a positive in a subset are left out of its mean; NaN where none is left. Clips
    of the same probability count as one threshold, as in scikit-learn's average_precision_score.
    """
    summed, classes = np.zeros((2, len(entries), steps))
    # The smaller the type, the more of an order lies in the first cache.
    entries = np.ascontiguousarray(entries, dtype=np.uint8 if steps < 256 else np.uint32)
    columns = np.ascontiguousarray(probability.T)
    positives = np.ascontiguousarray(labels.T).astype(bool)
    rankings = [
        _ranked(column, positive)
        for column, positive in zip(columns, positives, strict=True)
        if positive.any()
    ]
    for first in range(0, len(entries), _ORDERS_AT_ONCE):
        chunk = slice(first, first + _ORDERS_AT_ONCE)
        for ranking in rankings:
            _add_class(*ranking, entries[chunk], summed[chunk], classes[chunk])
    with np.errstate(invalid="ignore"):
        return summed / classes


def _ranked(
    probability: np.ndarray, positive: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A class's ranking as `_add_class` walks it, over G thresholds, the positives' values.

    clips: by falling probability, down to the last positive; ends: (G,), how many of them are at or
    above each threshold; hits: the positives among them; hit_ends: (G,), as `ends` of `hits`.
    """
    thresholds = np.unique(probability[positive])[::-1]
    reaching = np.flatnonzero(probability >= thresholds[-1])
    clips = reaching[np.argsort(-probability[reaching])]
    hits = clips[positive[clips]]
    ends, hit_ends = (
        np.searchsorted(-probability[ranked], -thresholds, side="right") for ranked in (clips, hits)
    )
    return clips.astype(np.uint32), ends, hits.astype(np.uint32), hit_ends


@njit(nogil=True)
def _add_class(clips, ends, hits, hit_ends, entries, summed, classes):  # noqa: ANN001, ANN202
    """Add a class's AP to `summed`, and 1 to `classes`, in each subset with a positive of it."""
    orders, steps = summed.shape
    counts = np.empty(steps + 1, np.int32)  # of the clips so far, by their first subset
    above, positives, tied, total = np.empty((4, steps))  # in each subset
    for order in range(orders):
        entry = entries[order]
        counts[:] = 0
        positives[:] = 0.0
        tied[:] = 0.0
        total[:] = 0.0
        clip, hit = 0, 0
        for threshold in range(len(ends)):
            for rank in range(clip, ends[threshold]):
                counts[entry[clips[rank]]] += 1
            clip = ends[threshold]
            first = steps
            for rank in range(hit, hit_ends[threshold]):
                at = int(entry[hits[rank]])
                for step in range(at, steps):
                    positives[step] += 1.0
                    tied[step] += 1.0
                first = min(first, at)
            hit = hit_ends[threshold]
            running = 0
            for step in range(steps):
                running += counts[step]
                above[step] = running
            for step in range(first, steps):
                total[step] += tied[step] * positives[step] / above[step]
                tied[step] = 0.0
        for step in range(steps):
            if positives[step]:
                summed[order, step] += total[step] / positives[step]
                classes[order, step] += 1.0
