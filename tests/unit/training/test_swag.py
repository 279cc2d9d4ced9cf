"""SWAG's moments and draws, against the formulas of Maddox et al. (2019)."""

import copy

import numpy as np
import pytest
import torch
from recipes import pretrain, transfer

from vipann.errors import UserError
from vipann.evaluation.one_training import predict_from_one_training
from vipann.evaluation.predict import predict
from vipann.evaluation.predictions import read_predictions
from vipann.features.store import FeatureStore
from vipann.models.checkpoints import load_checkpoint
from vipann.models.strategies import rebuild
from vipann.training import stages
from vipann.training.stages import Job
from vipann.training.swag import Drawn, moments_of, weights_of

PREDICTING = {"seed": 3, "precision": "float32", "dataset": "own", "scored_dataset": "own"}


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


@pytest.fixture
def epochs(multiclass, multilabel, settings, upstream_settings, tmp_path):
    """Checkpoints of the epochs in which a fine-tuned network goes on."""
    names = ("up", "fixed", "tuned", "on")
    up, fixed, tuned, on = (tmp_path / f"{name}.safetensors" for name in names)
    settings["training"]["epochs"] = 1
    pretrain("det", multilabel, None, upstream_settings, up)
    transfer("det", "fixed", 1, multiclass, up, settings, fixed)
    transfer("det", "finetuned", 1, multiclass, fixed, settings, tuned)
    going_on = copy.deepcopy(settings)
    going_on["training"] |= {"epochs": 3, "keep_epochs": 3, "learning_rate": 0.01}
    stages.go_on(Job("det", "finetuned", 1, multiclass, tuned, going_on, on))
    return sorted((tmp_path / "on.epochs").glob("*.safetensors"))


def one_training(method, epochs, features, out, **changes):
    settings = PREDICTING | {"samples": 4, "rank": 3, "split": "none"} | changes
    predict_from_one_training(method, epochs, features, None, settings, "cpu", 8, [out])
    return read_predictions(out)


def test_the_epochs_are_an_ensemble(epochs, multiclass, tmp_path):
    assert len(epochs) == 3
    found = one_training("checkpoints", epochs, multiclass, tmp_path / "checkpoints.h5")
    p = []
    for number, path in enumerate(epochs):
        out, once = tmp_path / f"{number}.h5", {"mc_samples": 1, "replications": 1}
        predict(path, multiclass, {"folds": [1]}, PREDICTING | once, "cpu", 8, out)
        p.append(read_predictions(out).mean_probability[0].astype(np.float64))
    assert np.abs(p[0] - p[2]).max() > 1e-4
    np.testing.assert_allclose(found.mean_probability[0], np.mean(p, axis=0), atol=1e-6)
    aleatoric = -np.mean([(one * np.log(one)).sum(-1) for one in p], axis=0)
    np.testing.assert_allclose(found.aleatoric[0], aleatoric, atol=1e-5)
    facts = found.strategy, found.phase, found.fold, found.mc_samples
    assert facts == ("checkpoints", "finetuned", 1, 3)
    assert found.labels.shape == (12, 3)


def test_networks_drawn_repeat_from_the_seed_and_differ(epochs, multiclass, tmp_path):
    swag, again, other = (
        one_training("swag", epochs, multiclass, tmp_path / f"{name}.h5", seed=seed)
        for name, seed in (("one", 3), ("again", 3), ("other", 4))
    )
    np.testing.assert_array_equal(swag.mean_probability, again.mean_probability)
    assert np.abs(swag.mean_probability - other.mean_probability).max() > 1e-5
    assert (swag.strategy, swag.mc_samples) == ("swag", 4)
    assert (swag.epistemic > 0).any()


def test_batch_norm_hears_the_training_clips_again_for_each_draw(epochs, multiclass):
    state, facts = load_checkpoint(epochs[-1])
    network = rebuild(facts, state).eval()
    with FeatureStore(multiclass) as store:
        rows = store.rows(folds=[2, 3])
        drawn = Drawn(network, epochs, 3, store, rows, batch_size=len(rows), seed=1)
        drawn.set(0, low_rank=True)
        later = network.encoder.conv_block1.bn1.running_mean.clone()
        clips = torch.from_numpy(store.read(rows)).float()
        drawn.set(1, low_rank=True)
    weights = torch.stack([weights_of(network, path) for path in epochs])
    torch.testing.assert_close(drawn.moments.mean, weights.mean(0))
    # The first layer normalises each band of what it hears, whatever the weights.
    norm = network.encoder.bn0
    torch.testing.assert_close(norm.running_mean, clips.mean((0, 1)), rtol=1e-4, atol=1e-3)
    assert (network.encoder.conv_block1.bn1.running_mean - later).abs().max() > 1e-4
    assert not network.training
