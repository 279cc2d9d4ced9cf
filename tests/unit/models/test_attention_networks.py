"""The thesis's six encoders: sizes as printed, layers as in the libraries, and convertible."""

import math
from itertools import pairwise

import pytest
import torch
from bayesian_torch.layers.base_variational_layer import BaseVariationalLayer_
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.utils.flop_counter import FlopCounterMode
from torchaudio.models import Conformer
from torchvision.models.vision_transformer import EncoderBlock, VisionTransformer

from vipann.config import merge
from vipann.models import bayesian
from vipann.models.bayesian import deterministic_layers, flipout_layers, to_flipout
from vipann.models.checkpoints import load_checkpoint, save_checkpoint
from vipann.models.complexity import count_macs
from vipann.models.encoders import ast, cnn_transformer, conformer, talnet, transformer
from vipann.models.encoders._blocks import SelfAttention, make_convertible, with_positions
from vipann.models.flipout import LinearFlipout
from vipann.models.imagenet import start_from_imagenet
from vipann.models.network import trainable_parameters
from vipann.models.strategies import build_network, moped_from, network_of
from vipann.parts import model_settings

CLASSES = 527
LINEAR = {"pooling": "mean", "pooled": "frames", "head": "linear"}
ATTENTION = {"pooling": "multi_head_attention", "multi_head_attention": {"heads": 1}}
ATTENTION |= {"pooled": "scores", "head": "linear"}
SMALL = {
    "ast": {"width": 16, "layers": 2, "heads": 2, "feed_forward": 24, "columns": 3},
    "transformer": {"width": 16, "layers": 2, "heads": 2, "feed_forward": 24},
    "cnn_transformer": {"width": 64, "heads": 2, "feed_forward": 24},
    "conformer": {"width": 16, "layers": 2, "heads": 2, "feed_forward": 24, "kernel": 3},
    "talnet": {"width": 64},
}
MODULES = {
    "ast": ast,
    "transformer": transformer,
    "cnn_transformer": cnn_transformer,
    "conformer": conformer,
    "talnet": talnet,
}


def network(encoder, bands, own=None, around=LINEAR):
    model = {"encoder": encoder, encoder: own or {}} | around
    return network_of(model_settings(model), bands, CLASSES)


def settings_of(paper_network, encoder, bands=64):
    model = {"encoder": encoder, encoder: SMALL[encoder]} | LINEAR
    return merge(paper_network, {"bands": bands}) | {"model": model_settings(model)}


def encoder_of(name, bands=64, **own):
    made = MODULES[name].Encoder(MODULES[name].Settings(**SMALL[name] | own), bands)
    made.initialise()
    return made.eval()


def frames_of(encoder, features):
    x = features
    for step, _ in encoder.steps():
        x = step(x)
    return x


def attention(width):
    return 4 * (width * width + width)


def feed_forward(width, inner):
    return width * inner + inner + inner * width + width


def norm(width):
    return 2 * width


def linear(before, after):
    return before * after + after


def convolutions():
    """TALNet's, on 64 bands: 32 channels on 64 and 32 bands, twice as many on half of these, ..."""
    channels = [1, 32, 32, 64, 64, 128, 128, 256, 256, 512, 512]
    return sum(9 * before * after + after + 2 * after for before, after in pairwise(channels))


VIT = 12 * (attention(768) + feed_forward(768, 3072) + 2 * norm(768)) + norm(768)
VIT += 256 * 768 + 768 + 2 * 768  # patches, class tokens
CONFORMER = 12 * (
    2 * (norm(768) + feed_forward(768, 1024))
    + (norm(768) + attention(768))
    + (norm(768) + linear(768, 2 * 768) + (15 * 768 + 768) + norm(768) + linear(768, 768))
    + norm(768)
)
LAYER = attention(1024) + feed_forward(1024, 1024) + 2 * norm(1024)
GRU = 2 * (3 * 512 * (1024 + 512) + 2 * 3 * 512)

