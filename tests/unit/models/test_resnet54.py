"""The network's size, shape and names at the paper's settings."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vipann.errors import UserError
from vipann.models.encoders.resnet54 import Bottleneck
from vipann.models.first_house import name_now
from vipann.models.network import trainable_parameters
from vipann.models.strategies import build_network, build_transferred, network_of

PARTS = {"encoder": "resnet54", "pooling": "max_plus_mean", "head": "two_layers"}


def small(classes, **settings):
    own = {"width": 2, "blocks": [1, 1, 1, 1]} | settings
    return network_of(PARTS | {"resnet54": own}, 64, classes)


@pytest.mark.parametrize(
    ("strategy", "classes", "printed"),
    [
        ("drop", 50, 103_340_786),
        ("det", 50, 103_340_786),
        ("det_flip", 50, 107_639_588),
        ("flip", 50, 206_620_004),
        ("drop", 10, 103_258_826),
        ("det_flip", 10, 107_475_668),
        ("flip", 10, 206_456_084),
        ("det", 527, 104_318_159),
    ],
)
def test_parameter_counts_equal_table_1(paper_network, strategy, classes, printed):
    with torch.device("meta"):
        network = build_network(strategy, classes, paper_network)
    assert trainable_parameters(network) == printed


def test_transferred_network_has_the_same_size_as_the_strategys_own(paper_network):
    with torch.device("meta"):
        network = build_transferred("flip", 50, paper_network)
    assert trainable_parameters(network) == 206_620_004


def test_names_are_those_of_the_published_checkpoints():
    with torch.device("meta"):
        names = set(network_of(PARTS, 64, 527).state_dict())
    expected = {
        "bn0.running_mean",
        "conv_block1.conv1.weight",
        "conv_block1.bn2.bias",
        "resnet.layer1.0.downsample.0.weight",
        "resnet.layer2.0.downsample.1.weight",
        "resnet.layer2.0.downsample.2.running_var",
        "resnet.layer3.5.bn3.weight",
        "resnet.layer4.2.conv2.weight",
        "conv_block_after1.conv2.weight",
        "fc1.bias",
        "fc_audioset.weight",
    }
    assert set(map(name_now, expected)) <= names
    assert "encoder.resnet.layer1.1.downsample.0.weight" not in names


@given(frames=st.integers(32, 130), clips=st.integers(1, 3))
@settings(max_examples=10, deadline=None)
def test_any_clip_from_32_frames_gives_one_row_of_logits(frames, clips):
    network = small(7).eval()
    logits = network(torch.randn(clips, frames, 64))
    assert logits.shape == (clips, 7)
    assert torch.isfinite(logits).all()


def test_too_short_a_clip_is_named_with_the_setting_to_change():
    with pytest.raises(UserError, match=r"31 frames.*hop_length"):
        small(7)(torch.randn(1, 31, 64))


def test_residual_branches_start_as_identity():
    block = next(m for m in small(3, blocks=[2, 1, 1, 1]).modules() if isinstance(m, Bottleneck))
    assert (block.bn3.weight == 0).all()


def test_stages_compose_to_the_forward_pass():
    network = small(5).eval()
    clips = torch.randn(2, 64, 64)
    x = clips
    for step, _ in network.stages():
        x = step(x)
    assert torch.equal(x, network(clips))
    listed = {id(m) for _, modules in network.stages() for m in modules}
    assert listed == {id(m) for m in [*network.encoder.children(), network.head]}
