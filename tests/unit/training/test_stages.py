"""What each training stage changes, keeps and writes, on a tiny network and real training steps."""

import copy

import numpy as np
import pytest
import torch
import torchvision
from recipes import pretrain, train_from_scratch, transfer

from vipann.errors import UserError
from vipann.evaluation.predict import predict
from vipann.evaluation.predictions import read_predictions
from vipann.features.store import FeatureStore
from vipann.models.checkpoints import load_checkpoint
from vipann.training.importing import initialise_with_moped


def scoring(**changes):
    base = {
        "seed": 3,
        "mc_samples": 3,
        "replications": 4,
        "dataset": "own",
        "scored_dataset": "own",
    }
    return base | changes


@pytest.fixture
def upstream(multilabel, upstream_settings, tmp_path):
    """Checkpoints of det, moped and flip pretraining."""
    steps = copy.deepcopy(upstream_settings)
    steps["training"]["mixup_alpha"] = 1.0
    paths = {name: tmp_path / "up" / f"{name}.safetensors" for name in ("det", "moped", "flip")}
    pretrain("det", multilabel, None, steps, paths["det"])
    initialise_with_moped(paths["det"], steps, paths["moped"])
    pretrain("flip", multilabel, paths["moped"], steps, paths["flip"])
    return paths


def test_flip_pretraining_starts_from_moped_and_moves(upstream):
    start, end = (load_checkpoint(upstream[name])[0] for name in ("moped", "flip"))
    assert start.keys() == end.keys()
    moved = (end["head.fc1.mu_weight"] - start["head.fc1.mu_weight"]).abs().max()
    assert 0 < moved < 0.1
    assert torch.equal(start["head.fc1.prior_weight_mu"], end["head.fc1.prior_weight_mu"])


def test_fixed_phase_trains_the_head_alone_and_finetuning_everything(
    upstream, multiclass, settings, tmp_path
):
    fixed, tuned = tmp_path / "fixed.safetensors", tmp_path / "finetuned.safetensors"
    transfer("det_flip", "fixed", 1, multiclass, upstream["det"], settings, fixed)
    transfer("det_flip", "finetuned", 1, multiclass, fixed, settings, tuned)
    before = load_checkpoint(upstream["det"])[0]
    after, end = load_checkpoint(fixed)[0], load_checkpoint(tuned)[0]
    weights = [
        k for k in before if k.endswith("weight") and "bn" not in k and not k.startswith("head")
    ]
    assert len(weights) > 10
    assert all(torch.equal(before[k], after[k]) for k in weights)
    assert not torch.equal(
        after["encoder.resnet.layer4.0.conv1.weight"], end["encoder.resnet.layer4.0.conv1.weight"]
    )
    assert end["head.fc_audioset.mu_weight"].shape[0] == 3
    assert load_checkpoint(tuned)[1]["phase"] == "finetuned"


@pytest.mark.parametrize(("mode", "drifts"), [("train", True), ("eval", False)])
def test_backbone_mode_decides_on_batch_norm_drift(
    upstream, multiclass, settings, tmp_path, mode, drifts
):
    settings["training"]["backbone_mode"] = mode
    out = tmp_path / "fixed.safetensors"
    transfer("det", "fixed", 1, multiclass, upstream["det"], settings, out)
    before, after = load_checkpoint(upstream["det"])[0], load_checkpoint(out)[0]
    name = "encoder.resnet.layer1.0.bn1.running_mean"
    assert torch.equal(before[name], after[name]) != drifts


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_fine_tuning_keeps_the_statistics_that_it_is_told_to_keep(
    upstream, multiclass, settings, tmp_path, mode
):
    fixed, tuned = tmp_path / "fixed.safetensors", tmp_path / "tuned.safetensors"
    transfer("det", "fixed", 1, multiclass, upstream["det"], settings, fixed)
    chosen = settings | {"training": settings["training"] | {"batch_norm": mode}}
    transfer("det", "finetuned", 1, multiclass, fixed, chosen, tuned)
    before, after = load_checkpoint(fixed)[0], load_checkpoint(tuned)[0]
    statistics = [name for name in before if name.endswith(("running_mean", "running_var"))]
    assert len(statistics) > 5
    kept = [torch.equal(before[name], after[name]) for name in statistics]
    assert all(kept) if mode == "eval" else not any(kept)
    learnt = "encoder.resnet.layer1.0.bn1.weight"
    assert not torch.equal(before[learnt], after[learnt]), (
        "scale and shift are trained all the same"
    )


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    multiclass, settings, tmp_path
):
    states = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = tmp_path / f"{name}.safetensors"
        train_from_scratch("flip", 2, multiclass, settings | {"seed": seed}, out)
        states.append(load_checkpoint(out)[0])
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    assert not torch.equal(states[0]["head.fc1.mu_weight"], states[2]["head.fc1.mu_weight"])