# Encoder, bands, settings, rest: parameters by formula, the same in figures.
COUNTED = {
    "ast": ("ast", 128, {}, LINEAR, VIT + (1212 + 2) * 768 + linear(768, 527), 86_592_527),
    "transformer": (
        *("transformer", 128, {}, LINEAR),
        8 * (attention(768) + feed_forward(768, 768) + 2 * norm(768))
        + (linear(128, 768) + norm(768) + linear(768, 527)),
        28_878_863,
    ),
    "cnn_transformer": (
        *("cnn_transformer", 64, {}, ATTENTION),
        *(convolutions() + LAYER + 2 * linear(1024, 527), 12_097_662),
    ),
    "cnn_transformer, two layers": (
        *("cnn_transformer", 64, {"shared": False}, ATTENTION),
        *(convolutions() + 2 * LAYER + 2 * linear(1024, 527), 18_399_358),
    ),
    "conformer": (
        *("conformer", 64, {}, LINEAR, CONFORMER + linear(64, 768) + linear(768, 527)),
        88_114_703,
    ),
    "resnet50": ("resnet50", 128, {}, ATTENTION, None, 25_661_406),
    "talnet": (
        *("talnet", 64, {}, ATTENTION, convolutions() + GRU + 2 * linear(1024, 527)),
        10_520_702,
    ),
}


@pytest.mark.parametrize("name", COUNTED)
def test_parameters_by_formula(name):
    encoder, bands, own, around, formula, exact = COUNTED[name]
    with torch.device("meta"):
        made = network(encoder, bands, own, around)
    assert trainable_parameters(made) == exact
    assert formula in (None, exact)


def test_what_gives_the_parameters_of_table_6_2():
    """87.9, 28.5, 12.1, 88.1, 25.6, 10.5 M: three as they are, three with what is named here."""
    exact = {name: counted[-1] for name, counted in COUNTED.items()}
    as_printed = {"cnn_transformer": 12.1, "conformer": 88.1, "talnet": 10.5}
    assert {name: round(exact[name] / 1e6, 1) for name in as_printed} == as_printed
    # AST's code adds a layer norm before its head, and keeps DeiT's two heads for ImageNet, unused.
    published = exact["ast"] + norm(768) + 2 * linear(768, 1000)
    assert round(published / 1e6, 1) == 88.1
    # 12 in the place of 10 as stride gives 10 x 85 in the place of 12 x 101 patches.
    assert round((published - (1212 - 850) * 768) / 1e6, 1) == 87.9
    assert round((exact["transformer"] - linear(768, 527)) / 1e6, 1) == 28.5  # without its head
    three_channels = 2 * 64 * 49
    of_pictures = exact["resnet50"] - 2 * linear(2048, 527) + linear(2048, 1000) + three_channels
    assert of_pictures == 25_557_032  # torchvision's, of 25.6 M
    assert round(exact["resnet50"] / 1e6, 1) == 25.7


def test_attention_is_torchs_also_where_dropout_is_on():
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True).eval()
    x = torch.randn(2, 7, 12)
    wanted, _ = theirs(x, x, x, need_weights=False)
    ours = make_convertible(nn.ModuleDict({"attention": theirs}))["attention"]
    assert isinstance(ours, SelfAttention)
    torch.testing.assert_close(ours(x)[0], wanted)
    ours.dropout.p, ours.dropout.monte_carlo = 1e-12, True
    assert ours.dropout.is_active
    torch.testing.assert_close(ours(x)[0], wanted)


def test_heads_that_cannot_share_the_channels_are_refused():
    with pytest.raises(ValueError, match="16 channels cannot be shared by 3 heads"):
        SelfAttention(16, 3)


@pytest.mark.parametrize(
    "block",
    [
        nn.TransformerEncoderLayer(12, 3, 20, 0.5, batch_first=True),
        EncoderBlock(3, 12, 20, 0.5, 0.5),
    ],
    ids=["torch", "torchvision"],
)
def test_a_converted_block_computes_what_it_did(block):
    torch.manual_seed(0)
    block.eval()
    x = torch.randn(2, 9, 12)
    with torch.no_grad():
        wanted = block(x)
        found = make_convertible(block)(x)
    torch.testing.assert_close(found, wanted)
    assert sum(isinstance(m, nn.Linear) for m in block.modules()) == 6


def test_the_conformer_computes_what_torchaudios_does():
    torch.manual_seed(0)
    theirs = Conformer(16, 2, 24, 2, 3).eval()
    ours = nn.Sequential(*(conformer.Layer(16, 24, 2, 3) for _ in range(2))).eval()
    for mine, other in zip(ours, theirs.conformer_layers, strict=True):
        other.conv_module.sequential[3].running_mean.normal_()
        mine.load_state_dict(other.state_dict())
        make_convertible(mine)
    x = torch.randn(3, 8, 16)
    with torch.no_grad():
        wanted, _ = theirs(x, torch.full((3,), 8))
        torch.testing.assert_close(ours(x), wanted)


