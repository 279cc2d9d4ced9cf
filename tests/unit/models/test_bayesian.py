"""Flipout, MOPED and KL against bayesian-torch, torch.distributions and formulas."""

import copy

import pytest
import torch
from bayesian_torch.models.dnn_to_bnn import dnn_to_bnn, get_kl_loss
from torch import nn
from torch.distributions import Normal
from torch.distributions import kl_divergence as reference_kl

from vipann.config import merge
from vipann.errors import UserError
from vipann.models.bayesian import flipout_layers, kl_divergence, to_flipout
from vipann.models.checkpoints import load_checkpoint, save_checkpoint
from vipann.models.flipout import posteriors
from vipann.models.gaussian import GaussianKl
from vipann.models.strategies import (
    build_network,
    build_transferred,
    freeze_backbone,
    is_random_at_inference,
    load_backbone,
    moped_from,
    rebuild,
)


@pytest.fixture
def small(small_network):
    """A prior other than N(0, 1), so that no term of the KL drops out unseen."""
    return merge(small_network, {"bayesian": {"prior_mu": 0.1, "prior_sigma": 0.7}})


def untouched(network, settings):
    """The same posteriors in a network of bayesian-torch's own layers."""
    twin = build_network("det", 3, settings)
    dnn_to_bnn(twin, settings["bayesian"] | {"type": "Flipout", "moped_enable": False})
    twin.load_state_dict(network.state_dict(), strict=False)
    return twin


@pytest.mark.parametrize("rho", [None, -12.0, 12.0])
def test_kl_mean_equals_bayesian_torchs_own_layers_and_so_do_its_gradients(small, rho):
    network = build_network("flip", 3, small).double()
    if rho is not None:
        for layer in flipout_layers(network):
            for posterior in posteriors(layer):
                nn.init.normal_(posterior.rho, rho)
    other = untouched(network, small).double()
    assert not {type(layer) for layer in flipout_layers(network)} & set(map(type, other.modules()))
    ours, theirs = kl_divergence(network, "mean"), get_kl_loss(other)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)
    ours.backward()
    theirs.backward()
    found = dict(network.named_parameters())
    compared = {k: p.grad for k, p in other.named_parameters() if p.grad is not None}
    assert len(compared) == 2 * sum(len(posteriors(layer)) for layer in flipout_layers(network))
    for name, gradient in compared.items():
        torch.testing.assert_close(found[name].grad, gradient, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_kl_passes_gradcheck(reduction):
    torch.manual_seed(0)
    layer = to_flipout_layer()
    mu, rho = (p.detach().requires_grad_() for p in (layer.mu_weight, layer.rho_weight))
    prior = torch.tensor(0.1).double(), torch.tensor(0.7).double()
    apply = GaussianKl.apply
    assert torch.autograd.gradcheck(
        lambda m, r: apply(m, r, *prior, reduction == "mean"), (mu, rho)
    )


def to_flipout_layer():
    settings = {"prior_mu": 0, "prior_sigma": 1, "posterior_mu_init": 0, "posterior_rho_init": -1}
    network = nn.Sequential(nn.Linear(4, 3))
    to_flipout(network, settings)
    return network[0].double()


def test_kl_sum_equals_torch_distributions(small):
    network = build_network("flip", 3, small).double()
    expected = sum(
        reference_kl(
            Normal(p.mu, torch.log1p(torch.exp(p.rho))),
            Normal(p.prior_mu.expand_as(p.mu), p.prior_sigma.expand_as(p.mu)),
        ).sum()
        for layer in flipout_layers(network)
        for p in posteriors(layer)
    )
    ours = kl_divergence(network, "sum")
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=0)
    wanted = [q for layer in flipout_layers(network) for p in posteriors(layer) for q in p[:2]]
    for a, b in zip(
        torch.autograd.grad(ours, wanted), torch.autograd.grad(expected, wanted), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)


def test_kl_of_a_frozen_backbone_counts_the_head_alone(small):
    network = build_transferred("flip", 3, small)
    whole = kl_divergence(network).item()
    freeze_backbone(network)
    head = kl_divergence(network.head).item()
    assert kl_divergence(network).item() == pytest.approx(head)
    assert head < whole


