"""Files made here after the published names, shapes and formulas become our networks."""

import copy
import json
import pickle
import zipfile

import librosa
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from published_names import BOTTLENECKS, CLASSES, MEL_BANDS, published_shapes

from vipann.config import read_layer
from vipann.errors import UserError
from vipann.models.checkpoints import load_checkpoint, save_checkpoint, sidecar_of
from vipann.models.first_house import name_now
from vipann.models.flipout import Conv2dFlipout
from vipann.models.published import read_published
from vipann.models.strategies import network_of, rebuild
from vipann.parts import feature_settings
from vipann.training.importing import import_weights

FRAMES = 64
SMALL = 32  # full channel counts are divided by it: width 2


def random_weights(seed=0):
    draw = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in published_shapes(SMALL).items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif name.endswith("running_var"):
            state[name] = torch.rand(shape, generator=draw) + 0.5
        else:
            fan_in = max(1, int(np.prod(shape[1:])))
            state[name] = torch.randn(shape, generator=draw) / fan_in**0.5
    return state


@pytest.fixture(scope="session")
def dft():
    """torchlibrosa's matrix W (1024, 513), by its own formula."""
    x, y = np.meshgrid(np.arange(1024), np.arange(1024))
    return np.power(np.exp(-2 * np.pi * 1j / 1024), x * y)[:, :513]


def front_end(dft, window="hann", sr=32000, n_mels=64, fmin=50, fmax=14000):
    """The tensors of torchlibrosa's Spectrogram and LogmelFilterBank."""
    shape = librosa.filters.get_window(window, 1024, fftbins=True)
    matrix = (dft * shape[:, None]).T[:, None, :]
    mel = librosa.filters.mel(sr=sr, n_fft=1024, n_mels=n_mels, fmin=fmin, fmax=fmax).T
    return {
        "spectrogram_extractor.stft.conv_real.weight": torch.Tensor(matrix.real),
        "spectrogram_extractor.stft.conv_imag.weight": torch.Tensor(matrix.imag),
        "logmel_extractor.melW": torch.Tensor(mel),
    }


def plain_forward(w, logmel):
    """The published forward pass in evaluation mode, from log-mel (B, T, 64) to logits."""

    def norm(x, name):
        keys = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(w[f"{name}.{key}"] for key in keys))

    def conv_block(x, name):
        for i in "12":
            x = F.conv2d(x, w[f"{name}.conv{i}.weight"], padding=1)
            x = F.relu(norm(x, f"{name}.bn{i}"))
        return x

    x = norm(logmel[:, None].transpose(1, 3), "bn0").transpose(1, 3)
    x = F.avg_pool2d(conv_block(x, "conv_block1"), 2)
    for place, *_, shortcut in BOTTLENECKS:
        name, kept = f"resnet.{place}", x
        if shortcut == "1":
            x = kept = F.avg_pool2d(x, 2)
        if shortcut != "-":
            kept = F.conv2d(kept, w[f"{name}.downsample.{shortcut}.weight"])
            kept = norm(kept, f"{name}.downsample.{int(shortcut) + 1}")
        x = F.relu(norm(F.conv2d(x, w[f"{name}.conv1.weight"]), f"{name}.bn1"))
        x = F.relu(norm(F.conv2d(x, w[f"{name}.conv2.weight"], padding=1), f"{name}.bn2"))
        x = F.relu(norm(F.conv2d(x, w[f"{name}.conv3.weight"]), f"{name}.bn3") + kept)
    x = conv_block(F.avg_pool2d(x, 2), "conv_block_after1").mean(dim=3)
    x = x.max(dim=2).values + x.mean(dim=2)
    x = F.relu(F.linear(x, w["fc1.weight"], w["fc1.bias"]))
    return F.linear(x, w["fc_audioset.weight"], w["fc_audioset.bias"])


def flipout_names(state, heads=True, rho=-30.0):
    """The same weights as bayesian-torch names the parameters of its Flipout layers."""
    made = {}
    for name, value in state.items():
        layer, _, part = name.rpartition(".")
        is_head = layer in ("fc1", "fc_audioset")
        if (is_head and not heads) or not (is_head or value.dim() == 4):
            made[name] = value
            continue
        part = "kernel" if value.dim() == 4 else part
        made |= {f"{layer}.mu_{part}": value, f"{layer}.rho_{part}": torch.full_like(value, rho)}
    return made


