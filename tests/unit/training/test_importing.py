"""Imported weights serve every later stage: MOPED, transfer, prediction."""

import json

import h5py
import numpy as np
import pytest
import torch
from recipes import pretrain, transfer

from vipann.errors import UserError
from vipann.evaluation.predict import predict
from vipann.evaluation.predictions import read_predictions
from vipann.models.checkpoints import load_checkpoint, save_checkpoint, sidecar_of
from vipann.models.published import CLIP_SECONDS
from vipann.models.strategies import build_network
from vipann.parts import feature_settings
from vipann.training.importing import import_weights, initialise_with_moped

CLASSES = ["high", "low", "quiet"]
FEATURES = {"front_end": "logmel", "sample_rate": 32000, "mel_bands": 64}
FEATURES |= {"hop_length": 320, "amin": 1e-10}
SCORING = {"seed": 3, "mc_samples": 2, "replications": 2, "dataset": "own"}


@pytest.fixture
def multilabel(multilabel):
    """The clips of the name, as long as those that published weights were trained on."""
    with h5py.File(multilabel, "a") as file:
        file.attrs["clip_seconds"] = CLIP_SECONDS
    return multilabel


@pytest.fixture
def importing(settings):
    kept = {key: value for key, value in settings.items() if key not in ("training", "seed")}
    return kept | {"features": FEATURES, "entry": {}}


@pytest.fixture
def upstream(tmp_path, importing):
    """det from a .pth file, drop from det, flip from MOPED's start, without any upstream data."""
    paths = {name: tmp_path / f"{name}.safetensors" for name in ("det", "drop", "moped", "flip")}
    state = build_network("det", 3, importing).state_dict()
    published = {name.partition(".")[2]: value for name, value in state.items()}
    torch.save({"model": published}, tmp_path / "published.pth")
    import_weights("det", tmp_path / "published.pth", importing, paths["det"])
    import_weights("drop", paths["det"], importing, paths["drop"])
    initialise_with_moped(paths["det"], importing, paths["moped"])
    import_weights("flip", paths["moped"], importing, paths["flip"])
    return paths


@pytest.mark.parametrize("strategy", ["det", "drop", "det_flip", "flip"])
def test_transfer_starts_from_imported_weights(upstream, multiclass, settings, tmp_path, strategy):
    fixed, tuned, out = (tmp_path / name for name in ("f.safetensors", "t.safetensors", "p.h5"))
    start = upstream["det" if strategy == "det_flip" else strategy]
    transfer(strategy, "fixed", 1, multiclass, start, settings, fixed)
    transfer(strategy, "finetuned", 1, multiclass, fixed, settings, tuned)
    before, after = load_checkpoint(start)[0], load_checkpoint(fixed)[0]
    kernels = [k for k in before if k.endswith(("kernel", "conv1.weight", "conv2.weight"))]
    assert kernels
    assert all(torch.equal(before[k], after[k]) for k in kernels)
    predict(tuned, multiclass, {"folds": [1]}, SCORING | {"scored_dataset": "own"}, "cpu", 16, out)
    assert np.isfinite(read_predictions(out).mean_probability).all()


@pytest.mark.parametrize("strategy", ["det", "drop", "flip"])
def test_predictions_upstream_bear_the_datasets_class_names(
    upstream, multilabel, tmp_path, strategy
):
    own, other = tmp_path / "own.h5", tmp_path / "other.h5"
    for scored, out in (("own", own), ("else", other)):
        scoring = SCORING | {"scored_dataset": scored}
        predict(upstream[strategy], multilabel, {"split": "eval"}, scoring, "cpu", 16, out)
    found = read_predictions(own)
    assert (found.strategy, found.phase) == (strategy, "pretrained")
    assert list(found.classes) == CLASSES
    assert list(read_predictions(other).classes) == ["class 0", "class 1", "class 2"]


def test_flip_may_be_trained_on_from_imported_weights(
    upstream, multilabel, upstream_settings, tmp_path
):
    out = tmp_path / "trained.safetensors"
    pretrain("flip", multilabel, upstream["moped"], upstream_settings, out)
    assert load_checkpoint(out)[1]["classes"] == CLASSES