def test_positions_are_added_to_the_scaled_spectrogram():
    x = torch.randn(2, 1, 30, 6)
    found = with_positions(x)
    for t in (0, 1, 29):
        for i in range(3):
            angle = t / 10000 ** (2 * i / 6)
            for k, value in ((2 * i, math.sin(angle)), (2 * i + 1, math.cos(angle))):
                wanted = x[:, 0, t, k] * math.sqrt(6) + value
                torch.testing.assert_close(found[:, 0, t, k], wanted)


@pytest.mark.parametrize("name", SMALL)
@hypothesis_settings(max_examples=8)
@given(frames=st.integers(16, 60))
def test_clips_of_any_length_give_frames(name, frames):
    encoder = encoder_of(name)
    with torch.no_grad():
        found = frames_of(encoder, torch.randn(2, frames, 64))
    expected = {"ast": 1, "conformer": frames}.get(name, frames // 4)
    assert found.shape == (2, expected, encoder.size)
    assert found.isfinite().all()


def test_ast_computes_what_torchvisions_transformer_does_on_a_grey_picture(tmp_path, paper_network):
    torch.manual_seed(0)
    theirs = VisionTransformer(64, 16, 2, 2, 16, 24, num_classes=3).eval()
    torch.save(theirs.state_dict(), tmp_path / "vit.pth")
    own = {"columns": 4, "time_stride": 16, "frequency_stride": 16, "class_tokens": 1}
    chosen = settings_of(paper_network, "ast")
    chosen["model"]["ast"] |= own
    made = build_network("det", 3, chosen).eval()
    start_from_imagenet(made, chosen["model"], tmp_path / "vit.pth", "sum")
    picture = torch.randn(2, 1, 64, 64)
    theirs.heads = nn.Identity()
    with torch.no_grad():
        wanted = theirs(picture.expand(-1, 3, -1, -1))
        found = frames_of(made.encoder, picture[:, 0].transpose(1, 2))
    torch.testing.assert_close(found[:, 0], wanted)


@pytest.mark.parametrize("class_tokens", [0, 2])
def test_imagenets_positions_fit_a_spectrogram(class_tokens, tmp_path, paper_network):
    """The 2 middle rows of 4, with 5 columns between the 4; old files name linear layers otherwise;
    Flipout takes all as means."""
    theirs = VisionTransformer(64, 16, 2, 2, 16, 24, num_classes=3)
    state = {
        n.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."): v
        for n, v in theirs.state_dict().items()
    }
    torch.save(state, tmp_path / "vit.pth")
    chosen = settings_of(paper_network, "ast", bands=32)
    own = {"columns": 7, "frequency_stride": 16, "class_tokens": class_tokens}
    chosen["model"]["ast"] |= own
    made = build_network("flip", 3, chosen)
    start_from_imagenet(made, chosen["model"], tmp_path / "vit.pth", "mean")
    positions = state["encoder.pos_embedding"][0]
    grid = positions[1:].T.reshape(16, 4, 4)
    found = made.encoder.tokens.positions.detach()
    assert found.shape == (16, 2, 7)
    torch.testing.assert_close(found[:, :, 3], (grid[:, 1:3, 1] + grid[:, 1:3, 2]) / 2)
    if class_tokens:
        assert torch.equal(made.encoder.tokens.classes[1], state["class_token"][0, 0])
        assert torch.equal(made.encoder.tokens.class_positions[1], positions[0])
    keys = made.encoder.layers[1].self_attention.key.mu_weight
    packed = state["encoder.layers.encoder_layer_1.self_attention.in_proj_weight"]
    assert torch.equal(keys.detach(), packed[16:32])


def test_frames_without_class_tokens_are_columns_of_patches():
    encoder = encoder_of("ast", class_tokens=0, frequency_stride=16)
    x = torch.randn(2, 56, 64)
    with torch.no_grad():
        tokens = encoder.norm(encoder.layers(encoder.embed(x.unsqueeze(1))))
        found = frames_of(encoder, x)
    assert tokens.shape == (2, 4 * 5, 16)
    torch.testing.assert_close(found[:, 3], tokens[:, [3, 8, 13, 18]].mean(1))


def test_shared_layers_are_one_layer_twice():
    twice, once = encoder_of("cnn_transformer"), encoder_of("cnn_transformer", layers=1)
    once.load_state_dict(twice.state_dict())
    x = torch.randn(2, 16, 64)
    with torch.no_grad():
        torch.testing.assert_close(frames_of(twice, x), once.layers(frames_of(once, x)))
    assert len(encoder_of("cnn_transformer", shared=False).layers) == 2


LEFT = {"ast": {"encoder.tokens": "Tokens"}, "talnet": {"encoder.gru": "GRU"}}


@pytest.mark.parametrize("name", SMALL)
def test_what_has_no_posterior_is_named(name, paper_network, tmp_path):
    chosen = settings_of(paper_network, name)
    det, flip = (build_network(strategy, 3, chosen) for strategy in ("det", "flip"))
    wanted = sum(
        2 * sum(p.numel() for p in m.parameters())
        for m in det.modules()
        if isinstance(m, nn.Conv2d | nn.Linear)
    )
    layers = [m for m in flip.modules() if isinstance(m, BaseVariationalLayer_)]
    found = sum(p.numel() for m in layers for p in m.parameters())
    left = sum(p.numel() for p in det.parameters()) - wanted // 2
    assert found == wanted
    assert trainable_parameters(flip) == wanted + left
    assert deterministic_layers(flip) == LEFT.get(name, {})
    for strategy, made in (("det", det), ("flip", flip)):
        save_checkpoint(made, tmp_path / "network.safetensors", {"strategy": strategy})
        facts = load_checkpoint(tmp_path / "network.safetensors")[1]
        named = facts.get("deterministic_layers")
        assert named == (LEFT.get(name) if strategy == "flip" else None)


@pytest.mark.parametrize("name", SMALL)
def test_moped_and_kl_reach_every_layer(name, paper_network):
    torch.manual_seed(0)
    chosen = settings_of(paper_network, name)
    chosen["moped"] = {"delta": 0.3, "prior": "unit"}
    det = build_network("det", 3, chosen)
    for module in det.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.normal_(module.bias)
    flip = moped_from(det.state_dict(), 3, chosen)
    weights = [
        parameter
        for module in det.modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
        for parameter in (module.weight, module.bias)
        if parameter is not None
    ]
    wanted = sum(
        kl_divergence(Normal(w.double(), 0.3 * w.double().abs()), Normal(0.0, 1.0)).sum()
        for w in weights
    )
    found = bayesian.kl_divergence(flip, "sum").double()
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=0)
    points = {k: v for k, v in det.state_dict().items() if k in flip.state_dict()}
    assert points
    assert all(torch.equal(flip.state_dict()[name], value) for name, value in points.items())


