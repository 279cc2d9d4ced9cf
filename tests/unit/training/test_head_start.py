"""How the new heads of transfer start: as nn.Linear does, or Xavier's way with biases of 0."""

import math

import pytest
import torch
from recipes import pretrain, transfer
from scipy.stats import kstest

from vipann.models.checkpoints import load_checkpoint
from vipann.models.strategies import network_of, start_as_pytorch


@pytest.fixture
def started(multiclass, multilabel, settings, upstream_settings, tmp_path):
    """The head of det after a fixed phase that hardly moves it."""

    def of(**changes):
        upstream, out = (tmp_path / f"{name}.safetensors" for name in ("upstream", "fixed"))
        if not upstream.exists():
            pretrain("det", multilabel, None, upstream_settings, upstream)
        slow = {"epochs": 1, "learning_rate": 1e-12}
        given = settings | {"training": settings["training"] | slow | changes}
        transfer("det", "fixed", 1, multiclass, upstream, given, out)
        return load_checkpoint(out)[0]

    return of


def test_a_new_head_starts_as_the_published_codes(started):
    state = started()
    weight, bias = state["head.fc1.weight"], state["head.fc1.bias"]
    bound = 1 / math.sqrt(weight.shape[1])
    for values in (weight, bias):
        assert values.abs().max() <= bound * 1.0001
        even = kstest(values.flatten().numpy(), "uniform", args=(-bound, 2 * bound))
        assert even.pvalue > 1e-3


def test_a_new_head_starts_xaviers_way_where_asked(started):
    state = started(head_start="xavier")
    weight = state["head.fc1.weight"]
    bound = math.sqrt(6 / sum(weight.shape))
    assert weight.abs().max() <= bound * 1.0001
    assert kstest(weight.flatten().numpy(), "uniform", args=(-bound, 2 * bound)).pvalue > 1e-3
    assert state["head.fc1.bias"].abs().max() < 1e-9


@pytest.mark.parametrize(("strategy", "learnt"), [("det", "weight"), ("det_flip", "mu_weight")])
def test_the_hidden_layer_goes_on_where_upstream_left_it(
    multiclass, multilabel, settings, upstream_settings, tmp_path, strategy, learnt
):
    upstream, out = (tmp_path / f"{name}.safetensors" for name in ("upstream", "fixed"))
    pretrain("det", multilabel, None, upstream_settings, upstream)
    slow = {"epochs": 1, "learning_rate": 1e-12, "head_start": "upstream"}
    given = settings | {"training": settings["training"] | slow}
    transfer(strategy, "fixed", 1, multiclass, upstream, given, out)
    before, after = load_checkpoint(upstream)[0], load_checkpoint(out)[0]
    torch.testing.assert_close(after[f"head.fc1.{learnt}"], before["head.fc1.weight"])
    bias = learnt.replace("weight", "bias")
    torch.testing.assert_close(after[f"head.fc1.{bias}"], before["head.fc1.bias"])
    output = after[f"head.fc_audioset.{learnt}"]
    assert not torch.equal(output, before["head.fc_audioset.weight"])


@pytest.mark.parametrize("probability", [None, 0.01])
def test_a_probability_to_start_from_stays(small_network, probability):
    model = small_network["model"] | {"head": "linear"}
    model["linear"] = {"start_probability": probability}
    head = network_of(model, 64, 30).head
    start_as_pytorch(head)
    expected = None if probability is None else math.log(probability / (1 - probability))
    if expected is None:
        assert head.fc.bias.unique().numel() == 30
    else:
        assert torch.equal(head.fc.bias, torch.full((30,), expected))
