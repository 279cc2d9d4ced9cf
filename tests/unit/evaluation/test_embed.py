"""What a network makes of clips before its last layer."""

import numpy as np
import pandas as pd
import pytest
import torch
from embedded import FEATURES, write_clips

from vipann.config import merge
from vipann.errors import UserError
from vipann.evaluation import predict
from vipann.evaluation.embed import embed, embedding_and_logits, last_layer, mean_logits
from vipann.evaluation.embeddings import read_embeddings
from vipann.evaluation.laplace_predictions import predict_by_laplace
from vipann.evaluation.laplace_scores import laplace_scores
from vipann.evaluation.metrics import MetricSettings
from vipann.evaluation.predict import SamplingPlan
from vipann.evaluation.predictions import read_predictions
from vipann.features.store import FeatureStore
from vipann.models.bayesian import flipout_layers
from vipann.models.checkpoints import save_checkpoint
from vipann.models.clip_rng import clip_keys
from vipann.models.flipout import posteriors
from vipann.models.mean_weights import mean_network
from vipann.models.strategies import build_network, build_transferred, network_of

SETTINGS = {"precision": "float32", "seed": 3, "training_clips": 100, "mc_samples": 4}
SETTINGS |= {"dataset": "own", "scored_dataset": "ships"}


def network(strategy, small_network, build=build_transferred):
    torch.manual_seed(0)
    made = build(strategy, 3, small_network).eval()
    for name, parameter in made.named_parameters():
        if name.endswith("bn3.weight"):
            torch.nn.init.ones_(parameter)
    return made


@pytest.fixture
def embedded(tmp_path, small_network):
    """Write the embeddings of a network of a strategy, and read them."""

    def make(strategy, task="multiclass", split="none", batch_size=5, outside=True, **changes):
        upstream = task == "multilabel"
        build = build_network if upstream else build_transferred
        path = tmp_path / f"{strategy}.safetensors"
        facts = {
            "strategy": strategy,
            "phase": "pretrained" if upstream else "finetuned",
            "fold": 0 if upstream else 1,
            "task": task,
            "classes": ["high", "low", "quiet"],
            "features": FEATURES,
            "clip_seconds": 1.0,
            "settings": small_network | {"training": {"validation": {"split": split}}},
        }
        save_checkpoint(network(strategy, small_network, build), path, facts)
        own = write_clips(tmp_path / "own.h5", task)
        ships = write_clips(tmp_path / "ships.h5", "unlabelled", 7, seed=9, name="ship")
        out = tmp_path / "embeddings.h5"
        arguments = SETTINGS | changes, "cpu", batch_size, out
        embed(path, own, ships if outside else None, *arguments)
        return read_embeddings(out)

    return make


def numbers(clips):
    return [int(name[4:]) for name in clips.clip_id]


def test_each_part_holds_the_clips_that_training_gave_it(embedded):
    found = embedded("det")
    assert numbers(found.training) == [i for i in range(18) if i % 3]
    assert numbers(found.test) == list(range(0, 18, 3))
    assert len(found.validation) == 0
    assert numbers(found.outside) == list(range(7))
    assert found.outside.labels.shape == (7, 0)
    assert (found.test.labels.argmax(axis=1) == 0).all()
    found = embedded("det", split="next_fold")
    assert numbers(found.training) == list(range(2, 18, 3))
    assert numbers(found.validation) == list(range(1, 18, 3))


def test_upstream_a_part_of_the_train_split_is_drawn(embedded):
    found = embedded("det", "multilabel", training_clips=5, outside=False)
    drawn = numbers(found.training)
    assert len(set(drawn)) == 5
    assert all(i % 3 for i in drawn)
    assert found.training_clips == 12
    assert numbers(found.test) == list(range(0, 18, 3))
    assert len(found.outside) == len(found.validation) == 0
    again = embedded("det", "multilabel", training_clips=5, outside=False)
    assert numbers(again.training) == drawn
    other = embedded("det", "multilabel", training_clips=5, outside=False, seed=4)
    assert numbers(other.training) != drawn


def test_the_last_layer_makes_the_logits_of_the_embedding(embedded, small_network, tmp_path):
    found = embedded("det")
    made = network("det", small_network)
    layer = last_layer(made)
    weight, bias = (p.detach().numpy() for p in (layer.weight, layer.bias))
    with FeatureStore(tmp_path / "own.h5") as store, torch.no_grad():
        own = store.rows(folds=[1])
        expected = made(torch.from_numpy(store.read(own)).float()).numpy()
    np.testing.assert_allclose(found.test.logits, expected, atol=1e-5)
    np.testing.assert_allclose(found.test.embedding @ weight.T + bias, expected, atol=1e-5)
    np.testing.assert_array_equal(found.test.mean_logits, found.test.logits)


