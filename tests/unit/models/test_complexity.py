"""Table 1 equals the print, and the counter agrees with counts made otherwise."""

import csv

import librosa
import numpy as np
import pytest
import torch
from bayesian_torch.layers import Conv2dFlipout, LinearFlipout
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import get_window
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from vipann.config import merge, read_layer
from vipann.features.front_ends.logmel import FrontEnd, Settings
from vipann.models.complexity import (
    PARTS,
    PublishedNetwork,
    complexity,
    count_macs,
    published_network,
    write_complexities,
)
from vipann.models.network import trainable_parameters
from vipann.models.strategies import STRATEGIES, build_network
from vipann.papers.vi_pann.networks import SizedNetwork, networks
from vipann.papers.vi_pann.printed import STRATEGY_NAMES, paper_value


@pytest.fixture
def paper(pytestconfig):
    config = read_layer(pytestconfig.rootpath / "config/config.yaml")
    own = {key: config[key] for key in ("model", "bayesian")}
    return own | {"features": config["features"]["logmel"]}


@pytest.fixture
def small(paper):
    features = {"window_length": 256, "hop_length": 100, "sample_rate": 8000, "fmax": 4000}
    model = {"resnet54": {"width": 2, "blocks": [1, 1, 1, 1]}}
    return merge(paper, {"model": model, "features": features})


def total(module, *inputs):
    return {kind: macs for kind, macs in count_macs(module, *inputs)["Global"].items() if macs}


def test_all_eighteen_numbers_of_table_1_are_the_papers(paper):
    found = networks({"ESC-50": 5.0, "UrbanSound8K": 5.0, "DCASE2013": 30.0})
    printed = [network for network in found if network.table == "1"]
    assert len(printed) == 9
    for network in printed:
        found = complexity(network.strategy, network.classes, network.clip_seconds, paper)
        row = f"{network.dataset}/{STRATEGY_NAMES[network.strategy]}"
        assert found["parameters"] == paper_value(1, row, "Params"), row
        assert found["macs"] == paper_value(1, row, "MACs"), row
        assert found["macs"] == sum(found[part] for part in PARTS)


def test_parts_of_the_drop_network_on_esc50(paper):
    found = complexity("drop", 50, 5.0, paper)
    frames, bins = 501, 513
    assert found == {
        "parameters": 103_340_786,
        "macs": 13_536_497_600,
        "stft": 2 * frames * bins * 1024,
        "conv": 13_483_997_184 - 2 * frames * bins * 1024,
        "mel": frames * bins * 64,
        "linear": 2048 * 2048 + 2 * 2048 * 50,
        "batch_norm": 29_166_912,
        "avg_pool": 2_420_736,
        "mean": 15 * 2048 + 2048,
        "mul": frames * 64,
    }


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_counted_network_has_as_many_parameters_as_ours(small, strategy):
    ours = build_network(strategy, 10, small | {"bands": 64})
    assert complexity(strategy, 10, 1.0, small)["parameters"] == trainable_parameters(ours)


