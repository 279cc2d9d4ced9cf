"""Augmentation, batches and the loss against formulas by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recipes import recipe
from torch.distributions import Normal, kl_divergence

from vipann.features.batches import LogmelDataset, batch_loader, scoring_loader
from vipann.features.store import FeatureStore
from vipann.models.bayesian import flipout_layers
from vipann.models.flipout import posteriors
from vipann.models.strategies import build_network
from vipann.training.augmentation import mix_pairs, mixing_weights, spec_augment
from vipann.training.objective import ClassifierTraining, classification_loss, kl_weight
from vipann.training.sampling import BatchOrder, Shares

NO_STRIPES = {"time_stripes": 0, "time_width": 0, "mel_stripes": 0, "mel_width": 0}


@given(stripes=st.integers(0, 3), width=st.integers(0, 30), seed=st.integers(0, 99))
@settings(deadline=None)
def test_spec_augment_zeroes_whole_stripes_no_wider_than_allowed(stripes, width, seed):
    torch.manual_seed(seed)
    x = spec_augment(
        torch.ones(3, 1, 40, 64),
        {"time_stripes": stripes, "time_width": width, "mel_stripes": 0, "mel_width": 9},
    )
    gone = (x == 0).all(dim=3)[:, 0]
    assert torch.equal(x == 0, (x == 0).all(dim=3, keepdim=True).expand_as(x))
    assert (gone.sum(dim=1) <= stripes * max(width - 1, 0)).all()


def test_widths_of_stripes_are_drawn_evenly_from_0_to_one_less_than_the_setting():
    torch.manual_seed(0)
    stripe = {"time_stripes": 1, "time_width": 6, "mel_stripes": 0, "mel_width": 0}
    x = spec_augment(torch.ones(6000, 1, 40, 4), stripe)
    widths = (x == 0).all(dim=3)[:, 0].sum(dim=1)
    assert widths.bincount().tolist() == pytest.approx([1000] * 6, abs=120)


def test_spec_augment_differs_between_clips():
    torch.manual_seed(0)
    x = spec_augment(
        torch.ones(16, 1, 100, 64),
        {"time_stripes": 2, "time_width": 30, "mel_stripes": 2, "mel_width": 8},
    )
    assert len({tuple(map(int, clip.flatten())) for clip in x}) == 16


def test_mixup_of_pairs_is_the_weighted_sum_with_its_labels():
    x = torch.arange(8.0).view(4, 2)
    mixed = mix_pairs(x, torch.tensor([0.25, 1.0]))
    assert torch.equal(mixed, torch.tensor([[1.5, 2.5], [4.0, 5.0]]))


def test_mixing_weights_follow_the_beta_distribution():
    torch.manual_seed(0)
    weights = mixing_weights(20000, 1.0)
    assert weights.mean() == pytest.approx(0.5, abs=0.01)
    assert weights.var() == pytest.approx(1 / 12, abs=0.003)


def test_losses_equal_their_formulas():
    logits = torch.tensor([[2.0, -1.0], [0.0, 3.0]])
    labels = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    log_p = logits - torch.logsumexp(logits, 1, keepdim=True)
    expected = -(labels * log_p).sum(1).mean()
    torch.testing.assert_close(classification_loss(logits, labels, "multiclass"), expected)
    p = 1 / (1 + torch.exp(-logits))
    expected = -(labels * p.log() + (1 - labels) * (1 - p).log()).mean()
    torch.testing.assert_close(classification_loss(logits, labels, "multilabel"), expected)


@pytest.mark.parametrize("signs", ["element", "channel"])
@pytest.mark.parametrize("scale", ["1/N", 0.07])
@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_with_the_sum_the_objective_is_equation_5(task, scale, signs, settings, request):
    """The negative ELBO written out: log-likelihoods of all clips and classes, and the KL."""
    settings["bayesian"] |= {"signs": signs, "prior_mu": 0.1, "prior_sigma": 0.7}
    settings["kl"] = {"reduction": "sum", "scale": scale}
    with FeatureStore(request.getfixturevalue(task)) as store:
        clips = LogmelDataset(store, store.rows())
        batch = clips[list(range(len(clips)))]
        network = build_network("flip", len(store.classes), settings)
        weight = kl_weight(settings["kl"], len(clips), len(store.classes), task)
        module = ClassifierTraining(network, recipe(), task, weight, "sum").eval()
    torch.manual_seed(5)
    objective = module(batch)["objective"].item()
    torch.manual_seed(5)
    logits, labels = network(batch[0]).double(), batch[1].double()
    posterior = [
        (p.mu, p.rho, p.prior_mu, p.prior_sigma)
        for layer in flipout_layers(network)
        for p in posteriors(layer)
    ]
    kl = sum(
        kl_divergence(Normal(mu, torch.log1p(rho.exp())), Normal(m.expand_as(mu), s)).sum().item()
        for mu, rho, m, s in posterior
    )
    number = len(clips)
    if task == "multiclass":
        log_likelihood = (labels * logits.softmax(1).log()).sum().item()
    else:
        p = 1 / (1 + (-logits).exp())
        log_likelihood = (labels * p.log() + (1 - labels) * (1 - p).log()).sum().item()
        number *= labels.shape[1]
    weight = 1.0 if scale == "1/N" else scale * len(clips)
    assert kl > 100
    assert number * objective == pytest.approx(weight * kl - log_likelihood, rel=1e-5)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_with_the_mean_the_kl_is_weighed_by_the_clips_alone(task):
    """As bayesian-torch's examples write it, whatever the cross-entropy is averaged over."""
    assert kl_weight({"reduction": "mean", "scale": "1/N"}, 400, 527, task) == 1 / 400
    assert kl_weight({"reduction": "mean", "scale": 0.1}, 400, 527, task) == 0.1


def test_scoring_keeps_the_order_and_pairs_clips_with_their_labels(multiclass):
    with FeatureStore(multiclass) as store:
        rows = store.rows(folds=[2])
        batches = list(scoring_loader(LogmelDataset(store, rows), 4))
        assert math.ceil(len(rows) / 4) == len(batches)
        np.testing.assert_array_equal(torch.cat([x for x, _ in batches]), store.read(rows))
        np.testing.assert_array_equal(torch.cat([y for _, y in batches]), store.labels[rows])


@pytest.mark.parametrize("training", [True, False])
def test_workers_change_neither_the_batches_nor_the_generator(multiclass, training):
    """A training must not depend on how many processes read for it."""

    def epochs(store, workers):
        torch.manual_seed(3)
        clips = LogmelDataset(store, store.rows())
        if training:
            loader = batch_loader(clips, Shares(BatchOrder(len(clips), 4, 1), range(9)), workers)
        else:
            loader = scoring_loader(clips, 4, workers)
        found = [batch for _ in range(2) for batch in loader]
        return found, torch.get_rng_state()

    with FeatureStore(multiclass) as store:
        store.read([0])
        alone, state = epochs(store, 0)
        helped, state_helped = epochs(store, 2)
    assert torch.equal(state, state_helped)
    assert len(alone) == len(helped)
    for (x, y), (x_helped, y_helped) in zip(alone, helped, strict=True):
        assert torch.equal(x, x_helped)
        assert torch.equal(y, y_helped)
        assert x.dtype == y.dtype == torch.float32
