"""Batch norm of large batches on a CPU against float64, and its being torch's own elsewhere."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from vipann.models import batch_norm
from vipann.models.batch_norm import RIGHT, BatchNorm2d, mend_batch_norm, statistics
from vipann.models.strategies import network_of

# 32 clips of 5 s have as many values a channel before mn04's first convolution of stride 2.
LARGE = (16, 3, 1024, 64)


def channels_last(shape, dtype=torch.float32, seed=0):
    x = torch.empty(shape).normal_(generator=torch.Generator().manual_seed(seed))
    return (x * 2 + 1).to(dtype).to(memory_format=torch.channels_last)


def pair(channels, **settings):
    """torch's and ours, with the same scales and shifts."""
    both = nn.BatchNorm2d(channels, **settings), BatchNorm2d(channels, **settings)
    for norm in both:
        nn.init.constant_(norm.weight, 1.5)
        nn.init.constant_(norm.bias, -0.5)
    return both


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def relative(found, expected):
    return float(((found.double() - expected) / expected).abs().max())


@pytest.mark.usefixtures("one_thread")
def test_the_variance_of_a_large_batch_is_that_of_float64():
    x = channels_last(LARGE)
    variance = x.double().var((0, 2, 3))
    torchs, ours = pair(3, momentum=1.0)
    with torch.no_grad():
        torchs(x), ours(x)
    assert relative(torchs.running_var, variance) > 1e-4  # or this module is not needed any more
    assert relative(ours.running_var, variance) < 3e-6
    assert relative(ours.running_mean, x.double().mean((0, 2, 3))) < 3e-6
    assert ours.num_batches_tracked == 1


def test_outputs_and_gradients_of_a_large_batch_are_those_of_float64():
    x = channels_last(LARGE).requires_grad_()
    grad = channels_last(LARGE, seed=1)
    torchs, ours = pair(3)
    doubles = x.detach().double().contiguous().requires_grad_()
    expected = torchs.double()(doubles)
    expected.backward(grad.double())
    out = ours(x)
    out.backward(grad)
    assert out.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(out.double(), expected, atol=2e-5, rtol=0)
    torch.testing.assert_close(x.grad.double(), doubles.grad, atol=1e-4, rtol=0)
    for name in ("weight", "bias"):
        found, right = (getattr(norm, name).grad for norm in (ours, torchs))
        torch.testing.assert_close(found.double(), right, rtol=1e-4, atol=0)


def test_the_gradient_is_that_of_its_outputs(monkeypatch):
    monkeypatch.setattr(batch_norm, "RIGHT", 4)
    monkeypatch.setattr(batch_norm, "BLOCK", 4)
    norm = pair(3)[1].double()
    x = channels_last((2, 3, 3, 2), torch.float64).requires_grad_()
    assert norm._mends(x)
    assert torch.autograd.gradcheck(norm, x)
    norm.weight.requires_grad_(False)
    assert torch.autograd.gradcheck(norm, x)


@given(
    rows=st.integers(2, 60),
    channels=st.integers(1, 5),
    block=st.integers(1, 20),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_blocks_of_any_size_give_the_statistics(rows, channels, block, dtype):
    x = (torch.randn(rows, channels) * 3 + 100).to(dtype)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(batch_norm, "BLOCK", block)
        mean, variance = statistics(x)
    assert mean.dtype == variance.dtype == torch.float32
    torch.testing.assert_close(mean.double(), x.double().mean(0), rtol=1e-6, atol=0)
    expected = x.double().var(0, unbiased=False)
    torch.testing.assert_close(variance.double(), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("case", ["small", "contiguous", "inference"])
def test_elsewhere_it_is_torchs_to_the_last_bit(case):
    x = channels_last((8, 2, 64, 64) if case == "small" else (8, 2, 256, 64))
    assert (x.numel() // 2 > RIGHT) == (case != "small")
    if case == "contiguous":
        x = x.contiguous()
    torchs, ours = pair(2)
    for norm in (torchs, ours):
        norm.train(case != "inference")
    assert torch.equal(torchs(x), ours(x))
    for name, value in torchs.state_dict().items():
        assert torch.equal(value, ours.state_dict()[name])


def test_running_statistics_are_the_mean_of_the_batches_without_a_momentum():
    batches = [channels_last((2, 2, 64, 1024)) * scale for scale in (1.0, 3.0)]
    ours = pair(2, momentum=None)[1]
    with torch.no_grad():
        for x in batches:
            ours(x)
    expected = torch.stack([x.double().var((0, 2, 3)) for x in batches]).mean(0)
    assert relative(ours.running_var, expected) < 1e-5


@pytest.mark.parametrize("encoder", ["resnet54", "mn04"])
def test_every_batch_norm_of_a_network_becomes_ours(encoder, small_network):
    network = network_of(small_network["model"] | {"encoder": encoder}, 64, 3)
    before = network.state_dict()
    mend_batch_norm(network)
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert norms
    assert all(type(norm) is BatchNorm2d for norm in norms)
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
