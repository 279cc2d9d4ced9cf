"""Augmentation, batches and the loss against formulas by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vipann.features.batches import BatchOrder, LogmelDataset, scoring_loader, training_loader
from vipann.features.store import FeatureStore
from vipann.training.augment import mix_pairs, mixing_weights, spec_augment
from vipann.training.module import classification_loss, kl_weight


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
    assert (gone.sum(dim=1) <= stripes * width).all()


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


def test_kl_weight_is_one_over_the_clips_or_the_number_given():
    assert kl_weight("1/N", 400) == 1 / 400
    assert kl_weight(0.1, 400) == 0.1


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
            loader = training_loader(clips, BatchOrder(len(clips), 4, 1), 9, workers=workers)
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
