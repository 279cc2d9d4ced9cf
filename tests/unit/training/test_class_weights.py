"""Losses weighted by the classes' inverse frequency, from the formula to the stages."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from recipes import pretrain, recipe
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from vipann.features.store import FeatureStore
from vipann.models.checkpoints import load_checkpoint
from vipann.recipes import annotated_keys
from vipann.training.objective import (
    ClassifierTraining,
    class_weights_of,
    classification_loss,
    inverse_frequency,
)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40))
def test_they_are_scikit_learns_where_a_clip_has_one_label(targets):
    present = np.unique(targets)
    labels = (np.array(targets)[:, None] == present).astype(np.uint8)
    expected = compute_class_weight("balanced", classes=present, y=targets)
    np.testing.assert_allclose(inverse_frequency(labels).numpy(), expected, rtol=1e-6)


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 5)), elements=st.integers(0, 1))
)
def test_classes_with_clips_count_alike(labels):
    weights, clips = inverse_frequency(labels).double().numpy(), labels.sum(axis=0)
    assert np.isfinite(weights).all()
    of_class = (weights * clips)[clips > 0]
    np.testing.assert_allclose(of_class, clips.sum() / labels.shape[1], rtol=1e-6)
    # A class without a clip: as if it had one.
    np.testing.assert_allclose(weights[clips == 0], clips.sum() / labels.shape[1], rtol=1e-6)


def test_weighted_losses_equal_their_formulas():
    logits, weights = torch.tensor([[2.0, -1.0], [0.0, 3.0]]), torch.tensor([0.5, 4.0])
    labels = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    log_p = logits - torch.logsumexp(logits, 1, keepdim=True)
    expected = -(weights * labels * log_p).sum(1).mean()
    found = classification_loss(logits, labels, "multiclass", weights)
    torch.testing.assert_close(found, expected)
    p = logits.sigmoid()
    expected = -(weights * (labels * p.log() + (1 - labels) * (1 - p).log())).mean()
    found = classification_loss(logits, labels, "multilabel", weights)
    torch.testing.assert_close(found, expected)


class _Clips:
    labels = np.array([[1, 0], [1, 0], [1, 1]], np.uint8)


def test_a_training_descends_the_weighted_loss_and_keeps_the_same_state():
    network = nn.Linear(3, 2)
    network.forward = lambda x, augment: nn.Linear.forward(network, x)
    batch = torch.randn(4, 3), torch.eye(2)[[0, 1, 1, 0]]
    plain = recipe()
    weighted = recipe(class_weights="inverse_frequency")
    assert class_weights_of(plain, _Clips) is None
    weights = class_weights_of(weighted, _Clips)
    torch.testing.assert_close(weights, torch.tensor([4 / 6, 4 / 2]))
    module = ClassifierTraining(network, weighted, "multilabel", class_weights=weights)
    expected = classification_loss(network(batch[0], None), batch[1], "multilabel", weights)
    torch.testing.assert_close(module(batch)["objective"], expected)
    assert module.state_dict().keys() == {"network.weight", "network.bias"}


def test_it_reaches_pretraining_from_its_settings(multilabel, upstream_settings, tmp_path):
    states = {}
    for name in ("none", "inverse_frequency"):
        settings = json.loads(json.dumps(upstream_settings))
        settings["training"] |= {"class_weights": name}
        out = tmp_path / f"{name}.safetensors"
        pretrain("det", multilabel, None, settings, out)
        states[name], facts = load_checkpoint(out)
        assert facts["settings"]["training"]["class_weights"] == name
    with FeatureStore(multilabel) as store:
        counts = store.labels[store.rows(split="train")].sum(axis=0)
    assert counts.min() < counts.max()
    plain, weighted = (states[name]["head.fc_audioset.weight"] for name in states)
    assert not torch.equal(plain, weighted)


@pytest.mark.parametrize("block", ["pretrain", "transfer", "scratch"])
def test_it_is_a_key_of_every_stage(block):
    keys = {(place, name): found.schema for place, name, found in annotated_keys()}
    assert keys[block, "class_weights"]["enum"] == ["none", "inverse_frequency"]
