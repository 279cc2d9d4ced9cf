"""Clips that are too short for the network are refused with the config."""

from pathlib import Path

import pytest
import torch

from vipann.config import _length_faults, merge, read_layer
from vipann.errors import UserError
from vipann.features.audio import front_end_of
from vipann.models.strategies import network_of
from vipann.parts import frames_of, least_frames, takes_waveforms
from vipann.registry import choices


@pytest.fixture
def config():
    return read_layer(Path(__file__).parents[2] / "config/config.yaml")


def length_faults(config):
    return list(_length_faults(config, [config["upstream"], *config["transfer_datasets"]]))


def makes_sense_of(network, features):
    try:
        return bool(torch.isfinite(network(features)).all())
    except (UserError, RuntimeError):
        return False


@pytest.mark.parametrize("name", choices("vipann.models.encoders"))
def test_the_least_length_is_what_each_network_takes(name):
    small = {"resnet54": {"width": 2, "blocks": [1, 1, 1, 1]}, "frame_mlp": {"hidden": 4}}
    model = {"encoder": name, "pooling": "mean", "head": "two_layers"} | small
    bands = 64 if name == "resnet54" else 128
    network = network_of(model, bands, 3).eval()
    least, of_each = least_frames(model), () if takes_waveforms(model) else (bands,)
    assert makes_sense_of(network, torch.zeros(2, least, *of_each))
    assert not makes_sense_of(network, torch.zeros(2, least - 1, *of_each))


@pytest.mark.parametrize("front_end", choices("vipann.features.front_ends"))
@pytest.mark.parametrize("seconds", [0.3, 0.32, 1.0, 5.0, 10.01])
def test_frames_are_counted_as_the_front_ends_count(front_end, seconds):
    features = {"front_end": front_end}
    assert frames_of(features, seconds) == front_end_of(features).shape(seconds)[0]


def test_a_length_below_the_networks_is_told_with_the_least_that_helps(config):
    short = {"datasets": {"esc50": {"clip_seconds": 0.25}}}
    ((path, text),) = length_faults(merge(config, short))
    assert path == "datasets.esc50.clip_seconds"
    assert "0.25" in text
    assert "32 frames" in text
    least = float(text.split("at least ")[1].split(",")[0])
    better = merge(config, {"datasets": {"esc50": {"clip_seconds": least}}})
    assert length_faults(better) == []
    assert least < 0.33
    # 10 s are 33 frames then, 5 s 17.
    coarse = merge(config, {"features": {"logmel": {"hop_length": 10000}}})
    assert {path.split(".")[1] for path, _ in length_faults(coarse)} == {"esc50", "urbansound8k"}


def test_a_length_that_is_not_read_is_not_judged(config):
    """The out-of-distribution set is heard in windows of the networks' own clips' length."""
    short = merge(config, {"datasets": {"shipsear": {"clip_seconds": 0.1}}})
    assert length_faults(short) == []
