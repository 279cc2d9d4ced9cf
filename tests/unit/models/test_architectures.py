"""Every backbone keeps what training, transfer and prediction rely on, in every form."""

import csv

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vipann.config import merge
from vipann.errors import UserError
from vipann.evaluation.predict import SamplingPlan, sample
from vipann.features.kaldi_mel import KaldiMel
from vipann.features.logmel import load_clip
from vipann.models.architectures import ARCHITECTURES, architecture
from vipann.models.bayesian import flipout_layers, is_bayesian
from vipann.models.draws import clip_keys
from vipann.models.embedding import EmbeddingNetwork
from vipann.models.mobilenet import FRONT_END, SqueezeExcitation
from vipann.models.network import HEAD_LAYERS
from vipann.models.published import network_from, read_published
from vipann.models.strategies import (
    STRATEGIES,
    build_transferred,
    freeze_backbone,
    is_random_at_inference,
    load_backbone,
    moped_from,
)
from vipann.training.augmentation import spec_augment
from vipann.used import used_model

MODELS = {
    "resnet54": {"width": 2, "blocks": [1, 1, 1, 1]},
    "embedding": {"hidden": 16, "pooling": "attention"},
    "mn04": {},
}
FRAMES = {"resnet54": 40, "embedding": 10, "mn04": 40}
WEIGHTS = "weights/mn04_as_mAP_432.pt"


@pytest.fixture(params=MODELS)
def settings(request, paper_network):
    own = {"architecture": request.param, "dropout": {"conv": 0.2, "linear": 0.5}}
    merged = merge(paper_network, {"model": MODELS[request.param] | own})
    return merged | {"model": used_model(merged)}


def clips(settings, count=4):
    frames = FRAMES[settings["model"]["architecture"]]
    return torch.randn(count, frames, 64, generator=torch.Generator().manual_seed(1))


def test_all_are_tested_and_others_refused():
    assert set(MODELS) == set(ARCHITECTURES)
    with pytest.raises(UserError, match="'vgg'; it is one of: resnet54, embedding, mn04"):
        architecture({"architecture": "vgg"})


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_contract_in_every_form(settings, strategy):
    torch.manual_seed(0)
    network = build_transferred(strategy, 5, settings)
    upstream = architecture(settings["model"]).build(9, settings, False)
    if strategy == "flip":
        upstream = moped_from(upstream.state_dict(), 9, settings)
    load_backbone(network, upstream.state_dict())
    freeze_backbone(network)
    trained = {n.split(".")[0] for n, p in network.named_parameters() if p.requires_grad}
    assert trained == set(HEAD_LAYERS)

    stripes = {"time_stripes": 1, "time_width": 4, "mel_stripes": 1, "mel_width": 4}
    logits = network.train()(clips(settings), lambda x: spec_augment(x, stripes))
    assert logits.shape == (4, 5)
    logits.square().sum().backward()
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad)

    left = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert bool(left) == (strategy != "flip")
    if strategy == "det_flip":
        assert len(list(flipout_layers(network))) == 2
    assert is_bayesian(network) == (strategy in ("det_flip", "flip"))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_monte_carlo_samples_do_not_depend_on_the_batch(settings, strategy):
    torch.manual_seed(0)
    network = build_transferred(strategy, 5, settings).eval()
    x, keys = clips(settings), clip_keys(7, ["a", "b", "c", "d"])
    plan = SamplingPlan(mc_samples=3, replications=2, seed=7)
    whole = sample(network, x, keys, "multiclass", plan)
    parts = [sample(network, x[i : i + 2], keys[i : i + 2], "multiclass", plan) for i in (0, 2)]
    assert len(whole) == (1 if strategy == "det" else 2)
    for replication, found in enumerate(whole):
        apart = torch.cat([part[replication].mean_probability for part in parts])
        torch.testing.assert_close(found.mean_probability, apart, atol=1e-4, rtol=1e-3)
    if strategy == "det":
        with torch.no_grad():
            torch.testing.assert_close(whole[0].mean_probability.float(), network(x).softmax(1))
    else:
        assert not torch.equal(whole[0].mean_probability, whole[1].mean_probability)


def test_dropout_comes_late_enough_to_compute_most_once(settings):
    network = build_transferred("drop", 5, settings)
    random = [any(map(is_random_at_inference, modules)) for _, modules in network.stages()]
    first = {"resnet54": 2, "embedding": 1, "mn04": 2}[settings["model"]["architecture"]]
    assert random.index(True) == first


def test_attention_is_a_mean_weighted_by_sigmoids():
    torch.manual_seed(0)
    network = EmbeddingNetwork(3, 8, "attention", bands=4)
    x = torch.rand(2, 8, 5, 1)
    layer = network.attention
    weights = (x[..., 0].transpose(1, 2) @ layer.weight[:, :, 0, 0].T + layer.bias).sigmoid()
    expected = (x[..., 0].transpose(1, 2) * weights).sum(1) / weights.sum(1)
    torch.testing.assert_close(network.pool(x), expected)
    mean = EmbeddingNetwork(3, 8, "mean", bands=4)
    torch.testing.assert_close(mean.pool(x), x.mean((2, 3)))


def test_squeeze_excitation_weighs_channels():
    torch.manual_seed(0)
    layer, x = SqueezeExcitation(6, 2), torch.randn(3, 6, 4, 5)
    scale = layer.fc2(F.relu(layer.fc1(x.flatten(2).mean(2)))).sigmoid()
    torch.testing.assert_close(layer(x), torch.einsum("bchw,bc->bchw", x, scale))


@pytest.fixture(scope="module")
def published(mirror):
    return read_published(mirror / WEIGHTS)


@pytest.fixture
def mn04(paper_network):
    return merge(paper_network, {"model": {"architecture": "mn04"}, "mel_bands": 128})


def test_mn04_takes_every_tensor_of_the_published_file(published, mn04):
    network = network_from("det", published, mn04, "mn04")
    own = network.state_dict()
    assert len(own) == len(published.network) == 312
    assert sum(v.numel() for v in own.values()) == 993_485
    assert not published.dropped
    assert torch.equal(own["fc1.weight"], published.network["classifier.2.weight"])
    rest = {k: v for k, v in published.network.items() if k != "features.0.0.weight"}
    with pytest.raises(UserError, match=r"missing: features\.0\.0\.weight"):
        network_from("det", published._replace(network=rest), mn04, "mn04")


def test_mn04_hears_the_birds(published, mn04, mirror):
    """Real clips of AudioSet, all labelled Bird: the class is in the top three for 4 of 7."""
    network = network_from("det", published, mn04, "mn04").eval()
    with (mirror / "audioset-sample/class_labels_indices.csv").open() as stream:
        bird = [row["display_name"] for row in csv.DictReader(stream)].index("Bird")
    front_end = KaldiMel(FRONT_END)
    heard = 0
    for path in sorted((mirror / "audioset-sample/audio").iterdir()):
        features = torch.from_numpy(front_end(load_clip(path, 0.0, None, 10.0, 32000, "zero")))
        with torch.inference_mode():
            heard += bird in network(features.unsqueeze(0))[0].topk(3).indices
    assert heard >= 4
