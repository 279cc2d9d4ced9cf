"""The lean Flipout layers against bayesian-torch's, the published definition and plain formulas."""

import copy

import pytest
import torch
import torch.nn.functional as F
from bayesian_torch.layers import Conv2dFlipout as TorchConv2dFlipout
from bayesian_torch.layers import LinearFlipout as TorchLinearFlipout
from torch import nn

from vipann.models import flipout, gaussian
from vipann.models.bayesian import to_flipout
from vipann.models.flipout import Conv2dFlipout, LinearFlipout, adopt, fixed_posteriors

DRAWS = 6000
SETTINGS = {"prior_mu": 0.0, "prior_sigma": 1.0, "posterior_mu_init": 0.0, "posterior_rho_init": 0}


def linear(**keys):
    return TorchLinearFlipout(5, 3, posterior_rho_init=0.0, **keys)


def pointwise(**keys):
    return TorchConv2dFlipout(3, 4, 1, posterior_rho_init=0.0, **keys)


def spatial(**keys):
    return TorchConv2dFlipout(2, 3, 3, stride=2, padding=1, posterior_rho_init=0.0, **keys)


def depthwise(**keys):
    return TorchConv2dFlipout(3, 3, 3, padding=1, groups=3, posterior_rho_init=0.0, **keys)


INPUTS = {
    linear: (3, 5),
    pointwise: (2, 3, 2, 3),
    spatial: (2, 2, 4, 6),
    depthwise: (2, 3, 2, 3),
}
MAKERS = pytest.mark.parametrize("make", INPUTS, ids=lambda make: make.__name__)


def lean(layer, signs="element"):
    layer = copy.deepcopy(layer)
    layer.dnn_to_bnn_flag = True
    adopt(layer, signs)
    return layer


def draws(layer, x, grad=True):
    layer.dnn_to_bnn_flag = True
    with torch.set_grad_enabled(grad):
        return torch.stack([layer(x).detach().flatten() for _ in range(DRAWS)]).double()


def assert_same_moments(ours, theirs):
    """Mean, variance and covariance of the outputs, and of their squares, to sampling error.

    The squares of two examples covary only through the weight draw that the batch shares.
    """
    for power in (1, 2):
        a, b = (t - t.mean(0) * (power - 1) for t in (ours, theirs))
        a, b = a**power, b**power
        error = ((a.var(0) + b.var(0)) / DRAWS).sqrt()
        assert ((a.mean(0) - b.mean(0)).abs() < 5 * error).all()
        correlation = torch.corrcoef(a.T) - torch.corrcoef(b.T)
        assert correlation.abs().max() < (0.11 if power == 1 else 0.16)


@pytest.mark.slow
@MAKERS
@pytest.mark.parametrize("bias", [True, False])
def test_element_signs_give_bayesian_torchs_distribution(make, bias):
    torch.manual_seed(1)
    layer = make(bias=bias)
    x = torch.randn(INPUTS[make]) + 1
    ours, theirs = draws(lean(layer), x), draws(layer, x)
    assert_same_moments(ours, theirs)
    first, second = ours.chunk(2, dim=1) if make is not linear else (ours[:, :3], ours[:, 3:6])
    centred = [(t - t.mean(0)).square() for t in (first, second)]
    shared = [
        torch.corrcoef(torch.stack(pair))[0, 1]
        for pair in zip(*(c.T for c in centred), strict=True)
    ]
    assert torch.stack(shared).mean() > 0.02  # the weight draw is one for the whole batch


@pytest.mark.parametrize("bias", [True, False])
def test_without_gradients_a_linear_layers_clip_has_bayesian_torchs_distribution(bias):
    torch.manual_seed(1)
    layer = linear(bias=bias)
    x = torch.randn(1, 5) + 1
    theirs = draws(layer, x, grad=False)
    assert_same_moments(draws(lean(layer), x, grad=False), theirs)
    repeated = x.expand(4, 1, 5)
    ours = draws(lean(layer), repeated, grad=False)
    assert_same_moments(ours[:, 3:6], theirs)
    correlation = torch.corrcoef(ours.T) - torch.eye(12)
    assert correlation.abs().max() < 0.07


@pytest.mark.slow
@pytest.mark.parametrize("make", [pointwise, spatial], ids=lambda make: make.__name__)
def test_channel_signs_give_the_published_distribution(make):
    torch.manual_seed(2)
    layer = make()
    x = torch.randn(INPUTS[make]) + 1

    def published():
        # Wen et al. 2018, section 3.2: one sign per example and channel, of input and output.
        sigmas = [F.softplus(rho) for rho in (layer.rho_kernel, layer.rho_bias)]
        kernel, bias = (sigma * torch.randn_like(sigma) for sigma in sigmas)
        conv = {"stride": layer.stride, "padding": layer.padding}
        s_in = torch.randint(0, 2, (*x.shape[:2], 1, 1)) * 2 - 1
        s_out = torch.randint(0, 2, (len(x), layer.out_channels, 1, 1)) * 2 - 1
        mean = F.conv2d(x, layer.mu_kernel, layer.mu_bias, **conv)
        return (mean + s_out * F.conv2d(x * s_in, kernel, bias, **conv)).flatten()

    with torch.no_grad():
        expected = torch.stack([published() for _ in range(DRAWS)]).double()
    ours = draws(lean(layer, "channel"), x)
    assert_same_moments(ours, expected)
    by_element = draws(lean(layer), x)
    torch.testing.assert_close(ours.var(0), by_element.var(0), rtol=0.2, atol=0)
    assert torch.corrcoef(ours.T)[0, 1].abs() > 0.2
    assert torch.corrcoef(by_element.T)[0, 1].abs() < 0.07


