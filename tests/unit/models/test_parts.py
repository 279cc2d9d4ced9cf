"""Every encoder keeps what training, transfer and prediction rely on, in every form."""

import csv

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vipann.config import merge
from vipann.errors import UserError
from vipann.evaluation.predict import SamplingPlan, sample
from vipann.features.audio import front_end_of, pad_clip, read_clip
from vipann.models import pooling
from vipann.models.bayesian import flipout_layers, is_bayesian
from vipann.models.clip_rng import clip_keys
from vipann.models.encoders.mn04 import SqueezeExcitation
from vipann.models.published import network_from, read_published
from vipann.models.strategies import (
    STRATEGIES,
    build_network,
    build_transferred,
    freeze_backbone,
    is_random_at_inference,
    load_backbone,
    moped_from,
)
from vipann.parts import model_settings, own_settings, place, takes_waveforms
from vipann.registry import choices, load
from vipann.training.augmentation import spec_augment

ENCODERS = {
    "resnet54": {"width": 2, "blocks": [1, 1, 1, 1]},
    "frame_mlp": {"hidden": 16},
    "mn04": {"dropout": 0.2},
    "efficientnet": {"variant": "b0", "width": 0.125, "dropout": 0.2},
    "efficientnet_lite0": {"width": 0.125, "dropout": 0.2},
    "mobilenet_v2": {"width": 0.125, "dropout": 0.2},
    "resnet50": {"width": 0.125, "dropout": 0.2},
    "ast": {"width": 16, "layers": 1, "heads": 2, "feed_forward": 16, "columns": 3, "dropout": 0.2},
    "transformer": {"width": 16, "layers": 1, "heads": 2, "feed_forward": 16, "dropout": 0.2},
    "cnn_transformer": {"width": 64, "heads": 2, "feed_forward": 16, "dropout": 0.2},
    "conformer": {"width": 16, "layers": 1, "heads": 2, "feed_forward": 16, "kernel": 3},
    "talnet": {"width": 64, "dropout": 0.2, "conv_dropout": 0.1},
    "raw_cnn": {"architecture": "m3", "width": 0.05, "dropout": 0.2},
}
FRAMES = {"frame_mlp": 10, "resnet54": 40, "mn04": 40}  # the others: 70
WEIGHTS = "weights/mn04_as_mAP_432.pt"


PARTS = [
    *((name, "attention", "frames", "two_layers") for name in ENCODERS),
    ("frame_mlp", "attention", "scores", "two_layers"),
    ("frame_mlp", "softmax_attention", "scores", "linear"),
    ("efficientnet", "multi_head_attention", "scores", "linear"),
    ("cnn_transformer", "multi_head_attention", "scores", "linear"),
]


@pytest.fixture(params=PARTS, ids="-".join)
def settings(request, paper_network):
    encoder, pooling, pooled, head = request.param
    own = {"encoder": encoder, encoder: ENCODERS[encoder], "pooled": pooled}
    merged = merge(paper_network, {"model": own | {"pooling": pooling, "head": head}})
    return merged | {"model": model_settings(merged["model"])}


def clips(settings, count=4):
    if takes_waveforms(settings["model"]):
        return torch.randn(count, 2001, generator=torch.Generator().manual_seed(1))
    frames = FRAMES.get(settings["model"]["encoder"], 70)
    return torch.randn(count, frames, 64, generator=torch.Generator().manual_seed(1))


def test_all_are_tested_and_others_refused():
    assert set(ENCODERS) == set(choices("vipann.models.encoders"))
    with pytest.raises(UserError, match="'vgg'; it is one of: ast, "):
        model_settings({"encoder": "vgg", "pooling": "mean", "head": "two_layers"})


