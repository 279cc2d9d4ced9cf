"""The layers of frame_mlp, and the network of chapter 4 of the thesis on event detection."""

import pytest
import torch
import torch.nn.functional as F

from vipann.models.encoders.frame_mlp import Encoder, Settings
from vipann.models.heads.linear import Head
from vipann.models.heads.linear import Settings as HeadSettings
from vipann.models.network import Network
from vipann.models.pooling import maximum

CHAPTER_4 = Settings(layers=[512, 512, 256, 128], dropout=0.0)


def test_without_layers_it_is_the_network_of_two_whose_checkpoints_there_are():
    encoder = Encoder(Settings(hidden=8), 4)
    shapes = {n: tuple(v.shape) for n, v in encoder.named_parameters()}
    norm = {f"bn{n}.{kind}": (size,) for n, size in ((0, 4), (1, 8), (2, 8)) for kind in WB}
    assert shapes == {"conv1.weight": (8, 4, 1, 1), "conv2.weight": (8, 8, 1, 1)} | norm
    assert encoder.size == 8


WB = ("weight", "bias")


@pytest.mark.parametrize("layers", [[6], [6, 5, 4]])
def test_frames_are_those_of_linear_layers_with_batch_norm_and_relu(layers):
    torch.manual_seed(0)
    encoder = Encoder(Settings(layers=layers, dropout=0.5), 3).eval()
    features = torch.randn(2, 7, 3)
    x = features
    for step, _ in encoder.steps():
        x = step(x)
    expected = features / torch.sqrt(torch.tensor(1 + 1e-5))
    for number in range(1, len(layers) + 1):
        weight = encoder.get_submodule(f"conv{number}").weight[:, :, 0, 0]
        expected = F.relu(expected @ weight.T / torch.sqrt(torch.tensor(1 + 1e-5)))
    assert x.shape == (2, 7, layers[-1])
    assert encoder.size == layers[-1]
    torch.testing.assert_close(x, expected)


def weights_and_biases(bands: int, classes: int) -> int:
    """Of linear layers without batch norm, as the thesis has them: a batch norm's shift is a
    layer's bias, its scale is one more for each channel."""
    head = Head(128, classes, HeadSettings(), False)
    network = Network(Encoder(CHAPTER_4, bands), maximum, head, classes, "scores")
    scales = sum(p.numel() for n, p in network.named_parameters() if ".bn" in n and "weight" in n)
    count = sum(p.numel() for p in network.parameters())
    return count - scales - bands  # bn0's shift


def test_its_size_is_the_one_in_print_with_embeddings_of_512_components():
    """Table 4.2 says 700K, of embeddings of 512 components (section 4.2.3) and 17 classes; with
    AudioSet's of 128 it is a quarter less, though the table says 700K again."""
    by_hand = 512 * 512 + 512 * 512 + 512 * 256 + 256 * 128 + 128 * 17
    by_hand += 512 + 512 + 256 + 128 + 17
    assert weights_and_biases(512, 17) == by_hand == 691_729
    assert weights_and_biases(128, 17) == 691_729 - (512 - 128) * 512 == 495_121


@pytest.mark.parametrize(("start", "bias"), [(None, 0.0), (0.5, 0.0), (0.004, -5.5175)])
def test_a_linear_head_starts_with_the_log_odds_of_its_probability(start, bias):
    head = Head(6, 3, HeadSettings(start_probability=start), False)
    weights = []
    for made in (head, Head(6, 3, HeadSettings(), False)):
        torch.manual_seed(0)
        network = Network(Encoder(Settings(layers=[6]), 4), maximum, made, 3, "scores")
        weights.append(network.head.fc.weight)
    torch.testing.assert_close(head.fc.bias, torch.full((3,), bias), atol=1e-4, rtol=0)
    assert torch.equal(*weights)