@pytest.fixture
def paper_features(request):
    config = read_layer(request.config.rootpath / "config/config.yaml")
    return feature_settings(config["features"])


@pytest.fixture
def settings(small_network, paper_features):
    base = copy.deepcopy(small_network)
    base["model"]["resnet54"]["blocks"] = [3, 4, 6, 3]
    return base | {"features": paper_features | {"window": "hann"}, "entry": {}}


@pytest.fixture
def imported(tmp_path, settings):
    """Save `content`, import it as `strategy`, give back the rebuilt network and its facts."""

    def run(content, strategy="det", **changes):
        file, out = tmp_path / "published.pth", tmp_path / f"{strategy}.safetensors"
        torch.save(content, file)
        import_weights(strategy, file, settings | changes, out)
        state, facts = load_checkpoint(out)
        return rebuild(facts, state).eval(), facts

    return run


def logmel():
    return torch.randn(2, FRAMES, MEL_BANDS, generator=torch.Generator().manual_seed(5)) * 10 - 40


def test_our_network_has_the_published_names_and_shapes():
    parts = {"encoder": "resnet54", "pooling": "max_plus_mean", "head": "two_layers"}
    with torch.device("meta"):
        network = network_of(parts, 64, CLASSES)
    ours = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    assert ours == {name_now(k): shape for k, shape in published_shapes().items()}


@pytest.mark.parametrize("strategy", ["det", "drop"])
@pytest.mark.parametrize("wrap", ["model", "state_dict", "bare", "module", "both"])
def test_an_imported_network_computes_what_the_published_one_does(dft, imported, strategy, wrap):
    weights = random_weights()
    state = weights | front_end(dft)
    if wrap in ("module", "both"):
        state = {f"module.{name}": value for name, value in state.items()}
    content = {"bare": state, "module": state, "both": {"model": state}}.get(wrap, {wrap: state})
    network, facts = imported(content, strategy)
    network.apply(lambda m: setattr(m, "monte_carlo", False))
    with torch.no_grad():
        expected = plain_forward(weights, logmel())
        torch.testing.assert_close(network(logmel()), expected, atol=1e-4, rtol=1e-4)
    assert expected.std() > 0.1
    assert (facts["strategy"], facts["phase"]) == (strategy, "pretrained")
    assert len(facts["classes"]) == CLASSES
    assert facts["imported"]["front_end_checked"]


def test_half_precision_and_files_without_batch_counters_are_taken(imported):
    state = {k: v.half() for k, v in random_weights().items() if "num_batches" not in k}
    network, facts = imported(state)
    assert torch.equal(network.head.fc1.weight, state["fc1.weight"].float())
    assert not facts["imported"]["front_end_checked"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"window": "hamming"}, "set features.logmel.window: hann (it is hamming)"),
        ({"fmin": 20.0}, "set features.logmel.fmin: 50 (it is 20.0)"),
        ({"fmax": 16000.0}, "set features.logmel.fmax: 14000 (it is 16000.0)"),
        ({"sample_rate": 44100}, "set features.logmel.sample_rate: 32000 (it is 44100)"),
        ({"mel_bands": 128}, "set features.logmel.mel_bands: 64 (it is 128)"),
        ({"window_length": 2048}, "set features.logmel.window_length: 1024 (it is 2048)"),
    ],
)
def test_another_front_end_is_refused_and_the_setting_named(dft, imported, settings, change, told):
    with pytest.raises(UserError) as caught:
        imported(random_weights() | front_end(dft), features=settings["features"] | change)
    assert str(caught.value).splitlines()[1:] == [f"  {told}"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"fmin": 0, "fmax": 16000}, ["features.logmel.fmin: 0 ", "features.logmel.fmax: 16000 "]),
        (
            {"sr": 16000, "fmax": 8000},
            ["features.logmel.sample_rate: 16000 ", "features.logmel.fmax: 8000 "],
        ),
        ({"fmin": 333, "fmax": 13131}, ["reach from about 344 to 13125 Hz"]),
        ({"window": "blackman"}, ["window is none of hamming, hann"]),
    ],
)
def test_what_the_file_was_made_with_is_told_as_far_as_possible(dft, imported, change, told):
    with pytest.raises(UserError) as caught:
        imported(random_weights() | front_end(dft, **change))
    assert all(text in str(caught.value) for text in told)


