"""PSLA's networks: parameters as printed, attention as published, layers as torchvision's."""

import pytest
import torch
import torchvision
from torch import nn

from vipann.models import pooling
from vipann.models.clip_rng import clip_keys, draws_of
from vipann.models.encoders._images import StochasticDepth
from vipann.models.network import trainable_parameters
from vipann.models.strategies import is_random_at_inference, network_of
from vipann.parts import model_settings

B0, B2 = ({"encoder": "efficientnet", "efficientnet": {"variant": name}} for name in ("b0", "b2"))


def attention(heads):
    return {"pooling": "multi_head_attention", "multi_head_attention": {"heads": heads}}


# Tables II and XIII, in millions.
PRINTED = {
    "mobilenet_v2": (2.90, 2_898_383, {"encoder": "mobilenet_v2", "pooled": "frames"}),
    "b0": (5.36, 5_357_146, B0 | attention(1)),
    "b2_mean": (8.44, 8_442_961, B2),
    "b2_one_head": (9.19, 9_185_504, B2 | attention(1)),
    "b2_four_heads": (13.64, 13_640_766, B2 | attention(4)),
    "resnet50": (25.66, 25_661_406, {"encoder": "resnet50"} | attention(1)),
}


def psla(model, classes=527):
    whole = {"pooling": "mean", "pooled": "scores", "head": "linear"} | model
    return network_of(model_settings(whole), 128, classes)


@pytest.mark.parametrize("name", PRINTED)
def test_parameters_are_those_that_psla_prints(name):
    millions, exact, model = PRINTED[name]
    with torch.device("meta"):
        network = psla(model)
    assert trainable_parameters(network) == exact
    assert round(exact / 1e6, 2) == millions


def test_four_heads_have_two_layers_each_and_four_weights():
    with torch.device("meta"):
        network = psla(B2 | attention(4))
    layers = trainable_parameters(network.head) + trainable_parameters(network.pooling)
    assert layers - 4 == 5_940_344 == 4 * 2 * (1408 + 1) * 527
    assert network.pooling.head_weight.shape == (4,)


@pytest.mark.parametrize("name", PRINTED)
def test_a_clip_of_1056_frames_gives_33(name):
    """Section II-C: 33 x 4 x 1408 before the mean over frequency."""
    network = psla(PRINTED[name][2], classes=3).eval()
    with torch.no_grad():
        x = network.encoder.normalise(torch.randn(1, 1056, 128))
        blocks = network.encoder.blocks(x)
        assert blocks.shape == (1, network.encoder.size, 4, 33)
        frames = network.encoder.frames(blocks)
        torch.testing.assert_close(frames, blocks.mean(2).transpose(1, 2))


def published_attention(x, att, cla, head_weight):
    """As PSLA's code computes it: (B, T, E) and layers of each head to (B, C)."""
    out = []
    for head in range(len(att)):
        weights = att[head](x).sigmoid().clamp(1e-7, 1 - 1e-7).transpose(1, 2)
        weights = weights / weights.sum(dim=2)[:, :, None]
        scores = cla[head](x).sigmoid().transpose(1, 2)
        out.append((weights * scores).sum(dim=2) * head_weight[head])
    return torch.stack(out).sum(dim=0)


def cut(layer, heads):
    """One linear layer for all heads, cut into one a head."""
    parts = []
    for weight, bias in zip(layer.weight.chunk(heads), layer.bias.chunk(heads), strict=True):
        part = nn.Linear(weight.shape[1], weight.shape[0])
        part.weight, part.bias = nn.Parameter(weight), nn.Parameter(bias)
        parts.append(part)
    return parts


@pytest.mark.parametrize("heads", [1, 4])
def test_attention_is_the_published_one(heads):
    torch.manual_seed(0)
    x, head = torch.randn(5, 7, 6), nn.Linear(6, 3 * heads)
    pool = pooling.MultiHeadAttention(3, 6, heads=heads)
    weights = torch.ones(1)
    if heads > 1:
        assert torch.equal(pool.head_weight, torch.full((4,), 0.25))
        weights = pool.head_weight.data.copy_(torch.randn(heads))
    wanted = published_attention(x, cut(pool.attention, heads), cut(head, heads), weights)
    torch.testing.assert_close(pool(head(x).sigmoid(), x), wanted)