@pytest.mark.parametrize("strategy", ["drop", "flip"])
def test_a_random_networks_embedding_has_no_chance_in_it(strategy, embedded):
    whole, parts = embedded(strategy), embedded(strategy, batch_size=2)
    for part in ("training", "test", "outside"):
        one, two = getattr(whole, part), getattr(parts, part)
        np.testing.assert_allclose(one.embedding, two.embedding, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(one.mean_logits, two.mean_logits, rtol=1e-4, atol=1e-5)
    assert np.abs(whole.test.mean_logits - whole.test.logits).max() > 1e-3
    np.testing.assert_array_equal(whole.training.mean_logits, whole.training.logits)


def test_flipout_without_chance_is_the_network_of_its_means(small_network):
    flip = network("flip", small_network)
    facts = {"strategy": "flip", "phase": "finetuned", "classes": ["high", "low", "quiet"]}
    mean = mean_network(facts | {"settings": small_network}, flip.state_dict())
    clips = torch.randn(3, 40, 64, generator=torch.Generator().manual_seed(1)) * 8 - 60
    with torch.inference_mode():
        _, random = embedding_and_logits(flip, clips)
        for layer in flipout_layers(flip):
            for posterior in posteriors(layer):
                posterior.rho.data.fill_(-torch.inf)
        found, expected = (embedding_and_logits(one, clips) for one in (mean, flip))
    for own, other in zip(found, expected, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(random, found[1], atol=1e-3)


@pytest.mark.parametrize("strategy", ["drop", "det_flip"])
def test_logits_are_averaged_over_the_samples_of_predictions(strategy, small_network):
    made = network(strategy, small_network)
    clips = torch.randn(4, 40, 64, generator=torch.Generator().manual_seed(1)) * 8 - 60
    keys = clip_keys(5, ["a", "b", "c", "d"])
    plan = SamplingPlan(mc_samples=1, replications=3, seed=5)
    with torch.inference_mode():
        one = mean_logits(made, clips, keys, 1, 5)
        three = mean_logits(made, clips, keys, 3, 5)
        sampled = predict.sample(made, clips, keys, "multiclass", plan)
    torch.testing.assert_close(one.softmax(1), sampled[0].mean_probability, rtol=1e-4, atol=1e-6)
    # Up to a constant of each sample, which the softmax loses, these are the samples' logits.
    logs = torch.stack([s.mean_probability.log() for s in sampled]).mean(dim=0)
    torch.testing.assert_close(three.softmax(1), logs.softmax(1), rtol=1e-4, atol=1e-6)


def test_frames_are_averaged_where_their_scores_are_pooled(small_network):
    model = merge(small_network["model"], {"pooled": "scores", "pooling": "linear_softmax"})
    made = network_of(model, 64, 3).eval()
    clips = torch.randn(2, 64, 64)
    with torch.inference_mode():
        embedding, logits = embedding_and_logits(made, clips)
    assert embedding.shape == (2, last_layer(made).in_features)
    assert logits.shape == (2, 3)


def test_clips_of_another_length_are_refused(embedded, tmp_path):
    embedded("det")
    longer = write_clips(tmp_path / "longer.h5", "unlabelled", 3, seconds=2.0)
    with pytest.raises(UserError, match=r"trained on clips of 1 s, and those of .*longer"):
        embed(
            *(tmp_path / "det.safetensors", tmp_path / "own.h5", longer),
            *(SETTINGS, "cpu", 5, tmp_path / "new.h5"),
        )
    assert not (tmp_path / "new.h5").exists()


def test_laplace_predictions_are_of_the_same_clips_as_others(embedded, tmp_path):
    found = embedded("det")
    settings = {"structure": "kronecker", "prior_precision": 1e9, "samples": 3, "seed": 2}
    files = tmp_path / "own_laplace.h5", tmp_path / "ood_laplace.h5"
    inputs = tmp_path / "det.safetensors", tmp_path / "embeddings.h5"
    predict_by_laplace(*inputs, settings, *files)
    own, outside = map(read_predictions, files)
    np.testing.assert_array_equal(own.clip_id, found.test.clip_id)
    assert (own.strategy, own.phase, own.fold, own.mc_samples) == ("laplace", "finetuned", 1, 3)
    assert (outside.scored_dataset, outside.labelled) == ("ships", False)
    expected = torch.from_numpy(found.test.logits).softmax(1).numpy()
    np.testing.assert_allclose(own.mean_probability[0], expected, atol=1e-3)
    predict_by_laplace(*inputs, settings | {"prior_precision": 0.01}, *files)
    assert read_predictions(files[0]).epistemic.mean() > own.epistemic.mean()
    with pytest.raises(UserError, match=r"laplace\.prior_precision.*next_fold"):
        predict_by_laplace(*inputs, settings | {"prior_precision": "validation"}, *files)


def test_laplace_of_several_labels_and_without_other_clips(embedded, small_network, tmp_path):
    found = embedded("det", "multilabel", outside=False, scored_dataset="")
    settings = {"structure": "diagonal", "prior_precision": "weights", "samples": 40, "seed": 2}
    files = tmp_path / "own_laplace.h5", tmp_path / "ood_laplace.h5"
    predict_by_laplace(tmp_path / "det.safetensors", tmp_path / "embeddings.h5", settings, *files)
    own, outside = map(read_predictions, files)
    assert (own.task, own.fold, own.phase) == ("multilabel", 0, "pretrained")
    assert len(outside.clip_id) == 0
    expected = torch.from_numpy(found.test.logits).sigmoid().numpy()
    np.testing.assert_allclose(own.mean_probability[0], expected, atol=0.2)
    tables = tmp_path / "metrics.parquet", tmp_path / "intervals.parquet"
    chosen = MetricSettings(fractions=[0.5, 1.0], bins=5, resamples=100, seed=7, orders=0)
    laplace_scores([files[0]], [files[1]], chosen, *tables)
    metrics = pd.read_parquet(tables[0]).set_index("metric")["value"]
    assert {"mAP", "nll", "brier", "ece_pooled", "mean_epistemic"} <= set(metrics.index)
    assert not metrics.index.str.startswith("auroc").any()
    made = network("det", small_network, build_network)
    layer = last_layer(made)
    squares = (layer.weight**2).sum() + (layer.bias**2).sum()
    count = layer.weight.numel() + layer.bias.numel()
    assert metrics["prior_precision"] == pytest.approx(count / squares.item())
