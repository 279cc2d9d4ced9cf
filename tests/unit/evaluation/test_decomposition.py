"""The decomposition against numpy in float64 and as properties of equations 1 to 8."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vipann.evaluation.decomposition import Decomposition, entropy, probabilities

LOGITS = arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(2, 5)),
    elements=st.floats(-200, 200, width=32),
)


def decompose(logits, task):
    found = Decomposition(task)
    for sample in logits:
        found.add(probabilities(torch.from_numpy(sample), task))
    return found


@given(logits=LOGITS, task=st.sampled_from(["multiclass", "multilabel"]))
@settings(deadline=None)
def test_parts_add_up_and_stay_in_their_bounds(logits, task):
    found = decompose(logits, task)
    bound = math.log(logits.shape[2]) if task == "multiclass" else logits.shape[2] * math.log(2)
    assert (found.epistemic >= 0).all()
    assert (found.aleatoric >= 0).all()
    assert (found.total <= bound + 1e-9).all()
    torch.testing.assert_close(found.total, found.aleatoric + found.epistemic, rtol=0, atol=1e-9)


@given(logits=LOGITS)
@settings(deadline=None)
def test_equal_to_the_equations_written_in_numpy(logits):
    p = np.exp(logits.astype(np.float64))
    p = np.exp(logits - logits.max(-1, keepdims=True).astype(np.float64))
    p /= p.sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = p.mean(0)
        total = -np.nansum(mean * np.log(mean), -1)
        aleatoric = -np.nansum(p * np.log(p), -1).mean(0)
    found = decompose(logits, "multiclass")
    np.testing.assert_allclose(found.mean_probability, mean, atol=1e-9)
    np.testing.assert_allclose(found.total, total, atol=1e-9)
    np.testing.assert_allclose(found.aleatoric, aleatoric, atol=1e-9)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_one_sample_has_no_epistemic_uncertainty(task):
    found = decompose(np.random.default_rng(0).normal(size=(1, 50, 7)).astype(np.float32), task)
    assert (found.epistemic == 0).all()


def test_certain_predictions_have_no_uncertainty_and_no_nan():
    p = torch.tensor([[0.0, 1.0, 0.0]], dtype=torch.float64)
    assert entropy(p, "multiclass") == 0
    assert entropy(p, "multilabel") == 0


@given(x=st.floats(-50, 50))
def test_two_class_softmax_equals_one_sigmoid(x):
    two = probabilities(torch.tensor([[x, 0.0]]), "multiclass")
    one = probabilities(torch.tensor([[x]]), "multilabel")
    torch.testing.assert_close(entropy(two, "multiclass"), entropy(one, "multilabel"))


def test_disagreement_is_epistemic():
    found = Decomposition("multiclass")
    found.add(torch.tensor([[1.0, 0.0]], dtype=torch.float64))
    found.add(torch.tensor([[0.0, 1.0]], dtype=torch.float64))
    assert float(found.total) == pytest.approx(math.log(2))
    assert float(found.epistemic) == pytest.approx(math.log(2))
    assert float(found.aleatoric) == 0
