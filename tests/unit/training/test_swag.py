"""SWAG's moments and draws, against the formulas of Maddox et al. (2019)."""

import numpy as np
import pytest
import torch

from vipann.errors import UserError
from vipann.training.swag import moments_of


def iterates(number=6, size=4, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(3.0, 1.0, (number, size))).float()


def test_moments_are_those_of_the_iterates():
    weights = iterates()
    moments = moments_of(weights, rank=3)
    array = weights.double().numpy()
    np.testing.assert_allclose(moments.mean, array.mean(0), rtol=1e-6)
    np.testing.assert_allclose(moments.variance, array.var(0), rtol=1e-5)
    running = np.cumsum(array, axis=0) / np.arange(1, 7)[:, None]
    np.testing.assert_allclose(moments.deviations, (array - running)[-3:], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("low_rank", [True, False])
def test_draws_have_the_covariance_that_is_stated(low_rank):
    moments = moments_of(iterates(), rank=4)
    generator = torch.Generator().manual_seed(1)
    drawn = torch.stack([moments.draw(generator, low_rank) for _ in range(40_000)]).double().numpy()
    d = moments.deviations.double().numpy()
    diagonal = np.diag(moments.variance.double().numpy())
    expected = diagonal / 2 + d.T @ d / (2 * (4 - 1)) if low_rank else diagonal
    np.testing.assert_allclose(drawn.mean(0), moments.mean, atol=0.03)
    np.testing.assert_allclose(np.cov(drawn.T), expected, atol=0.03 * expected.max())


def test_a_draw_follows_from_its_generator():
    moments = moments_of(iterates(), rank=2)
    one, again, other = (moments.draw(torch.Generator().manual_seed(seed)) for seed in (5, 5, 6))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("number", "rank"), [(1, 2), (0, 2), (4, 1)])
def test_too_little_to_have_a_covariance_is_said(number, rank):
    with pytest.raises(UserError, match=r"uncertainty\.swag\.epochs"):
        moments_of(iterates(number), rank)
