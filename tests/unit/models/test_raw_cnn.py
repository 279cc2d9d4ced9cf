"""M3 to M34-res: the sizes of the thesis's tables, and the same outputs as torch's own layers."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from vipann.models.network import trainable_parameters
from vipann.models.strategies import build_network, network_of

# Filters of each convolution, down a column of Table 3.1.
FILTERS = {
    "m3": [256] * 2,
    "m5": [128] * 2 + [256] + [512],
    "m11": [64] * 3 + [128] * 2 + [256] * 3 + [512] * 2,
    "m18": [64] * 5 + [128] * 4 + [256] * 4 + [512] * 4,
    "m34_res": [48] * 7 + [96] * 8 + [192] * 12 + [384] * 6,
}
# Of each: filter length, channels before and after.
LAYERS = {
    name: [(80, 1, filters[0]), *((3, *pair) for pair in pairwise(filters))]
    for name, filters in FILTERS.items()
}
DEPTH = {"m3": 3, "m5": 5, "m11": 11, "m18": 18, "m34_res": 34}
FRAMES = {"m3": 500, "m5": 32, "m11": 32, "m18": 32, "m34_res": 32}
# philipperemy/very-deep-convnets-raw-waveforms, README: "trainable params".
ELSEWHERE = {"m3": 221_194, "m5": 559_114, "m11": 1_786_442, "m18": 3_683_786}
FC = {"fully_connected": [1000, 1000]}


def network(classes=10, device="cpu", **settings):
    model = {"encoder": "raw_cnn", "raw_cnn": settings, "pooling": "mean", "head": "linear"}
    with torch.device(device):
        return network_of(model, 0, classes)


def counted(layers, classes=10, batch_norm=True):
    """Weights and biases of convolutions, scale and shift of batch norms, and the last layer."""
    convolutions = sum(length * before * after + after for length, before, after in layers)
    norms = 2 * sum(after for *_, after in layers) if batch_norm else 0
    return convolutions + norms + layers[-1][2] * classes + classes


def with_fc(name, frames):
    trunk = counted(LAYERS[name], classes=0)
    inputs = frames * LAYERS[name][-1][2]
    return trunk + inputs * 1000 + 1000 + 1000 * 1000 + 1000 + 2 * 2000 + 1000 * 10 + 10


@pytest.mark.parametrize("name", LAYERS)
def test_parameters_of_tables_3_1_and_3_6(name):
    assert len(LAYERS[name]) + 1 == DEPTH[name]
    found = trainable_parameters(network(device="meta", architecture=name))
    assert found == counted(LAYERS[name]) == ELSEWHERE.get(name, 3_978_490)
    bare = trainable_parameters(network(device="meta", architecture=name, batch_norm=False))
    assert bare == counted(LAYERS[name], batch_norm=False)


def test_parameters_of_table_3_4():
    for name, width, printed in (("m3", 1.5, 0.5e6), ("m5", 2, 2.2e6)):
        wide = [(n, b * width if b > 1 else 1, a * width) for n, b, a in LAYERS[name]]
        found = trainable_parameters(network(device="meta", architecture=name, width=width))
        assert found == counted(wide)
        assert found == pytest.approx(printed, rel=0.05)


def test_parameters_of_table_3_5_and_where_its_print_differs_from_its_text():
    found = {
        name: trainable_parameters(network(device="meta", architecture=name, **FC))
        for name in FRAMES
    }
    assert found == {name: with_fc(name, frames) for name, frames in FRAMES.items()}
    assert [round(found[name] / 1e6) for name in ("m3", "m5", "m11", "m18")] == [129, 18, 19, 21]
    # The print: 1.8 and 8.7 M.
    assert round(counted(LAYERS["m11"]) / 1e6, 1) == 1.8
    assert round(with_fc("m18", 8) / 1e6, 2) == 8.79


def test_parameters_with_other_first_filters():
    for length in (8, 320):
        found = trainable_parameters(
            network(device="meta", architecture="m18", first_filter=length)
        )
        assert found == counted([(length, 1, 64), *LAYERS["m18"][1:]])


class PlainM5(nn.Module):
    """M5 in torch's one-dimensional layers; 32,000 samples only."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv1d(before, after, length, 4 if length == 80 else 1)
            for length, before, after in LAYERS["m5"]
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(after) for *_, after in LAYERS["m5"])
        self.fc = nn.Linear(512, 10)

    def forward(self, x):
        x = x[:, None]
        sizes = []
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.pad(x, (38, 38) if conv.kernel_size == (80,) else (1, 1))
            x = F.relu(norm(conv(x)))
            short = -x.shape[2] % 4
            x = F.max_pool1d(F.pad(x, (short // 2, short - short // 2)), 4)
            sizes.append(x.shape[2])
        assert sizes == [2000, 500, 125, 32]  # Table 3.1
        return self.fc(x.mean(2))


def test_m5_is_that_of_one_dimensional_layers():
    torch.manual_seed(0)
    plain, ours = PlainM5().double(), network(architecture="m5").double()
    own = [m for m in ours.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in ours.modules() if isinstance(m, nn.BatchNorm2d)]
    for ours_conv, conv in zip(own, plain.convs, strict=True):
        assert ours_conv.weight.shape == (*conv.weight.shape, 1)
        conv.weight.data = ours_conv.weight.data.squeeze(3).clone()
        conv.bias.data = ours_conv.bias.data.normal_().clone()
    for ours_norm, norm in zip(norms, plain.norms, strict=True):
        norm.load_state_dict(ours_norm.state_dict())
    plain.fc.load_state_dict(ours.head.fc.state_dict())
    x = torch.randn(3, 32000, dtype=torch.float64)
    for mode in (True, False):
        plain.train(mode), ours.train(mode)
        torch.testing.assert_close(ours(x), plain(x))
    losses = [model(x).square().sum() for model in (plain, ours)]
    for loss in losses:
        loss.backward()
    for ours_conv, conv in zip(own, plain.convs, strict=True):
        torch.testing.assert_close(ours_conv.weight.grad.squeeze(3), conv.weight.grad)


@pytest.mark.parametrize("name", LAYERS)
def test_frames_of_table_3_1(name):
    found = network(architecture=name, width=0.1).eval()
    size = round(0.1 * FILTERS[name][-1])
    with torch.no_grad():
        assert frames_of(found, torch.randn(1, 32000)).shape == (1, FRAMES[name], size)


def test_a_residual_block_without_its_layers_repeats_channels():
    found = network(architecture="m34_res", width=0.25)
    block = found.encoder.stages[1][1]
    for layer in (block.layer1, block.layer2):
        nn.init.zeros_(layer.conv.weight)
        nn.init.zeros_(layer.conv.bias)
    x = torch.rand(2, 12, 7, 1)
    torch.testing.assert_close(block.eval()(x), x[:, torch.arange(24) // 2])


def test_fully_connected_layers_see_the_whole_clip():
    """A clip as long as they are made for gives one frame; torch's own layers the same."""
    torch.manual_seed(0)
    settings = {"fully_connected": [7, 5], "fully_connected_samples": 640, "width": 0.1}
    found = network(architecture="m3", **settings).eval()
    bare = network(architecture="m3", width=0.1).eval()
    trunk = found.encoder.state_dict()
    bare.encoder.load_state_dict({k: v for k, v in trunk.items() if "fully" not in k})
    x = torch.randn(2, 640)
    with torch.no_grad():
        expected = frames_of(bare, x).transpose(1, 2).flatten(1)
        for linear, norm in zip(
            found.encoder.fully_connected.linear, found.encoder.fully_connected.norm, strict=True
        ):
            expected = F.relu(norm(linear(expected)))
        torch.testing.assert_close(frames_of(found, x), expected[:, None])
        assert frames_of(found, torch.randn(2, 1280)).shape == (2, 11 + 1 - 1, 5)


def frames_of(network, x):
    for step, _ in network.encoder.steps():
        x = step(x)
    return x


def test_dropout_of_fully_connected_layers_is_sampled(paper_network):
    own = {"architecture": "m3", "width": 0.05, **FC, "fully_connected_samples": 640}
    model = {"encoder": "raw_cnn", "raw_cnn": own, "pooling": "mean", "head": "linear"}
    found = build_network("drop", 4, {"model": model, "bands": 0}).eval()
    x = torch.randn(2, 640)
    assert not torch.equal(found(x), found(x))


def test_every_weight_of_flip_has_a_posterior(paper_network):
    own = {"architecture": "m34_res", "width": 0.05}
    model = {"encoder": "raw_cnn", "raw_cnn": own, "pooling": "mean", "head": "linear"}
    settings = paper_network | {"model": model, "bands": 0}
    det, flip = (build_network(form, 4, settings) for form in ("det", "flip"))
    norms = sum(
        p.numel() for m in det.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters()
    )
    weights = trainable_parameters(det) - norms
    assert trainable_parameters(flip) == 2 * weights + norms
    assert flip(torch.randn(2, 600)).shape == (2, 4)