@pytest.mark.parametrize("stage", ["pretrain", "scratch"])
def test_training_starts_from_imagenets_weights(
    stage, multilabel, multiclass, settings, upstream_settings, tmp_path
):
    torch.manual_seed(3)
    published = torchvision.models.mobilenet_v2().state_dict()
    torch.save(published, tmp_path / "imagenet.pth")
    model = {"encoder": "mobilenet_v2", "pooling": "mean", "head": "linear"}
    slow = {"learning_rate": 1e-12, "start": "imagenet", "imagenet_stem": "sum"}
    out, start = tmp_path / "out.safetensors", tmp_path / "imagenet.pth"
    if stage == "pretrain":
        chosen = upstream_settings | {"model": model}
        chosen["training"] |= slow
        pretrain("drop", multilabel, start, chosen, out)
    else:
        chosen = settings | {"model": model}
        chosen["training"] |= slow | {"epochs": 1}
        train_from_scratch("det", 1, multiclass, chosen, out, start=start)
    state, facts = load_checkpoint(out)
    assert facts["settings"]["training"]["start"] == "imagenet"
    last = "features.18.0.weight"
    torch.testing.assert_close(state[f"encoder.{last}"], published[last])
    stem = published["features.0.0.weight"].sum(1, keepdim=True)
    torch.testing.assert_close(state["encoder.features.0.0.weight"], stem)


def test_the_latest_batch_has_the_asked_share_of_the_statistics_from_scratch(
    multiclass, settings, tmp_path
):
    settings["training"] |= {"epochs": 1, "batch_size": 64}
    means = {}
    for share in (0.25, 1.0):
        settings["training"]["batch_norm_momentum"] = share
        out = tmp_path / f"{share}.safetensors"
        train_from_scratch("det", 1, multiclass, settings, out)
        means[share] = load_checkpoint(out)[0]["encoder.bn0.running_mean"]
    assert means[1.0].abs().min() > 0
    torch.testing.assert_close(means[0.25], 0.25 * means[1.0])


def test_a_learnable_task_is_learnt_and_scored_on_the_test_fold(multiclass, settings, tmp_path):
    settings["training"] |= {"epochs": 30, "learning_rate": 0.003}
    settings["model"]["resnet54"] |= {"dropout": 0.0, "block_dropout": 0.0}
    settings["model"]["two_layers"]["dropout"] = 0.0
    checkpoint, out = tmp_path / "c.safetensors", tmp_path / "p.h5"
    train_from_scratch("det", 1, multiclass, settings, checkpoint)
    predict(checkpoint, multiclass, {"folds": [1]}, scoring(), "cpu", 16, out)
    found = read_predictions(out)
    with FeatureStore(multiclass) as store:
        expected = np.asarray(store.clip_ids)[store.rows(folds=[1])]
    assert list(found.clip_id) == list(expected)
    assert found.replications == 1
    assert (found.epistemic == 0).all()
    assert (found.predicted == found.targets).mean() > 0.8


def test_divergence_stops_with_a_message(multiclass, settings, tmp_path):
    settings["training"] |= {"learning_rate": 1e30, "epochs": 20}
    with pytest.raises(UserError, match="lower the learning rate"):
        train_from_scratch("det", 1, multiclass, settings, tmp_path / "c.safetensors")
    assert not (tmp_path / "c.safetensors").exists()


@pytest.mark.parametrize("strategy", ["drop", "det_flip", "flip"])
def test_bayesian_predictions_repeat_from_the_seed_and_differ_between_replications(
    multiclass, settings, tmp_path, strategy
):
    checkpoint = tmp_path / "c.safetensors"
    train_from_scratch(strategy, 1, multiclass, settings, checkpoint)
    found = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = tmp_path / f"{name}.h5"
        predict(checkpoint, multiclass, {"folds": [1]}, scoring(seed=seed), "cpu", 16, out)
        found.append(read_predictions(out))
    assert found[0].replications == 4
    assert (found[0].mean_probability == found[1].mean_probability).all()
    assert (found[0].mean_probability != found[2].mean_probability).any()
    assert (found[0].total[0] != found[0].total[1]).any()
    assert (found[0].epistemic >= 0).all()
    np.testing.assert_allclose(found[0].total, found[0].aleatoric + found[0].epistemic, atol=1e-5)


def test_clips_of_another_dataset_are_scored_without_labels(multiclass, settings, tmp_path):
    checkpoint, out = tmp_path / "c.safetensors", tmp_path / "p.h5"
    train_from_scratch("drop", 1, multiclass, settings, checkpoint)
    predict(checkpoint, multiclass, {}, scoring(scored_dataset="other"), "cpu", 16, out)
    found = read_predictions(out)
    assert found.labels.shape == (30, 0)
    assert found.scored_dataset == "other"


def test_features_made_with_other_settings_are_refused(multiclass, settings, tmp_path):
    import json

    import h5py

    checkpoint = tmp_path / "c.safetensors"
    train_from_scratch("det", 1, multiclass, settings, checkpoint)
    with h5py.File(multiclass, "a") as file:
        file.attrs["features"] = json.dumps({"front_end": "logmel", "sample_rate": 16000})
    with pytest.raises(
        UserError, match=r"set features\.logmel\.sample_rate: 32000 \(it is 16000\)"
    ):
        predict(checkpoint, multiclass, {}, scoring(), "cpu", 16, tmp_path / "p.h5")


def test_a_broken_checkpoint_is_named(multiclass, settings, tmp_path):
    checkpoint = tmp_path / "c.safetensors"
    train_from_scratch("det", 1, multiclass, settings, checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with pytest.raises(UserError, match=r"c\.safetensors is broken"):
        predict(checkpoint, multiclass, {}, scoring(), "cpu", 16, tmp_path / "p.h5")
