"""Predictive uncertainty and its split into aleatoric and epistemic parts (equations 1 to 8).

All of it works on torch tensors, where networks are sampled, and on numpy arrays, where the members
of an ensemble take the place of Monte Carlo samples.
"""

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import scipy.special

from vipann.tasks import Task

if TYPE_CHECKING:  # Whoever has arrays does without the seconds that torch takes to import.
    from torch import Tensor

Array = TypeVar("Array", "Tensor", np.ndarray)


def probabilities(logits: "Tensor", task: Task) -> "Tensor":
    """Logits (..., C) to probabilities in [0, 1]: softmax, or a sigmoid per class; float64."""
    logits = logits.double()
    return logits.softmax(-1) if task == "multiclass" else logits.sigmoid()


def entropy(p: Array, task: Task) -> Array:
    """Entropy in nats of probabilities (..., C): shape (...).

    multiclass: -sum p ln p, in [0, ln C] (equation 2). multilabel: the sum over classes of the
    binary entropies, in [0, C ln 2] (equation 6, with the sum over classes that its print lacks).
    """
    if isinstance(p, np.ndarray):
        entr = scipy.special.entr
    else:
        import torch

        entr = torch.special.entr
    terms = entr(p)
    if task == "multilabel":
        terms = terms + entr(1.0 - p)
    return terms.sum(-1)


class Decomposition(Generic[Array]):
    """Running means over Monte Carlo samples; memory does not grow with their number."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.samples = 0
        self._sum_p: Any = 0.0
        self._sum_entropy: Any = 0.0

    def add(self, p: Array) -> None:
        """Count the probabilities of one sample, (B, C) float64, or of several, (S, B, C)."""
        p = p.reshape(-1, *p.shape[-2:])
        self._sum_p = self._sum_p + p.sum(0)
        self._sum_entropy = self._sum_entropy + entropy(p, self.task).sum(0)
        self.samples += len(p)

    @property
    def mean_probability(self) -> Array:
        """(B, C), equation 1."""
        return self._sum_p / self.samples

    @property
    def total(self) -> Array:
        """(B,): entropy of the mean prediction, equations 2 and 6."""
        return entropy(self.mean_probability, self.task)

    @property
    def aleatoric(self) -> Array:
        """(B,): mean entropy of the predictions, equations 4 and 7."""
        return self._sum_entropy / self.samples

    @property
    def epistemic(self) -> Array:
        """(B,): mutual information, total minus aleatoric, equations 3 and 8; >= 0."""
        return (self.total - self.aleatoric).clip(0.0)
