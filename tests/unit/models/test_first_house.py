"""Checkpoints from before networks were made of parts are read as if they were made now."""

import json

import pytest
import torch
from safetensors.torch import save_file

from vipann.models.checkpoints import load_checkpoint, sidecar_of
from vipann.models.strategies import build_network, rebuild
from vipann.parts import feature_settings

RATES = {"conv": 0.1, "linear": 0.2, "block": 0.3, "block_in_monte_carlo": True}
OLD = {
    "resnet54": {"architecture": "resnet54", "width": 2, "blocks": [1, 1, 1, 1]},
    "frame_mlp": {"architecture": "embedding", "hidden": 8, "pooling": "attention"},
    "mn04": {"architecture": "mn04"},
}
OWN = {
    "resnet54": {
        "width": 2,
        "blocks": [1, 1, 1, 1],
        "dropout": 0.1,
        "block_dropout": 0.3,
        "block_dropout_in_monte_carlo": True,
    },
    "frame_mlp": {"hidden": 8, "dropout": 0.1},
    "mn04": {"dropout": 0.1},
}


@pytest.mark.parametrize("encoder", OLD)
@pytest.mark.parametrize("strategy", ["drop", "flip"])
def test_names_and_settings_of_before_give_the_network_of_now(
    encoder, strategy, paper_network, tmp_path
):
    pooling = {"resnet54": "max_plus_mean", "frame_mlp": "attention", "mn04": "mean"}[encoder]
    head = {"dropout": 0.2} | (
        {"hidden": 512, "activation": "hardswish"} if encoder == "mn04" else {}
    )
    model = {"encoder": encoder, "pooling": pooling, "head": "two_layers"}
    model |= {encoder: OWN[encoder], "two_layers": head}
    network = build_network(strategy, 3, paper_network | {"model": model}).eval()

    path = tmp_path / "old.safetensors"
    state = network.state_dict()
    save_file({k.partition(".")[2]: v.contiguous() for k, v in state.items()}, path)
    settings = {key: paper_network[key] for key in ("bayesian", "moped")}
    settings |= {"mel_bands": 64, "model": OLD[encoder] | {"dropout": RATES}}
    facts = {"strategy": strategy, "phase": "pretrained", "classes": ["a", "b", "c"]}
    sidecar_of(path).write_text(json.dumps(facts | {"settings": settings, "features": {}}))

    again = rebuild(*reversed(load_checkpoint(path))).eval()
    clips = torch.randn(2, 40, 64)
    outputs = []
    for each in (network, again):
        torch.manual_seed(0)
        outputs.append(each(clips))
    assert torch.equal(*outputs)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"hop_length": 500}, {"front_end": "logmel", "hop_length": 500}),
        ({"kind": "kaldi_mel", "fmin": 0}, {"front_end": "kaldi_mel", "fmin": 0}),
        (
            {"kind": "embedding", "mel_bands": 128},
            feature_settings({"front_end": "released_embeddings"}),
        ),
    ],
)
def test_features_of_before_name_their_front_end(before, now, tmp_path):
    path = tmp_path / "old.safetensors"
    save_file({"fc1.bias": torch.zeros(1)}, path)
    sidecar_of(path).write_text(json.dumps({"features": before}))
    assert load_checkpoint(path)[1]["features"] == now
