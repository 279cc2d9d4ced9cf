"""The Laplace approximation against the full Hessian by autograd, dense matrices, and the exact
posterior of a logistic regression."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from vipann.evaluation.laplace import (
    Curvature,
    curvature_of,
    most_likely_precision,
    precision_of_validation,
    precision_of_weights,
    predictive,
    probability_of,
    with_one,
)

TASKS = ("multiclass", "multilabel")


def layer(seed=0, clips=12, size=3, classes=4):
    """Inputs (N, D) with their last column of ones, weights (C, D), logits (N, C)."""
    rng = np.random.default_rng(seed)
    inputs = with_one(rng.normal(size=(clips, size)).astype(np.float32))
    weights = rng.normal(size=(classes, size + 1))
    return inputs, weights, inputs @ weights.T


def hessian(inputs, weights, task):
    """(C D, C D), of the summed NLL in the weights, row by row of (C, D), by autograd."""
    x = torch.tensor(inputs)
    labels = torch.tensor(np.arange(len(inputs)) % len(weights))

    def loss(w):
        logits = x @ w.view(len(weights), -1).T
        if task == "multiclass":
            return torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        truth = torch.nn.functional.one_hot(labels, len(weights)).double()
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="sum")

    return torch.autograd.functional.hessian(loss, torch.tensor(weights.ravel())).numpy()


def dense(curvature):
    """The matrix (C D, C D) that a curvature stands for."""
    dimensions, classes = curvature.eigenvalues.shape
    inputs = np.eye(dimensions) if curvature.inputs is None else curvature.inputs
    outputs = np.eye(classes) if curvature.outputs is None else curvature.outputs
    basis = np.kron(outputs, inputs)
    return basis @ np.diag(curvature.eigenvalues.T.ravel()) @ basis.T


@pytest.mark.parametrize("task", TASKS)
def test_the_diagonal_is_that_of_the_hessian(task):
    inputs, weights, logits = layer()
    found = dense(curvature_of(inputs, logits, task, "diagonal"))
    np.testing.assert_allclose(found, np.diag(np.diag(hessian(inputs, weights, task))), atol=1e-10)


@pytest.mark.parametrize("task", TASKS)
def test_the_kronecker_product_of_one_clip_is_the_hessian(task):
    inputs, weights, logits = layer(clips=1)
    found = dense(curvature_of(inputs, logits, task, "kronecker"))
    np.testing.assert_allclose(found, hessian(inputs, weights, task), atol=1e-10)


@pytest.mark.parametrize("task", TASKS)
def test_the_kronecker_product_is_exact_where_all_clips_have_the_same_probabilities(task):
    inputs, weights, _ = layer()
    weights[:, :-1] = 0
    found = dense(curvature_of(inputs, inputs @ weights.T, task, "kronecker"))
    np.testing.assert_allclose(found, hessian(inputs, weights, task), atol=1e-9)


@pytest.mark.parametrize("structure", ["kronecker", "diagonal"])
@pytest.mark.parametrize("task", TASKS)
def test_covariances_and_evidence_are_those_of_the_dense_matrix(task, structure):
    inputs, weights, logits = layer()
    curvature, precision = curvature_of(inputs, logits, task, structure), 0.7
    posterior = dense(curvature) + precision * np.eye(weights.size)
    new = layer(seed=1, clips=5)[0]
    jacobian = np.array([np.kron(np.eye(len(weights)), x) for x in new])
    expected = jacobian @ np.linalg.inv(posterior) @ jacobian.transpose(0, 2, 1)
    found = curvature.covariances(new, precision)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    gain = 0.5 * weights.size * np.log(precision) - 0.5 * precision * (weights**2).sum()
    gain -= 0.5 * np.linalg.slogdet(posterior)[1]
    assert curvature.log_evidence(weights, precision) == pytest.approx(gain)


def test_a_part_of_the_training_clips_stands_for_all_of_them():
    inputs, _, logits = layer()
    for structure in ("kronecker", "diagonal"):
        twice = (np.concatenate([values, values]) for values in (inputs, logits))
        all_of_them = curvature_of(*twice, "multiclass", structure)
        half = curvature_of(inputs, logits, "multiclass", structure, scale=2.0)
        np.testing.assert_allclose(dense(half), dense(all_of_them), atol=1e-9)


@given(st.integers(0, 10_000), st.sampled_from(TASKS), st.floats(0.01, 10))
@settings(max_examples=25, deadline=None)
def test_more_prior_precision_means_less_variance(seed, task, precision):
    inputs, _, logits = layer(seed)
    for structure in ("kronecker", "diagonal"):
        curvature = curvature_of(inputs, logits, task, structure)
        wide, narrow = (curvature.variances(inputs, p) for p in (precision, 2 * precision))
        assert (narrow < wide).all()
        # Without a single clip the posterior is the prior.
        prior = (inputs**2).sum(axis=1, keepdims=True) / precision
        assert (wide <= prior * (1 + 1e-9)).all()


def test_samples_have_the_covariance_that_is_stated():
    inputs, _, logits = layer(clips=2)
    curvature = curvature_of(inputs, logits, "multiclass", "kronecker")
    stated = curvature.covariances(inputs, 0.5)
    draws = 4000
    deviations = np.sqrt(curvature.variances(inputs, 0.5))
    rng = np.random.default_rng(0)
    drawn = deviations * rng.standard_normal((draws, *deviations.shape)) @ curvature.outputs.T
    found = np.einsum("sni,snj->nij", drawn, drawn) / draws
    np.testing.assert_allclose(found, stated, atol=0.08 * stated.max())


def test_predictions_without_variance_are_the_networks():
    inputs, _, logits = layer()
    for task in TASKS:
        curvature = curvature_of(inputs, logits, task, "kronecker")
        found = predictive(curvature, inputs, logits, 1e12, task, 5, 0)
        np.testing.assert_allclose(found.mean_probability, probability_of(logits, task), atol=1e-5)
        assert found.epistemic.max() < 1e-6
        wide = predictive(curvature, inputs, logits, 0.1, task, 200, 0)
        assert (wide.epistemic > 1e-3).all()
        assert (wide.total >= wide.aleatoric).all()


def test_a_clip_far_from_the_training_clips_is_more_uncertain():
    inputs, _, logits = layer()
    curvature = curvature_of(inputs, logits, "multiclass", "kronecker")
    # Along one direction, so that the mean logits cannot hide it.
    near = curvature.variances(inputs[:1], 1.0)
    far = curvature.variances(inputs[:1] * [[10.0, 10.0, 10.0, 1.0]], 1.0)
    assert (far > near).all()


def test_the_likeliest_precision_is_mackays_fixed_point():
    """precision = (number of well-determined weights) / (sum of the weights' squares)."""
    weights = np.random.default_rng(0).normal(0, 0.5, (20, 30))
    determined = Curvature(np.full((30, 20), 1e9), None, None)
    found = most_likely_precision(determined, weights)
    assert found == pytest.approx(precision_of_weights(weights), rel=1e-4)
    assert precision_of_weights(np.array([[2.0, 0.0]])) == 0.5
    inputs, weights, logits = layer(clips=40)
    curvature = curvature_of(inputs, logits, "multiclass", "kronecker")
    found = most_likely_precision(curvature, weights)
    number = (curvature.eigenvalues / (curvature.eigenvalues + found)).sum()
    assert found == pytest.approx(number / (weights**2).sum(), rel=1e-4)


def test_the_likeliest_precision_beats_all_others():
    inputs, weights, logits = layer(clips=40)
    for task in TASKS:
        curvature = curvature_of(inputs, logits, task, "diagonal")
        best = curvature.log_evidence(weights, most_likely_precision(curvature, weights))
        others = [curvature.log_evidence(weights, p) for p in np.geomspace(1e-4, 1e6, 500)]
        assert best >= max(others) - 1e-9


def test_validation_clips_choose_doubt_where_the_network_errs():
    inputs, _, logits = layer(clips=30)
    curvature = curvature_of(inputs, logits, "multiclass", "kronecker")
    right = np.eye(4, dtype=np.uint8)[logits.argmax(axis=1)]
    wrong = np.eye(4, dtype=np.uint8)[logits.argmin(axis=1)]
    sure, doubtful = (
        precision_of_validation(curvature, inputs, logits, labels, "multiclass", 20, 0)
        for labels in (right, wrong)
    )
    assert doubtful < sure


@pytest.mark.parametrize(("structure", "within"), [("kronecker", 0.02), ("diagonal", 0.05)])
def test_predictions_are_near_those_of_the_exact_posterior(structure, within):
    """A logistic regression of one input and a bias: its posterior by integration on a grid."""
    rng = np.random.default_rng(5)
    precision, x = 0.5, rng.normal(size=60)
    labels = (rng.random(60) < expit(1.2 * x - 0.3)).astype(float)
    inputs = with_one(x[:, None])

    def energy(w):
        logits = inputs @ w
        likelihood = labels * log_expit(logits) + (1 - labels) * log_expit(-logits)
        return -likelihood.sum() + 0.5 * precision * w @ w

    weights = minimize(energy, np.zeros(2), tol=1e-10).x
    axes = [np.linspace(w - 3, w + 3, 121) for w in weights]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    logs = np.array([-energy(w) for w in grid])
    mass = np.exp(logs - logs.max())
    mass /= mass.sum()
    new = with_one(np.array([[-4.0], [-1.0], [0.0], [1.0], [4.0]]))
    exact = mass @ expit(grid @ new.T)
    logits = (inputs @ weights)[:, None]
    curvature = curvature_of(inputs, logits, "multilabel", structure)
    arguments = curvature, new, (new @ weights)[:, None], precision, "multilabel"
    found = predictive(*arguments, 4000, 0).mean_probability[:, 0]
    np.testing.assert_allclose(found, exact, atol=within)
    # Less sure than the point weights, as the exact posterior is.
    assert found[-1] < expit(new[-1] @ weights)
