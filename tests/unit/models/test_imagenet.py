"""Encoders that start from weights trained on ImageNet, real ones too."""

import numpy as np
import pytest
import torch
import torchvision

from vipann.config import merge
from vipann.datasets.archives import fetch_archive
from vipann.errors import UserError
from vipann.models.imagenet import start_from_imagenet
from vipann.models.strategies import build_network
from vipann.parts import imagenet_entry, model_settings

LITE0 = {"encoder": "efficientnet_lite0"}


def settings_of(paper_network, model):
    chosen = {"pooling": "mean", "head": "linear", "pooled": "frames"} | model
    return merge(paper_network, {"model": model_settings(chosen), "bands": 64})


@pytest.fixture(scope="module")
def lite0_weights(tmp_path_factory):
    """The published file, as rule download_imagenet takes it from its package."""
    path = tmp_path_factory.mktemp("imagenet") / "lite0.pth"
    try:
        fetch_archive(imagenet_entry(LITE0), path, None)
    except UserError as error:
        pytest.skip(f"ImageNet weights: {error}")
    return path


def picture():
    """Circles, bars and noise of three equal channels: (2, 3, 224, 224), about standardised."""
    y, x = np.mgrid[-1:1:224j, -1:1:224j]
    noise = np.random.default_rng(5).normal(0, 0.3, (2, 224, 224))
    shapes = np.stack([np.sin(20 * np.hypot(x, y)), np.sign(np.sin(15 * x)) * (y > 0)])
    return torch.from_numpy(shapes + noise).float()[:, None].expand(-1, 3, -1, -1)


def test_lite0_computes_what_the_package_of_its_reference_does(
    lite0_weights, paper_network, tmp_path, monkeypatch
):
    """efficientnet_lite_pytorch, of the same authors as the weights; its wheel is not installed."""
    entry = {"package": "efficientnet-lite-pytorch==0.1.0", "unverified": "a reference in tests"}
    for name in ("model.py", "utils.py", "__init__.py"):
        try:
            fetch_archive(
                entry | {"file": name}, tmp_path / "efficientnet_lite_pytorch" / name, None
            )
        except UserError as error:
            pytest.skip(f"reference implementation: {error}")
    monkeypatch.syspath_prepend(str(tmp_path))
    from efficientnet_lite_pytorch import EfficientNet

    theirs = EfficientNet.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(torch.load(lite0_weights, weights_only=True))
    network = build_network("det", 3, settings_of(paper_network, LITE0)).eval()
    start_from_imagenet(network, LITE0, lite0_weights, "sum")
    x = picture()
    with torch.no_grad():
        wanted = theirs.extract_features(x)
        found = network.encoder.blocks(x[:, :1].transpose(2, 3))
    assert wanted.abs().max() > 1
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("stem", "factor"), [("sum", 1.0), ("mean", 1 / 3), ("random", None)])
def test_the_first_convolution_is_that_of_three_channels_or_as_drawn(
    lite0_weights, paper_network, stem, factor
):
    network = build_network("det", 3, settings_of(paper_network, LITE0))
    first = network.encoder.features[0][0][1].weight
    drawn = first.detach().clone()
    start_from_imagenet(network, LITE0, lite0_weights, stem)
    published = torch.load(lite0_weights, weights_only=True)
    theirs = published["_conv_stem.weight"].sum(1, keepdim=True)
    assert first.shape == (32, 1, 3, 3)
    torch.testing.assert_close(first.data, drawn if factor is None else theirs * factor)
    last = network.encoder.features[-1][0].weight
    assert torch.equal(last.data, published["_conv_head.weight"])


@pytest.mark.parametrize("strategy", ["det", "flip"])
@pytest.mark.parametrize(
    ("encoder", "theirs"),
    [
        ({"encoder": "efficientnet"}, torchvision.models.efficientnet_b2),
        ({"encoder": "mobilenet_v2"}, torchvision.models.mobilenet_v2),
        ({"encoder": "resnet50"}, torchvision.models.resnet50),
    ],
)
def test_torchvisions_files_fit_and_flipout_takes_them_as_means(
    encoder, theirs, strategy, paper_network, tmp_path
):
    """Drawn weights by torchvision's names: its real files cannot be had everywhere."""
    torch.manual_seed(0)
    state = theirs(weights=None).state_dict()
    torch.save({k: v for k, v in state.items() if "num_batches" not in k}, tmp_path / "w.pth")
    network = build_network(strategy, 3, settings_of(paper_network, encoder))
    start_from_imagenet(network, encoder, tmp_path / "w.pth", "mean")
    own = network.encoder.state_dict()
    means = {k.replace("mu_kernel", "weight").replace("mu_bias", "bias"): k for k in own}
    kept = [k for k in state if not k.startswith(("fc.", "classifier."))]
    for name in kept[1:]:
        if "num_batches" not in name:
            mine = own[means[f"features.{name.removeprefix('features.')}"]]
            assert torch.equal(mine, state[name]), name
    first = own[means[f"features.{kept[0].removeprefix('features.')}"]]
    torch.testing.assert_close(first, state[kept[0]].mean(1, keepdim=True))


def test_weights_of_another_network_are_refused_with_what_is_wrong(paper_network, tmp_path):
    torch.save(torchvision.models.efficientnet_b0().state_dict(), tmp_path / "b0.pth")
    b2 = {"encoder": "efficientnet", "efficientnet": {"variant": "b2"}}
    network = build_network("det", 3, settings_of(paper_network, b2))
    with pytest.raises(UserError, match=r"b0\.pth does not fit.*\n.*missing: features\.1\.1"):
        start_from_imagenet(network, b2, tmp_path / "b0.pth")
    lite0 = build_network("det", 3, settings_of(paper_network, LITE0))
    with pytest.raises(UserError, match=r"b0\.pth does not fit.*\n.*shape of features"):
        start_from_imagenet(lite0, LITE0, tmp_path / "b0.pth")
