"""Scores by which out-of-distribution clips are found, of one deterministic pass and its training
clips: the baselines that an uncertainty has to beat.

A higher score is further out of distribution. With logits z (C,) and the embedding x (E,):

- `max_probability`: 1 - max_c p_c, with p the softmax of z (Hendrycks and Gimpel 2017), or its
  sigmoid where a clip has several labels;
- `max_logit`: -max_c z_c (Hendrycks et al. 2022);
- `energy`: `vipann.evaluation.energy` (Liu et al. 2020, Wang et al. 2021);
- `mahalanobis`: the least distance of x from a class's mean, by one covariance of all classes
  (Lee et al. 2018), which is shrunk as Ledoit and Wolf (2004) say, for there are seldom many more
  clips than dimensions. With several labels a clip counts for each of its classes;
- `nearest_neighbours`: the distance of x / |x| from the k-th nearest of the training clips'
  (Sun et al. 2022).

Means, covariance and neighbours are of training clips only.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.linalg import eigh
from scipy.spatial.distance import cdist
from scipy.special import expit, softmax
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from vipann.errors import UserError
from vipann.evaluation.embeddings import Clips, Embeddings
from vipann.evaluation.energy import energy
from vipann.tasks import Task

LOGIT_SCORES = ("max_probability", "max_logit", "energy")
DISTANCES = ("mahalanobis", "nearest_neighbours")
SCORES = (*LOGIT_SCORES, *DISTANCES)


def logit_scores(logits: np.ndarray, task: Task) -> dict[str, np.ndarray]:
    """`LOGIT_SCORES` of logits (N, C): (N,) float64 each."""
    logits = logits.astype(np.float64)
    probability = softmax(logits, axis=1) if task == "multiclass" else expit(logits)
    return {
        "max_probability": 1 - probability.max(axis=1),
        "max_logit": -logits.max(axis=1),
        "energy": energy(logits, task),
    }


@dataclass(frozen=True, eq=False)
class Distances:
    """What is fitted on training clips: a root R of the inverse covariance, (E, E), so that
    |(a - b) R| is the Mahalanobis distance; the means of the classes, (C', E); and the neighbours
    of normalised embeddings, of which the k-th counts."""

    root: np.ndarray
    means: np.ndarray
    neighbours: NearestNeighbors

    @classmethod
    def fit(cls, embedding: np.ndarray, labels: np.ndarray, k: int) -> Self:
        """embedding: (N, E); labels: (N, C) multi-hot; classes without a clip have no mean.

        Raises:
            UserError: there are fewer than k clips.
        """
        if len(embedding) < k:
            raise UserError(
                f"uncertainty.ood_scores.neighbours: {k} is not allowed; the network was trained "
                f"on {len(embedding)} clips, and the distance is that to one of them"
            )
        embedding = embedding.astype(np.float64)
        there = labels[:, labels.any(axis=0)].astype(np.float64)
        means = there.T @ embedding / there.sum(axis=0)[:, None]
        clips, classes = np.nonzero(there)
        residuals = embedding[clips] - means[classes]
        precision = LedoitWolf(assume_centered=True).fit(residuals).precision_
        values, vectors = eigh(precision)
        # An embedding that never varies has no precision: its distances are 0, not an error.
        root = vectors * np.sqrt(values.clip(0.0))
        nearest = NearestNeighbors(n_neighbors=k).fit(normalize(embedding))
        return cls(root, means, nearest)

    def scores(self, embedding: np.ndarray) -> dict[str, np.ndarray]:
        """`DISTANCES` of embeddings (N, E): (N,) float64 each, not negative."""
        embedding = embedding.astype(np.float64)
        if not len(embedding):
            return {name: np.empty(0) for name in DISTANCES}
        of_classes = cdist(embedding @ self.root, self.means @ self.root)
        of_neighbours, _ = self.neighbours.kneighbors(normalize(embedding))
        return {"mahalanobis": of_classes.min(axis=1), "nearest_neighbours": of_neighbours[:, -1]}


def ood_scores(embeddings: Embeddings, k: int) -> tuple[dict[str, np.ndarray], ...]:
    """`SCORES` of the test clips and of the clips outside, (N,) each."""
    training = embeddings.training
    distances = Distances.fit(training.embedding, training.labels, k)

    def of(clips: Clips) -> dict[str, np.ndarray]:
        logits = logit_scores(clips.mean_logits, embeddings.task)
        return logits | distances.scores(clips.embedding)

    return of(embeddings.test), of(embeddings.outside)