@pytest.mark.parametrize("prior", ["unit", "weights"])
def test_moped_keeps_means_bit_for_bit_and_sets_sigma_to_delta_times_weight(small, prior):
    small["moped"]["prior"] = prior
    det = build_network("det", 3, small)
    for buffer in det.buffers():
        buffer.add_(1)
    state = det.state_dict()
    flip = moped_from(state, 3, small)
    for name, layer in flip.named_modules():
        if layer in set(flipout_layers(flip)):
            posterior = posteriors(layer)[0]
            weight = state[f"{name}.weight"]
            assert torch.equal(posterior.mu, weight)
            sigma = nn.functional.softplus(posterior.rho)
            torch.testing.assert_close(sigma, 0.5 * weight.abs(), rtol=1e-4, atol=1e-6)
            centre = weight if prior == "weights" else torch.full_like(weight, 0.1)
            torch.testing.assert_close(posterior.prior_mu.expand_as(weight), centre)
    carried = {k for k in state if ".bn" in k or k.startswith("encoder.bn0") or "downsample" in k}
    carried = {k for k in carried if k in flip.state_dict()}
    assert len(carried) > 20
    assert all(torch.equal(flip.state_dict()[k], state[k]) for k in carried)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weights_of_exactly_zero_leave_moped_trainable(small, reduction):
    det = build_network("det", 3, small)
    assert (det.head.fc1.bias == 0).all()
    flip = moped_from(det.state_dict(), 3, small)
    kl = kl_divergence(flip, reduction)
    kl.backward()
    assert torch.isfinite(kl)
    assert all(torch.isfinite(p.grad).all() for p in flip.parameters() if p.grad is not None)


@pytest.mark.parametrize("prior", ["unit", "weights"])
def test_flipout_checkpoint_holds_priors_and_no_noise(small, prior, tmp_path):
    small["moped"]["prior"] = prior
    flip = moped_from(build_network("det", 3, small).state_dict(), 3, small)
    facts = {"strategy": "flip", "phase": "moped", "classes": list("abc"), "settings": small}
    save_checkpoint(flip, tmp_path / "flip.safetensors", facts)
    state, read = load_checkpoint(tmp_path / "flip.safetensors")
    assert not [name for name in state if "eps" in name]
    again = rebuild(read, state)
    assert kl_divergence(again, "sum") == kl_divergence(flip, "sum")
    clips = torch.randn(2, 64, 64)
    outputs = []
    for network in (flip, again):
        torch.manual_seed(0)
        outputs.append(network.eval()(clips))
    assert torch.equal(*outputs)


def test_backbone_of_another_size_is_refused_and_every_difference_listed(small):
    wide = copy.deepcopy(small)
    wide["model"]["resnet54"]["width"] = 4
    with pytest.raises(
        UserError, match=r"shape of encoder.bn0|shape of encoder.conv_block1.conv1.weight"
    ):
        load_backbone(
            build_transferred("det", 3, small), build_network("det", 9, wide).state_dict()
        )
    with pytest.raises(UserError, match=r"missing: encoder.conv_block1.conv1.mu_kernel"):
        load_backbone(
            build_transferred("flip", 3, small), build_network("det", 9, small).state_dict()
        )


def test_transfer_keeps_the_backbone_and_renews_the_head(small):
    upstream = build_network("det", 9, small).state_dict()
    network = build_transferred("det_flip", 3, small)
    load_backbone(network, upstream)
    state = network.state_dict()
    assert all(torch.equal(state[k], v) for k, v in upstream.items() if not k.startswith("head"))
    assert state["head.fc1.mu_weight"].shape == (64, 64)
    assert state["head.fc_audioset.mu_weight"].shape == (3, 64)


@pytest.mark.parametrize(
    ("strategy", "random"), [("det", False), ("drop", True), ("det_flip", True), ("flip", True)]
)
def test_which_strategies_are_random_at_inference(small, strategy, random):
    network = build_network(strategy, 3, small).eval()
    clips = torch.randn(2, 64, 64)
    assert is_random_at_inference(network) == random
    assert torch.equal(network(clips), network(clips)) != random


def test_flipout_layer_has_the_mean_and_variance_of_its_posterior(small):
    layer = nn.Sequential(nn.Linear(3, 2))
    to_flipout(layer, small["bayesian"], moped_delta=0.5)
    x = torch.tensor([[1.0, -2.0, 0.5]])
    with torch.no_grad():
        draws = torch.stack([layer(x)[0] for _ in range(20000)])
    weight, bias = posteriors(layer[0])
    sigma = nn.functional.softplus(weight.rho)
    mean = nn.functional.linear(x, weight.mu, bias.mu)[0]
    variance = nn.functional.linear(x**2, sigma**2, nn.functional.softplus(bias.rho) ** 2)[0]
    torch.testing.assert_close(
        draws.mean(0), mean, atol=4 * float((variance / 2e4).sqrt().max()), rtol=0
    )
    torch.testing.assert_close(draws.var(0), variance, rtol=0.06, atol=0)