def test_signs_of_a_channel_are_those_of_all_frames():
    """Then equal frames get equal noise; with a sign for each element they do not."""
    for signs, equal in (("channel", True), ("element", False)):
        torch.manual_seed(0)
        settings = {"prior_mu": 0.0, "prior_sigma": 1.0, "signs": signs}
        settings |= {"posterior_mu_init": 0.0, "posterior_rho_init": -1.0}
        holder = nn.ModuleDict({"layer": nn.Linear(6, 4)})
        to_flipout(holder, settings)
        layer = next(flipout_layers(holder))
        assert isinstance(layer, LinearFlipout)
        out = layer(torch.randn(3, 1, 6).expand(3, 5, 6))
        assert out.shape == (3, 5, 4)
        assert torch.allclose(out[:, :1].expand_as(out), out, atol=1e-6) == equal
        assert not torch.allclose(out[0], out[1])


@pytest.mark.parametrize("name", SMALL)
def test_macs_agree_with_torchs_counter_on_both_devices(name):
    made = network(name, 64, SMALL[name]).eval()
    clip = torch.randn(1, 40, 64)
    found = count_macs(made, clip)["Global"]
    meta = made.to("meta")
    with FlopCounterMode(display=False) as flops, torch.no_grad():
        meta(clip.to("meta"))
    assert 2 * (found["conv"] + found["linear"]) == flops.get_total_flops()
    on_meta = count_macs(meta, clip.to("meta"))["Global"]
    assert [on_meta[kind] for kind in ("conv", "linear")] == [found["conv"], found["linear"]]


def test_macs_of_a_layer_of_attention_by_formula():
    layer, frames = transformer.attention_layer(16, 2, 24, 0.0).eval(), 40
    products = 4 * frames * 16 * 16 + 2 * frames * frames * 16 + 2 * frames * 16 * 24
    found = count_macs(layer, torch.randn(1, frames, 16))["Global"]
    assert found["linear"] == products