@pytest.mark.parametrize("signs", ["element", "channel"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@MAKERS
def test_gradients_equal_those_of_the_formula(make, bias, signs, layout, monkeypatch):
    torch.manual_seed(3)
    layer = lean(make(bias=bias).double(), signs)
    x = torch.randn(INPUTS[make], dtype=torch.float64)
    if make is not linear:
        x = x.contiguous(memory_format=layout)
    x.requires_grad_()
    masks_drawn, noise_drawn = [], []
    original_mask, original_noise = flipout._sign_mask, gaussian.fill_normal

    def mask(*args):
        masks_drawn.append(original_mask(*args))
        return masks_drawn[-1]

    def noise(flat):
        original_noise(flat)
        noise_drawn.append(flat.clone())

    monkeypatch.setattr(flipout, "_sign_mask", mask)
    monkeypatch.setattr(gaussian, "fill_normal", noise)
    out = layer(x)
    s_in, s_out = (torch.where(mask < 0, -1.0, 1.0).double() for mask in masks_drawn[:2])
    eps = [
        e.as_strided(p.rho.shape, p.rho.stride())
        for e, p in zip(noise_drawn, flipout.posteriors(layer), strict=True)
    ]
    names, parameters = zip(*layer.named_parameters(), strict=True)
    weights = dict(zip(names, parameters, strict=True))
    part = "weight" if make is linear else "kernel"
    delta = [torch.log1p(weights[f"rho_{part}"].exp()) * eps[0]]
    mean = [weights[f"mu_{part}"]]
    if bias:
        delta.append(torch.log1p(weights["rho_bias"].exp()) * eps[1])
        mean.append(weights["mu_bias"])
    keys = {} if make is linear else {k: getattr(layer, k) for k in ("stride", "padding", "groups")}
    apply = F.linear if make is linear else F.conv2d
    expected = apply(x, *mean, **keys) + s_out * apply(x * s_in, *delta, **keys)
    torch.testing.assert_close(out, expected)
    wanted = torch.randn_like(expected)
    ours = torch.autograd.grad((out * wanted).sum(), (x, *parameters))
    theirs = torch.autograd.grad((expected * wanted).sum(), (x, *parameters))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


@MAKERS
@pytest.mark.parametrize("signs", ["element", "channel"])
def test_a_fixed_draw_passes_gradcheck(make, signs):
    torch.manual_seed(4)
    layer = lean(make().double(), signs)
    names = [name for name, _ in layer.named_parameters()]

    def output(x, *values):
        torch.manual_seed(5)
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    x = torch.randn(INPUTS[make], dtype=torch.float64, requires_grad=True)
    values = [p.detach().clone().requires_grad_() for p in layer.parameters()]
    assert torch.autograd.gradcheck(output, (x, *values))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_signs_are_fair_and_independent(dtype):
    torch.manual_seed(4)
    x = torch.empty(64, 10, 30, 50, dtype=dtype)
    mask = flipout._sign_mask(flipout._random_bits(x, False), x, False)
    signs = flipout._flipped(torch.ones_like(x), mask)
    assert signs.dtype == dtype
    signs = signs.double().flatten()
    assert torch.equal(signs.abs(), torch.ones_like(signs))
    limit = 5 / x.numel() ** 0.5
    assert signs.mean().abs() < limit
    words = [15008 * size // 64 // 8 for size in (2, 4, 8)]
    for lag in (1, 2, 10, 31, 32, 63, 64, 1500, 15000, *words, *(2 * w for w in words)):
        assert (signs * signs.roll(lag)).mean().abs() < limit


@MAKERS
@pytest.mark.parametrize("grad", [True, False])
def test_a_seed_repeats_the_draw_and_another_does_not(make, grad):
    layer = lean(make())
    x = torch.randn(INPUTS[make])
    outputs = []
    with torch.set_grad_enabled(grad):
        for seed in (5, 5, 6):
            torch.manual_seed(seed)
            outputs.append(layer(x).detach())
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


@MAKERS
@pytest.mark.parametrize("rho", [100.0, -100.0])
def test_extreme_rho_stays_finite(make, rho):
    layer = lean(make())
    x = torch.randn(INPUTS[make], requires_grad=True)
    for name, parameter in layer.named_parameters():
        if name.startswith("rho"):
            nn.init.constant_(parameter, rho)
    out = layer(x)
    out.sum().backward()
    assert out.isfinite().all()
    assert all(p.grad.isfinite().all() for p in layer.parameters())
    part = layer.mu_weight if make is linear else layer.mu_kernel
    keys = {} if make is linear else {k: getattr(layer, k) for k in ("stride", "padding", "groups")}
    mean = (F.linear if make is linear else F.conv2d)(x, part, layer.mu_bias, **keys)
    near = torch.isclose(out, mean, atol=1e-6).all()
    assert near == (rho < 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_softplus_is_exact_to_rounding(dtype):
    rho = torch.linspace(-80, 120, 40001, dtype=dtype)
    expected = torch.logaddexp(rho.double(), torch.zeros((), dtype=torch.float64))
    torch.testing.assert_close(
        gaussian.stable_softplus(rho).double(), expected, rtol=3 * torch.finfo(dtype).eps, atol=0
    )


@MAKERS
def test_names_are_bayesian_torchs_and_no_noise_is_kept(make):
    layer = make()
    ours = lean(layer)
    assert isinstance(ours, TorchLinearFlipout | TorchConv2dFlipout)
    assert list(ours.state_dict()) == list(layer.state_dict())
    buffers = {name for name, _ in layer.named_buffers() if not name.startswith("eps")}
    assert {name for name, _ in ours.named_buffers()} == buffers
    assert all(
        torch.equal(a, b) for a, b in zip(ours.parameters(), layer.parameters(), strict=True)
    )
    with torch.no_grad():
        ours.eval()(torch.randn(INPUTS[make]))
    assert list(ours.state_dict()) == list(layer.state_dict())


def test_unknown_signs_are_refused():
    with pytest.raises(ValueError, match="element or channel"):
        adopt(TorchLinearFlipout(5, 3), "pixel")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("signs", ["element", "channel"])
def test_channels_last_is_kept(channels, signs):
    layer = TorchConv2dFlipout(channels, 4, 3, padding=1, bias=False)
    adopt(layer, signs)
    x = torch.randn(2, channels, 6, 5).contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    out = layer(x)
    assert out.is_contiguous(memory_format=torch.channels_last)
    out.square().sum().backward()
    assert x.grad.is_contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        assert layer(x).is_contiguous(memory_format=torch.channels_last)


@MAKERS
def test_strided_inputs(make):
    layer = lean(make())
    shape = INPUTS[make]
    wide = torch.randn(*shape[:-1], 2 * shape[-1])
    torch.manual_seed(7)
    expected = layer(wide[..., ::2].contiguous())
    torch.manual_seed(7)
    torch.testing.assert_close(layer(wide[..., ::2]), expected)


@MAKERS
def test_fixed_posteriors_change_no_draw_and_end_with_their_block(make):
    layer = lean(make()).eval()
    x = torch.randn(INPUTS[make])

    def output():
        torch.manual_seed(8)
        with torch.inference_mode():
            return layer(x)

    before = output()
    with fixed_posteriors(layer):
        assert torch.equal(output(), before)
    (layer.rho_weight if make is linear else layer.rho_kernel).data.add_(1)
    assert not torch.equal(output(), before)
    copy.deepcopy(layer)


def test_autocast_runs_in_bfloat16_with_float32_gradients():
    layer = lean(spatial())
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(torch.randn(INPUTS[spatial]))
    assert out.dtype == torch.bfloat16
    out.float().square().sum().backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.any() for p in layer.parameters())


@pytest.mark.parametrize("signs", ["element", "channel"])
@pytest.mark.parametrize("kernel", [1, 3])
def test_in_bfloat16_more_clips_at_a_time_change_nothing(kernel, signs, monkeypatch):
    layer = TorchConv2dFlipout(96, 80, kernel, padding=kernel // 2)
    adopt(layer, signs)
    x = torch.randn(40, 96, 10, 2).contiguous(memory_format=torch.channels_last)
    monkeypatch.setattr(flipout, "_FLOATS_IN_CACHE", 2**12)
    found, taken = [], []
    portions = flipout._portions
    monkeypatch.setattr(
        flipout, "_portions", lambda *about: taken.append(portions(*about)) or taken[-1]
    )
    for packings in (0, 4):
        monkeypatch.setattr(flipout, "_PACKINGS", packings)
        torch.manual_seed(9)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            found.append(layer(x))
    assert len(taken[0]) > len(taken[1])
    # Here to the last bit; other processors may sum in another order.
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("signs", [None, "element", "channel"])
def test_networks_get_lean_layers_with_the_signs_of_the_settings(signs):
    settings = SETTINGS | ({"signs": signs} if signs else {})
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2, 2))
    to_flipout(network, settings)
    layers = [network[0], network[2]]
    assert [type(layer) for layer in layers] == [Conv2dFlipout, LinearFlipout]
    assert {layer.signs for layer in layers} == {signs or "element"}