@given(
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    groups=st.integers(1, 2),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    batch=st.integers(1, 2),
)
def test_a_convolution_counts_its_inner_products(channels, groups, kernel, stride, batch):
    inside, outside = (count * groups for count in channels)
    layer = nn.Conv2d(inside, outside, kernel, stride=stride, groups=groups)
    height, width = ((size - k) // stride + 1 for size, k in zip((7, 9), kernel, strict=True))
    by_hand = batch * outside * height * width * channels[0] * kernel[0] * kernel[1]
    assert total(layer, torch.randn(batch, inside, 7, 9)) == {"conv": by_hand}


def test_small_modules_by_hand():
    x = torch.randn(2, 4, 6, 8)
    assert total(nn.Linear(5, 3), torch.randn(7, 5)) == {"linear": 7 * 5 * 3}
    folded = total(nn.Linear(5, 3, bias=False), torch.randn(2, 7, 5))
    assert folded == {"linear": 2 * 7 * 5 * 3}
    assert total(nn.BatchNorm2d(4).eval(), x) == {"batch_norm": 2 * 4 * 6 * 8}
    assert total(nn.AvgPool2d(2), x) == {"avg_pool": 2 * 4 * 3 * 4}
    parts = [nn.Linear(8, 8), nn.ReLU(), nn.Softplus(), nn.Flatten()]
    assert total(nn.Sequential(*parts), x) == {"linear": 2 * 4 * 6 * 8 * 8}


def test_flipout_layers_by_hand():
    conv = Conv2dFlipout(3, 5, 3, padding=1, bias=False)
    conv.dnn_to_bnn_flag = True
    # The product with the input's signs that nothing uses is not there.
    products = 5 * 3 * 9 + 3 * 8 * 6 + 5 * 8 * 6
    found = total(conv, torch.randn(1, 3, 8, 6))
    assert found == {"conv": 2 * 5 * 8 * 6 * 3 * 9, "mul": products}
    linear = LinearFlipout(6, 4)
    linear.dnn_to_bnn_flag = True
    products = (6 * 4 + 4) + 2 * 6 + 2 * 4
    assert total(linear, torch.randn(2, 6)) == {
        "linear": 2 * (2 * 6 * 4),
        "mul": products,
    }


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_products_of_matrices_agree_with_torchs_own_counter(small, strategy):
    network = published_network(strategy, 10, small)
    waveform = torch.empty(1, 16000, device="meta")
    with FlopCounterMode(display=False) as flops, torch.no_grad():
        network(waveform)
    found = complexity(strategy, 10, 2.0, small)
    matrices = sum(found[part] for part in ("stft", "conv", "mel", "linear"))
    assert 2 * matrices == flops.get_total_flops()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_our_own_layers_do_the_same_convolutions_on_real_numbers(small, strategy):
    ours = build_network(strategy, 10, small | {"bands": 64}).eval()
    found = total(ours, torch.randn(1, 161, 64))
    published = complexity(strategy, 10, 2.0, small)
    assert found["conv"] == published["conv"]
    assert found["batch_norm"] == published["batch_norm"]


def test_the_counted_front_end_is_the_log_mel_of_the_features(small):
    settings = small["features"]
    length = settings["window_length"]
    network = PublishedNetwork(build_network("det", 3, small | {"bands": 64}), settings).eval()
    angles = 2 * np.pi * np.outer(np.arange(length // 2 + 1), np.arange(length)) / length
    window = get_window(settings["window"], length)
    mel = librosa.filters.mel(
        sr=settings["sample_rate"],
        n_fft=length,
        n_mels=settings["mel_bands"],
        fmin=settings["fmin"],
        fmax=settings["fmax"],
    )
    weights = {
        network.real: (np.cos(angles) * window)[:, None],
        network.imaginary: (-np.sin(angles) * window)[:, None],
        network.mel: mel,
    }
    for layer, values in weights.items():
        layer.weight.data = torch.tensor(values, dtype=torch.float32)
    waveform = torch.randn(1, 8000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        logmel = network.logmel(waveform)
        tagging, logits = network(waveform)
        expected = network.network(logmel)
    np.testing.assert_allclose(
        logmel[0], FrontEnd(Settings(**settings))(waveform[0].numpy()), atol=0.05
    )
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(tagging, expected)


def test_the_csv_has_a_row_a_network(small, tmp_path):
    networks = [SizedNetwork("1_variants", "Sounds", name, 7, 2.0) for name in ("drop", "flip")]
    write_complexities(networks, small, tmp_path / "counts.csv")
    with (tmp_path / "counts.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["strategy"] for row in rows] == ["drop", "flip"]
    assert int(rows[1]["macs"]) == complexity("flip", 7, 2.0, small)["macs"]
    assert int(rows[1]["macs"]) > int(rows[0]["macs"])