def test_other_classes_than_the_upstream_datasets_are_refused(
    upstream, multilabel, upstream_settings, tmp_path
):
    scoring = SCORING | {"scored_dataset": "own"}
    state, facts = load_checkpoint(upstream["det"])
    network = build_network("det", 3, upstream_settings)
    network.load_state_dict(state)
    for classes, message in (
        (["low", "high", "quiet"], "class 0 is 'low' in the one, 'high' in the other"),
        (["high", "low"], r"has 2 classes, and .* has 3"),
    ):
        changed = tmp_path / "changed.safetensors"
        network.head.fc_audioset = torch.nn.Linear(64, len(classes))
        save_checkpoint(network, changed, facts | {"classes": classes})
        with pytest.raises(UserError, match=message):
            predict(changed, multilabel, {}, scoring, "cpu", 16, tmp_path / "p.h5")
        with pytest.raises(UserError, match=message):
            pretrain("det", multilabel, changed, upstream_settings, tmp_path / "x.safetensors")


def test_published_weights_hear_clips_as_long_as_audiosets(upstream, multilabel, tmp_path):
    with h5py.File(multilabel, "a") as file:
        file.attrs["clip_seconds"] = 5.0
    scoring = SCORING | {"scored_dataset": "own"}
    with pytest.raises(UserError, match=r"clips of 10 s.*5 s"):
        predict(upstream["det"], multilabel, {}, scoring, "cpu", 16, tmp_path / "p.h5")


def test_features_of_another_front_end_are_refused_when_predicting(upstream, multilabel, tmp_path):
    with h5py.File(multilabel, "a") as file:
        file.attrs["features"] = json.dumps(FEATURES | {"hop_length": 500})
    scoring = SCORING | {"scored_dataset": "own"}
    with pytest.raises(UserError, match=r"set features\.logmel\.hop_length: 320 \(it is 500\)"):
        predict(upstream["det"], multilabel, {}, scoring, "cpu", 16, tmp_path / "p.h5")


def test_a_checkpoint_that_names_no_front_end_is_logmel_wherever_it_is_used(
    upstream, multilabel, importing, tmp_path
):
    sidecar = sidecar_of(upstream["det"])
    facts = json.loads(sidecar.read_text())
    del facts["features"]["front_end"]
    sidecar.write_text(json.dumps(facts))
    scoring = SCORING | {"scored_dataset": "own"}

    def used(front_end):
        features = FEATURES | {"front_end": front_end}
        with h5py.File(multilabel, "a") as file:
            file.attrs["features"] = json.dumps(features)
        yield lambda: predict(upstream["det"], multilabel, {}, scoring, "cpu", 16, tmp_path / "p")
        own = importing | {"features": features}
        yield lambda: import_weights("drop", upstream["det"], own, tmp_path / "d.safetensors")

    for use in used("logmel"):
        use()
    for use in used("kaldi_mel"):
        with pytest.raises(UserError, match=r"set features\.front_end: logmel \(it is kaldi_mel\)"):
            use()


def test_mn04_is_imported_for_its_own_front_end_alone(mirror, importing, tmp_path):
    """The file says nothing of a front end; the one it was published with is known."""
    weights, out = mirror / "weights/mn04_as_mAP_432.pt", tmp_path / "det.safetensors"
    own = feature_settings({"front_end": "kaldi_mel"})
    settings = importing | {"features": own, "bands": 128}
    head = {"two_layers": {"hidden": 512, "activation": "hardswish", "dropout": 0.2}}
    settings["model"] = settings["model"] | head | {"encoder": "mn04", "pooling": "mean"}
    import_weights("det", weights, settings, out)
    facts = load_checkpoint(out)[1]
    assert len(facts["classes"]) == 527
    assert facts["features"] == own
    assert facts["imported"]["front_end_checked"]
    for wrong, message in (
        (own | {"fmax": 16000.0}, r"set features\.kaldi_mel\.fmax: 15000 \(it is 16000"),
        (FEATURES, r"set features\.front_end: kaldi_mel"),
    ):
        with pytest.raises(UserError, match=message):
            import_weights(
                "det", weights, settings | {"features": wrong}, tmp_path / "x.safetensors"
            )
    other = settings | {"model": settings["model"] | {"pooling": "max_plus_mean"}}
    with pytest.raises(UserError, match=r"set model\.pooling: mean \(it is max_plus_mean\)"):
        import_weights("det", weights, other, tmp_path / "x.safetensors")
