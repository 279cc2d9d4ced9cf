"""A Laplace approximation of a network's last layer: the cheapest Bayesian baseline.

The last layer maps x = (embedding, 1) in D = E + 1 dimensions to C logits by weights W (C, D). At
the trained weights the curvature of the training clips' negative log-likelihood is

    H = sum_n L_n (x) x_n x_n^T,    L_n = diag(p_n) - p_n p_n^T    (a softmax over classes)
                                    L_n = diag(p_n (1 - p_n))      (a sigmoid for each class),

exactly, as the layer is linear. With a prior N(0, 1 / precision) over each weight, the bias
included, the posterior is N(W, (H + precision I)^-1) (MacKay 1992; Daxberger et al. 2021, section
2). H is of C D rows, too many to hold, so that one of two approximations takes its place:

- `kronecker`: (mean_n L_n) (x) (sum_n x_n x_n^T) (Ritter et al. 2018);
- `diagonal`: the diagonal of H.

A Gaussian over the weights is one over a clip's logits, from which samples are drawn: no weights
are drawn. The prior's precision maximises the marginal likelihood
ln p(data | W) + ln p(W | precision) - ln det(H + precision I) / 2, whose first term does not depend
on it, or minimises the NLL of validation clips.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax

from vipann.evaluation.decomposition import Decomposition
from vipann.scores import negative_log_likelihood
from vipann.seeds import derive_seed
from vipann.tasks import Task

Structure = Literal["kronecker", "diagonal"]
# Where the precision is looked for: from next to no prior to one that leaves the weights as they
# are; and the points of a grid over it, four a decade.
PRECISIONS = (1e-4, 1e6)
GRID = 41


@dataclass(frozen=True, eq=False)
class Curvature:
    """H by its eigenvalues (D, C), not negative, of the products of an input direction, a column of
    `inputs` (D, D), with an output direction, of `outputs` (C, C); None for the axes themselves."""

    eigenvalues: np.ndarray
    inputs: np.ndarray | None
    outputs: np.ndarray | None

    def log_evidence(self, weights: np.ndarray, precision: float) -> float:
        """The log marginal likelihood but for terms without the precision; weights: (C, D)."""
        count, size = self.eigenvalues.size, float(np.sum(weights.astype(np.float64) ** 2))
        determinant = np.log(self.eigenvalues + precision).sum()
        return 0.5 * (count * np.log(precision) - precision * size - float(determinant))

    def variances(self, inputs: np.ndarray, precision: float) -> np.ndarray:
        """Posterior variances (N, C) of the logits in the output directions; inputs: (N, D)."""
        inputs = inputs.astype(np.float64)
        turned = inputs if self.inputs is None else inputs @ self.inputs
        return turned**2 @ (1 / (self.eigenvalues + precision))

    def covariances(self, inputs: np.ndarray, precision: float) -> np.ndarray:
        """Posterior covariances (N, C, C) of the logits."""
        outputs = np.eye(self.eigenvalues.shape[1]) if self.outputs is None else self.outputs
        return np.einsum("ij,nj,kj->nik", outputs, self.variances(inputs, precision), outputs)


def with_one(embedding: np.ndarray) -> np.ndarray:
    """Embeddings (N, E) with a last column of ones, which the bias multiplies: (N, E + 1)."""
    return np.pad(embedding.astype(np.float64), ((0, 0), (0, 1)), constant_values=1.0)


def probability_of(logits: np.ndarray, task: Task) -> np.ndarray:
    """Logits (..., C) to probabilities: softmax, or a sigmoid for each class; float64."""
    logits = logits.astype(np.float64)
    return softmax(logits, axis=-1) if task == "multiclass" else expit(logits)


def curvature_of(
    inputs: np.ndarray, logits: np.ndarray, task: Task, structure: Structure, scale: float = 1.0
) -> Curvature:
    """Of training clips: inputs (N, D), logits (N, C). scale: how many clips each stands for."""
    p = probability_of(logits, task)
    if structure == "diagonal":
        return Curvature(scale * (inputs**2).T @ (p * (1 - p)), None, None)
    values, vectors = eigh(scale * inputs.T @ inputs)
    values = values.clip(0.0)
    mean = (p * (1 - p)).mean(axis=0)
    if task == "multilabel":
        return Curvature(np.outer(values, mean), vectors, None)
    of_outputs, outputs = eigh(np.diag(p.mean(axis=0)) - p.T @ p / len(p))
    return Curvature(np.outer(values, of_outputs.clip(0.0)), vectors, outputs)


def predictive(
    curvature: Curvature,
    inputs: np.ndarray,
    logits: np.ndarray,
    precision: float,
    task: Task,
    samples: int,
    seed: int,
) -> Decomposition[np.ndarray]:
    """Equations 1 to 8 over samples of the logits of N clips: inputs (N, D), logits (N, C)."""
    deviations = np.sqrt(curvature.variances(inputs, precision))
    found: Decomposition[np.ndarray] = Decomposition(task)
    for number in range(samples):
        rng = np.random.default_rng(derive_seed(seed, "sample", number))
        drawn = deviations * rng.standard_normal(deviations.shape)
        if curvature.outputs is not None:
            drawn = drawn @ curvature.outputs.T
        found.add(probability_of(logits + drawn, task))
    return found


def precision_of_weights(weights: np.ndarray) -> float:
    """1 / (mean square of the weights), (C, D): the prior under which they themselves are
    likeliest, and the fixed point of MacKay (1992) if data determined all of them."""
    return float(1 / np.mean(weights.astype(np.float64) ** 2))


def most_likely_precision(curvature: Curvature, weights: np.ndarray) -> float:
    """The precision of the largest marginal likelihood, within `PRECISIONS`; weights: (C, D)."""

    def loss(log_precision: float) -> float:
        return -curvature.log_evidence(weights, float(np.exp(log_precision)))

    return _least(loss)


def precision_of_validation(
    curvature: Curvature,
    inputs: np.ndarray,
    logits: np.ndarray,
    labels: np.ndarray,
    task: Task,
    samples: int,
    seed: int,
) -> float:
    """The precision, of a grid over `PRECISIONS`, whose predictive has the least NLL on validation
    clips: inputs (N, D), logits and labels (N, C). All are sampled by the same draws."""

    def loss(precision: float) -> float:
        found = predictive(curvature, inputs, logits, precision, task, samples, seed)
        return float(negative_log_likelihood(labels, found.mean_probability, task).mean())

    return float(min(np.geomspace(*PRECISIONS, GRID), key=loss))


def _least(loss: Callable[[float], float]) -> float:
    """exp of where the loss is least: of a grid, and from there on between its neighbours."""
    grid = np.log(np.geomspace(*PRECISIONS, GRID))
    best = int(np.argmin([loss(point) for point in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)]
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))
