"""Every encoder of frames goes the whole way: upstream, MOPED, transfer in both phases, scores."""

import math

import pytest
from recipes import pretrain, transfer

from vipann.evaluation.metrics import metrics_of
from vipann.evaluation.predict import predict
from vipann.evaluation.predictions import read_predictions
from vipann.models.checkpoints import load_checkpoint
from vipann.parts import model_settings
from vipann.registry import choices, declared
from vipann.training.importing import initialise_with_moped

pytestmark = pytest.mark.slow

HOME = "vipann.models.encoders"
ATTENTION = {"width": 16, "layers": 1, "heads": 2, "feed_forward": 16, "dropout": 0.2}
IMAGES = {"width": 0.125, "dropout": 0.2}
ENCODERS = {
    "ast": ATTENTION | {"columns": 3},
    "cnn_transformer": {"width": 64, "heads": 2, "feed_forward": 16},
    "conformer": ATTENTION | {"kernel": 3},
    "efficientnet": IMAGES | {"variant": "b0"},
    "efficientnet_lite0": IMAGES,
    "frame_mlp": {"dropout": 0.2},
    "mn04": {"dropout": 0.2},
    "mobilenet_v2": IMAGES,
    "resnet50": IMAGES,
    "resnet54": {"width": 2, "blocks": [1, 1, 1, 1]},
    "talnet": {"width": 64, "dropout": 0.2},
    "transformer": ATTENTION,
}
SCORING = {"seed": 3, "mc_samples": 2, "replications": 2, "dataset": "own", "scored_dataset": "own"}


def test_none_is_left_out():
    """Those of waveforms need other features."""
    places = {name: f"{HOME}.{name}" for name in choices(HOME)}
    waveforms = {n for n, p in places.items() if declared(p, "TAKES_WAVEFORMS", default=False)}
    assert set(ENCODERS) == places.keys() - waveforms


@pytest.mark.parametrize("strategy", ["det", "drop", "flip"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_from_upstream_to_scores(
    encoder, strategy, multilabel, multiclass, settings, upstream_settings, tmp_path
):
    model = model_settings(settings["model"] | {"encoder": encoder, encoder: ENCODERS[encoder]})
    upstream, transferred = upstream_settings | {"model": model}, settings | {"model": model}
    upstream["training"]["steps"], transferred["training"]["epochs"] = 1, 1
    paths = {n: tmp_path / f"{n}.safetensors" for n in ("up", "det", "moped", "fixed", "tuned")}
    start = None
    if strategy == "flip":
        pretrain("det", multilabel, None, upstream, paths["det"])
        initialise_with_moped(paths["det"], upstream, paths["moped"])
        start = paths["moped"]
    pretrain(strategy, multilabel, start, upstream, paths["up"])
    transfer(strategy, "fixed", 1, multiclass, paths["up"], transferred, paths["fixed"])
    transfer(strategy, "finetuned", 1, multiclass, paths["fixed"], transferred, paths["tuned"])
    facts = load_checkpoint(paths["tuned"])[1]
    assert ("deterministic_layers" in facts) == (
        strategy == "flip" and encoder in ("ast", "talnet")
    )
    predict(paths["tuned"], multiclass, {"folds": [1]}, SCORING, "cpu", 16, tmp_path / "p.h5")
    found = metrics_of(read_predictions(tmp_path / "p.h5"))
    scores = found.groupby("metric")["value"].mean()
    assert 0 <= scores["accuracy"] <= 1
    assert math.isfinite(scores["mean_total"])
    assert (scores["mean_epistemic"] > 1e-9) == (strategy != "det")