def test_a_trained_stft_is_refused(dft, imported):
    made = front_end(dft)
    made["spectrogram_extractor.stft.conv_imag.weight"][100, 0, 500] += 0.1
    with pytest.raises(UserError, match="no Fourier transform"):
        imported(random_weights() | made)


def test_an_stft_without_a_mel_matrix_is_still_checked(dft, imported, settings):
    saved = front_end(dft)
    del saved["logmel_extractor.melW"]
    imported(random_weights() | saved)
    other = settings["features"] | {"window": "hamming"}
    with pytest.raises(UserError, match=r"set features\.logmel\.window: hann"):
        imported(random_weights() | saved, features=other)


def test_a_bfloat16_file_is_held_to_its_own_precision(dft, imported):
    state = random_weights() | front_end(dft)
    imported({k: v.bfloat16() if v.is_floating_point() else v for k, v in state.items()})


def test_missing_surplus_and_misshapen_tensors_are_all_listed(imported):
    state = random_weights()
    state["attention.weight"] = state.pop("resnet.layer3.2.conv2.weight")
    state["conv_block1.conv3.weight"] = state["fc1.weight"] = torch.zeros(3, 3)
    with pytest.raises(UserError) as caught:
        imported(state)
    for told in (
        "published.pth",
        "missing: encoder.resnet.layer3.2.conv2.weight",
        "surplus: pooling.attention.weight",
        "surplus: encoder.conv_block1.conv3.weight",
        "shape of head.fc1.weight: (3, 3) in the checkpoint, (64, 64) here",
    ):
        assert told in str(caught.value)


def test_values_that_are_not_finite_are_named(imported):
    state = random_weights()
    state["fc1.bias"][3] = float("nan")
    with pytest.raises(UserError, match=r"not finite in: fc1\.bias"):
        imported(state)