def test_outputs_outside_of_0_to_1_are_clamped_and_counted():
    torch.manual_seed(0)
    network = psla(B0 | {"efficientnet": {"variant": "b0", "width": 0.125}} | attention(2), 3)
    x = torch.randn(4, 64, 64)
    assert network.train()(x).isfinite().all()
    assert network.clamped_share() == 0
    with torch.no_grad():
        network.pooling.head_weight.copy_(torch.tensor([9.0, -9.0]))
        logits = network.eval()(x)
        frames = network.embed(x)
        raw = network.pooling(network.head(frames).sigmoid(), frames)
    outside = (raw < 0) | (raw > 1)
    assert 0 < outside.sum() < outside.numel()
    assert network.clamped_share() == pytest.approx(float(outside.float().mean()))
    torch.testing.assert_close(logits.sigmoid(), raw.clamp(1e-6, 1 - 1e-6))


ORIGINALS = {
    "efficientnet": torchvision.models.efficientnet_b2,
    "mobilenet_v2": torchvision.models.mobilenet_v2,
    "resnet50": torchvision.models.resnet50,
}


@pytest.mark.parametrize("encoder", ORIGINALS)
def test_frames_are_torchvisions_last_layer_but_for_the_stem(encoder):
    """The weights of torchvision's network, its first convolution summed over three channels."""
    torch.manual_seed(0)
    theirs = ORIGINALS[encoder](weights=None).eval()
    ours = psla({"encoder": encoder}, 3).eval()
    state = {k.removeprefix("features."): v for k, v in theirs.state_dict().items()}
    own = ours.encoder.features.state_dict()
    stem = next(iter(own))
    state[stem] = state[stem].sum(1, keepdim=True)
    ours.encoder.features.load_state_dict({name: state[name] for name in own})
    x = torch.randn(2, 96, 64)
    picture = x.transpose(1, 2)[:, None].expand(-1, 3, -1, -1)
    with torch.no_grad():
        if hasattr(theirs, "features"):
            wanted = theirs.features(picture)
        else:
            layers = list(theirs.children())[:-2]
            wanted = nn.Sequential(*layers)(picture)
        found = ours.embed(x)
    torch.testing.assert_close(found, wanted.mean(2).transpose(1, 2), atol=1e-4, rtol=1e-3)


def test_stochastic_depth_drops_whole_clips_and_can_be_kept_on():
    layer, x = StochasticDepth(0.25), torch.ones(4000, 2, 3, 4)
    assert torch.equal(layer.eval()(x), x)
    layer.monte_carlo = True
    torch.manual_seed(1)
    for draws in (layer(x), _drawn_for_clips(layer, x)):
        clips = draws.flatten(1)
        assert (clips == clips[:, :1]).all()
        assert clips[:, 0].unique().tolist() == pytest.approx([0, 4 / 3])
        assert clips[:, 0].mean() == pytest.approx(1, abs=0.05)


def _drawn_for_clips(layer, x):
    with draws_of(clip_keys(1, map(str, range(len(x))))):
        return layer(x)


@pytest.mark.parametrize("kept_on", [False, True])
def test_stochastic_depth_is_part_of_monte_carlo_where_that_is_asked_for(kept_on, paper_network):
    own = {"variant": "b0", "width": 0.125, "stochastic_depth_in_monte_carlo": kept_on}
    network = psla(B0 | {"efficientnet": own}, 3)
    for module in network.modules():
        if isinstance(module, StochasticDepth):
            module.monte_carlo = module.in_monte_carlo
    assert is_random_at_inference(network.encoder) == kept_on
    rates = [m.p for m in network.modules() if isinstance(m, StochasticDepth)]
    assert rates == pytest.approx([0.2 * block / 16 for block in range(16)])
