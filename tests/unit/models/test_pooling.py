"""Poolings of scores: gradients by the formulas of the thesis (section 4.2.2), and properties."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vipann.models.encoders.frame_mlp import Encoder, Settings
from vipann.models.heads.linear import Head
from vipann.models.heads.linear import Settings as HeadSettings
from vipann.models.network import Network
from vipann.models.pooling import (
    SoftmaxAttention,
    exp_softmax,
    linear_softmax,
    maximum,
    mean,
)

POOLINGS = {
    "maximum": maximum,
    "mean": mean,
    "linear_softmax": linear_softmax,
    "exp_softmax": exp_softmax,
}
scores = arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.integers(1, 3)),
    elements=st.floats(0, 1),
)
apart = arrays(np.float64, (6,), elements=st.floats(0.01, 1), unique=True)


def gradient(pool, y):
    """Of the pooled score by each frame's, (T,)."""
    x = torch.tensor(y[:, None], requires_grad=True)
    pool(x).sum().backward()
    return x.grad[:, 0].numpy(), pool(x).item()


@given(apart)
def test_the_gradient_of_the_maximum_reaches_one_frame(y):
    found, pooled = gradient(maximum, y)
    np.testing.assert_array_equal(found, (y == y.max()).astype(float))
    assert pooled == y.max()


@given(apart)
def test_the_gradient_of_the_mean_is_even(y):
    found, _ = gradient(mean, y)
    np.testing.assert_allclose(found, np.full(6, 1 / 6))


@given(apart)
def test_the_gradient_of_linear_softmax_changes_its_sign_at_half_the_pooled_score(y):
    found, pooled = gradient(linear_softmax, y)
    assert pooled == pytest.approx((y**2).sum() / y.sum())
    np.testing.assert_allclose(found, (2 * y - pooled) / y.sum(), atol=1e-12)
    clear = abs(y - pooled / 2) > 1e-9
    np.testing.assert_array_equal(found[clear] > 0, y[clear] > pooled / 2)


@given(apart)
def test_the_gradient_of_exp_softmax_is_positive_and_smaller_for_smaller_scores(y):
    found, pooled = gradient(exp_softmax, y)
    assert pooled == pytest.approx((y * np.exp(y)).sum() / np.exp(y).sum())
    expected = np.exp(y) * (1 + y - pooled) / np.exp(y).sum()
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert (found > 0).all()
    # Scores that differ in their last digits alone need not.
    in_order = np.argsort(y)
    rises, steps = np.diff(found[in_order]), np.diff(y[in_order])
    assert (rises[steps > 1e-9] > 0).all()


def test_the_gradients_of_attention_are_its_weights_and_how_far_scores_are_above_the_pooled():
    """By scores w_t / sum w; by the layer's outputs a_t, whose exponentials the weights are,
    w_t (y_t - y)."""
    torch.manual_seed(0)
    pool = SoftmaxAttention(3, 5).double()
    y = torch.rand(2, 6, 3, dtype=torch.float64, requires_grad=True)
    frames = torch.randn(2, 6, 5, dtype=torch.float64)
    kept = []
    pool.attention.register_forward_hook(lambda *a: kept.append(a[2]) or a[2].retain_grad())
    pooled = pool(y, frames)
    pooled.sum().backward()
    raised = np.exp((frames @ pool.attention.weight.T + pool.attention.bias).detach().numpy())
    weights = raised / raised.sum(axis=1, keepdims=True)
    by_hand = (weights * y.detach().numpy()).sum(axis=1)
    np.testing.assert_allclose(pooled.detach().numpy(), by_hand, rtol=1e-9)
    np.testing.assert_allclose(y.grad.numpy(), weights, rtol=1e-9)
    above = weights * (y.detach().numpy() - by_hand[:, None])
    np.testing.assert_allclose(kept[0].grad.numpy(), above, atol=1e-12)


@pytest.mark.parametrize("name", [*POOLINGS, "softmax_attention"])
def test_gradients_are_those_of_finite_differences(name):
    rng = np.random.default_rng(3)
    # Frames of the maximum further apart than the differences.
    y = rng.permuted(np.linspace(0.05, 0.95, 24).reshape(2, 4, 3), axis=1)
    x = torch.tensor(y, requires_grad=True)
    if name == "softmax_attention":
        frames = torch.tensor(rng.normal(size=(2, 4, 5)), requires_grad=True)
        assert torch.autograd.gradcheck(SoftmaxAttention(3, 5).double(), (x, frames))
    else:
        assert torch.autograd.gradcheck(POOLINGS[name], (x,))


@pytest.mark.parametrize("name", POOLINGS)
@given(scores)
def test_what_is_pooled_lies_between_the_frames_in_any_order(name, y):
    pool = POOLINGS[name]
    pooled = pool(torch.tensor(y)).numpy()
    assert (pooled >= y.min(axis=0) - 1e-12).all()
    assert (pooled <= y.max(axis=0) + 1e-12).all()
    order = np.random.default_rng(0).permutation(len(y))
    np.testing.assert_allclose(pool(torch.tensor(y[order])).numpy(), pooled, atol=1e-12)


@given(scores)
def test_the_poolings_are_in_the_order_of_how_much_they_weigh_large_scores(y):
    """For weights that rise with the scores, y itself more steeply than exp(y) in [0, 1]."""
    found = [POOLINGS[n](torch.tensor(y)).numpy() for n in ("mean", "exp_softmax", "maximum")]
    assert (found[0] <= found[1] + 1e-12).all()
    assert (found[1] <= found[2] + 1e-12).all()
    linear = POOLINGS["linear_softmax"](torch.tensor(y)).numpy()
    assert (found[1] <= linear + 1e-7).all()


@pytest.mark.parametrize("constant", [0.0, 1e-30, 1e-9, 0.3, 1.0])
@pytest.mark.parametrize("name", POOLINGS)
def test_equal_frames_are_pooled_to_themselves_with_finite_gradients(name, constant):
    x = torch.full((10, 1), constant, requires_grad=True)
    pooled = POOLINGS[name](x)
    pooled.sum().backward()
    torch.testing.assert_close(pooled, torch.tensor([constant]), rtol=1e-5, atol=0)
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("pool", [*POOLINGS.values(), SoftmaxAttention], ids=lambda p: p.__name__)
def test_a_network_learns_through_scores_that_underflow(pool):
    torch.manual_seed(0)
    made = SoftmaxAttention(3, 8) if isinstance(pool, type) else pool
    head = Head(8, 3, HeadSettings(), False)
    network = Network(Encoder(Settings(hidden=8), 4), made, head, 3, "scores")
    with torch.no_grad():
        network.head.fc.bias[0] = -200
    logits = network(torch.randn(5, 6, 4))
    assert logits.shape == (5, 3)
    assert logits.isfinite().all()
    torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.ones(5, 3)).backward()
    grads = [p.grad for p in network.parameters()]
    assert all(g is not None and g.isfinite().all() for g in grads)
    assert network.head.fc.weight.grad[1].abs().sum() > 0