def test_parts_of_a_model_have_names_of_their_own():
    """Their settings lie beside each other in the config."""
    homes = ("vipann.models.encoders", "vipann.models.pooling", "vipann.models.heads")
    names = [name for home in homes for name in choices(home)]
    assert len(set(names)) == len(names)
    assert not set(names) & {"encoder", "pooling", "pooled", "head"}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_contract_in_every_form(settings, strategy):
    torch.manual_seed(0)
    network = build_transferred(strategy, 5, settings)
    upstream = build_network("det", 9, settings)
    if strategy == "flip":
        upstream = moped_from(upstream.state_dict(), 9, settings)
    load_backbone(network, upstream.state_dict())
    freeze_backbone(network)
    trained = {n.split(".")[0] for n, p in network.named_parameters() if p.requires_grad}
    scores = settings["model"]["pooled"] == "scores"
    assert trained == {"head", "pooling"} if scores else {"head"}

    has_bands = not takes_waveforms(settings["model"])
    stripes = {"time_stripes": 1, "time_width": 4, "mel_stripes": int(has_bands), "mel_width": 4}
    logits = network.train()(clips(settings), lambda x: spec_augment(x, stripes))
    assert logits.shape == (4, 5)
    logits.square().sum().backward()
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad)

    left = [m for m in network.modules() if isinstance(m, nn.Conv1d | nn.Conv2d | nn.Linear)]
    assert bool(left) == (strategy != "flip")
    assert not any(isinstance(m, nn.Dropout | nn.MultiheadAttention) for m in network.modules())
    if strategy == "det_flip":
        in_head = 1 if settings["model"]["head"] == "linear" else 2
        assert len(list(flipout_layers(network))) == in_head + scores
    assert is_bayesian(network) == (strategy in ("det_flip", "flip"))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_monte_carlo_samples_do_not_depend_on_the_batch(settings, strategy):
    torch.manual_seed(0)
    network = build_transferred(strategy, 5, settings)
    network.weigh_latest_batch(1.0)
    network.train()(clips(settings))
    network.eval()
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
    first = {"frame_mlp": 1, "talnet": 1}.get(settings["model"]["encoder"], 2)
    assert random.index(True) == first


def test_attention_is_a_mean_weighted_by_sigmoids():
    torch.manual_seed(0)
    x, attention = torch.rand(2, 5, 8), pooling.Attention(8)
    layer = attention.attention
    weights = (x @ layer.weight[:, :, 0, 0].T + layer.bias).sigmoid()
    torch.testing.assert_close(attention(x), (x * weights).sum(1) / weights.sum(1))


@pytest.mark.parametrize("name", choices("vipann.models.pooling"))
def test_a_pooling_of_equal_frames_is_one_of_them_whatever_comes_before_time(name):
    made = place(model := {"pooling": name}, "pooling")
    pool = load(made)
    of_frames = getattr(pool, "OF_FRAMES", False)
    channels = (3, 5) if of_frames else (3,)
    pool = pool(*channels, **own_settings(model, "pooling")) if isinstance(pool, type) else pool
    frames = torch.rand(2, 4, 1, 3).expand(2, 4, 6, 3)
    inputs = [frames]
    if of_frames:
        scores = frames.repeat(1, 1, 1, pool.scores // 3)
        inputs = [scores, torch.rand(2, 4, 6, 5)]
    pooled = pool(*inputs)
    assert pooled.shape == (2, 4, 3)
    expected = frames[:, :, 0] * (2 if name == "max_plus_mean" else 1)
    torch.testing.assert_close(pooled, expected)


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
    head = {"hidden": 512, "activation": "hardswish"}
    model = {"encoder": "mn04", "pooling": "mean", "two_layers": head}
    return merge(paper_network, {"model": model, "bands": 128})


def test_mn04_takes_every_tensor_of_the_published_file(published, mn04):
    network = network_from("det", published, mn04, "mn04")
    own = network.state_dict()
    assert len(own) == len(published.network) == 312
    assert sum(v.numel() for v in own.values()) == 993_485
    assert not published.dropped
    assert torch.equal(own["head.fc1.weight"], published.network["classifier.2.weight"])
    rest = {k: v for k, v in published.network.items() if k != "features.0.0.weight"}
    with pytest.raises(UserError, match=r"missing: encoder\.features\.0\.0\.weight"):
        network_from("det", published._replace(network=rest), mn04, "mn04")


def test_mn04_hears_the_birds(published, mn04, mirror):
    """Real clips of AudioSet, all labelled Bird: the class is in the top three for 4 of 7."""
    network = network_from("det", published, mn04, "mn04").eval()
    with (mirror / "audioset-sample/class_labels_indices.csv").open() as stream:
        bird = [row["display_name"] for row in csv.DictReader(stream)].index("Bird")
    front_end = front_end_of({"front_end": "kaldi_mel"})
    heard = 0
    for path in sorted((mirror / "audioset-sample/audio").iterdir()):
        clip = pad_clip(read_clip(path, 0.0, None, 10.0, 32000), 320000, "zero")
        features = torch.from_numpy(front_end(clip))
        with torch.inference_mode():
            heard += bird in network(features.unsqueeze(0))[0].topk(3).indices
    assert heard >= 4