class Payload:
    """A pickle that would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_file_with_code_is_refused_and_not_run(tmp_path, is_zip):
    file, made = tmp_path / "evil.pth", tmp_path / "made"
    content = {"extra": Payload(made), "model": {"fc1.bias": torch.ones(2)}}
    if is_zip:
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(UserError, match=r"evil\.pth.*could run code \(Unsupported .*open"):
        read_published(file)
    assert not made.exists()


@pytest.mark.parametrize("core", ["core", "_core"])
def test_numpy_arrays_beside_the_weights_are_no_obstacle(tmp_path, core):
    sampler = {"indexes": np.arange(9), "queue": [np.int64(3)], "scores": np.ones(2)}
    new, file = tmp_path / "new.pth", tmp_path / "sampler.pth"
    torch.save({"iteration": 1, "model": random_weights(), "sampler": sampler}, new)
    with zipfile.ZipFile(new) as source, zipfile.ZipFile(file, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("data.pkl"):  # numpy 2 calls it _core, older files core
                assert b"numpy._core.multiarray" in data
                data = data.replace(b"numpy._core.multiarray", f"numpy.{core}.multiarray".encode())
            target.writestr(name, data)
    assert read_published(file).network.keys() == random_weights().keys()


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>not found</html>", b"PK\x03\x04 cut", b"\x80\x02}q\x00X\x05", b"\0" * 99],
)
def test_a_file_that_is_something_else_is_named(tmp_path, content):
    file = tmp_path / "page.pth"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"page\.pth"):
        read_published(file)


@pytest.mark.parametrize("content", [{"model": [1, 2]}, {"epoch": 3}, [torch.ones(2)], {}])
def test_a_file_without_state_dict_is_named(tmp_path, content):
    file = tmp_path / "other.pth"
    torch.save(content, file)
    with pytest.raises(UserError, match=r"other\.pth holds no state dict"):
        read_published(file)


def test_a_flipout_file_keeps_its_posteriors_and_takes_the_configs_priors(imported):
    weights = random_weights()
    state = flipout_names(weights)
    noise = {f"fc1.{name}": torch.zeros(64, 64) for name in ("eps_weight", "prior_weight_mu")}
    network, facts = imported(state | noise, "flip")
    assert isinstance(network.encoder.conv_block1.conv1, Conv2dFlipout)
    assert facts["imported"]["dropped"] == list(noise)
    assert network.head.fc1.prior_weight_mu == 0
    assert network.head.fc1.prior_weight_sigma == 1
    assert torch.equal(network.head.fc1.rho_weight, state["fc1.rho_weight"])
    with torch.no_grad():  # its posteriors are points: sampling changes nothing
        expected = plain_forward(weights, logmel())
        torch.testing.assert_close(network(logmel()), expected, atol=1e-4, rtol=1e-4)


def test_deterministic_heads_of_a_flipout_file_become_flipout_by_moped(imported, settings):
    weights = random_weights()
    network, _ = imported({"model": flipout_names(weights, heads=False)}, "flip")
    for name in ("fc1", "fc_audioset"):
        layer = getattr(network.head, name)
        assert torch.equal(layer.mu_weight, weights[f"{name}.weight"])
        assert torch.equal(layer.mu_bias, weights[f"{name}.bias"])
        sigma, delta = F.softplus(layer.rho_weight), settings["moped"]["delta"]
        torch.testing.assert_close(sigma, delta * layer.mu_weight.abs(), atol=1e-5, rtol=1e-4)


def test_files_and_strategies_that_do_not_belong_together_are_refused(imported, settings):
    with pytest.raises(UserError, match=r"deterministic network: name it as .*checkpoints\.det"):
        imported(random_weights(), "flip")
    with pytest.raises(UserError, match=r"Flipout network: name it as .*checkpoints\.flip"):
        imported(flipout_names(random_weights()), "drop")
    moped = settings["moped"] | {"prior": "weights"}
    with pytest.raises(UserError, match=r"Set moped\.prior: unit"):
        imported(flipout_names(random_weights()), "flip", moped=moped)


def test_a_file_that_is_not_there_or_not_the_listed_one_says_what_to_do(tmp_path, settings):
    gone, out = tmp_path / "deterministic.pth", tmp_path / "det.safetensors"
    entry = {"path": str(gone), "how_to_get": "Ask its authors."}
    with pytest.raises(UserError, match=r"det\.path: .*deterministic\.pth is not there. Ask its"):
        import_weights("det", gone, settings | {"entry": entry}, out)
    torch.save(random_weights(), gone)
    with pytest.raises(UserError, match=r"wrong checksum\.\n  expected: md5 0000"):
        import_weights("det", gone, settings | {"entry": entry | {"md5": ["0" * 32]}}, out)
    assert not out.exists()


def test_our_own_checkpoint_is_taken_if_its_front_end_is_the_configs(imported, settings, tmp_path):
    network, _ = imported(random_weights())
    own, out = tmp_path / "det.safetensors", tmp_path / "drop.safetensors"
    import_weights("drop", own, settings, out)
    state, facts = load_checkpoint(out)
    assert all(torch.equal(v, state[k]) for k, v in network.state_dict().items())
    assert (facts["strategy"], facts["imported"]["strategy"]) == ("drop", "det")
    features = settings["features"] | {"window": "hamming", "hop_length": 500}
    with pytest.raises(UserError) as caught:
        import_weights("drop", own, settings | {"features": features}, out)
    assert str(caught.value).splitlines()[1:] == [
        "  set features.logmel.window: hann (it is hamming)",
        "  set features.logmel.hop_length: 320 (it is 500)",
    ]
    with pytest.raises(UserError, match=r"det network of phase pretrained; .*flip takes"):
        import_weights("flip", own, settings, out)


def test_our_own_checkpoint_of_a_transfer_is_no_upstream_network(imported, settings, tmp_path):
    network, facts = imported(random_weights())
    own = tmp_path / "finetuned.safetensors"
    save_checkpoint(network, own, facts | {"phase": "finetuned"})
    assert json.loads(sidecar_of(own).read_text())["phase"] == "finetuned"
    with pytest.raises(UserError, match="phase finetuned"):
        import_weights("det", own, settings, tmp_path / "out.safetensors")
