"""Checkpoints of single epochs, and averages of them."""

import copy
import json
import signal

import h5py
import interrupted
import numpy as np
import pytest
import torch
from recipes import pretrain

from vipann.errors import UserError
from vipann.models.checkpoints import load_checkpoint, save_checkpoint, sidecar_of
from vipann.models.strategies import build_network, rebuild
from vipann.training.averaging import Heard, average, mean_weights
from vipann.training.launch import Runtime

# 21 clips in batches of 8: three steps an epoch, the last of five clips.
EPOCHS, KEPT = 4, 3


@pytest.fixture
def recipe(upstream_settings):
    chosen = copy.deepcopy(upstream_settings)
    del chosen["training"]["steps"]
    chosen["training"] |= {"epochs": EPOCHS, "keep_epochs": KEPT}
    return chosen


def train(features, recipe, out, work=None, *fault):
    if fault:
        interrupted.signal_while_reading(*fault)
    pretrain("det", features, None, recipe, out, Runtime(checkpoint_every=2, work=work))


def files(out):
    return sorted(out.with_suffix(".epochs").glob("*.safetensors"))


def states(out):
    return [load_checkpoint(path)[0] for path in files(out)]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_last_epochs_leave_a_checkpoint_each(multilabel, recipe, tmp_path):
    out = tmp_path / "det.safetensors"
    train(multilabel, recipe, out)
    assert [p.name for p in files(out)] == [f"epoch0{n}.safetensors" for n in (2, 3, 4)]
    assert same(states(out)[-1], load_checkpoint(out)[0])
    shorter = copy.deepcopy(recipe)
    shorter["training"] |= {"epochs": 2, "keep_epochs": 0}
    train(multilabel, shorter, tmp_path / "shorter.safetensors")
    assert same(states(out)[0], load_checkpoint(tmp_path / "shorter.safetensors")[0])
    assert not files(tmp_path / "shorter.safetensors")
    assert json.loads(sidecar_of(files(out)[0]).read_text())["epoch"] == 2


@pytest.mark.parametrize(("batch", "number"), [(7, signal.SIGKILL), (9, signal.SIGTERM)])
def test_a_killed_training_leaves_the_same_files(multilabel, recipe, tmp_path, batch, number):
    once, killed = tmp_path / "once.safetensors", tmp_path / "killed.safetensors"
    train(multilabel, recipe, once, tmp_path / "work1")
    work = tmp_path / "work2"
    assert interrupted.in_process(train, multilabel, recipe, killed, work, batch, number)
    assert not killed.with_suffix(".epochs").exists()
    train(multilabel, recipe, killed, work)
    assert [p.name for p in files(once)] == [p.name for p in files(killed)]
    assert all(same(a, b) for a, b in zip(states(once), states(killed), strict=True))
    assert not work.exists()


def test_the_mean_of_weights_by_hand():
    states = [{"w": torch.tensor([float(n), 2.0]), "tracked": torch.tensor(n)} for n in (1, 2, 6)]
    found = mean_weights(states)
    assert found["w"].tolist() == [3.0, 2.0]
    assert found["w"].dtype == torch.float32
    assert found["tracked"].item() == 6
    with pytest.raises(UserError, match="checkpoint 2 of an average is of another network"):
        mean_weights([states[0], {"w": torch.zeros(3), "tracked": torch.tensor(1)}])
    with pytest.raises(UserError, match="at least one"):
        mean_weights([])


@pytest.fixture
def three(small_network, tmp_path, multilabel):
    """Checkpoints of three networks."""
    facts = {"strategy": "det", "phase": "pretrained", "task": "multilabel", "epoch": 1}
    facts |= {"classes": ["high", "low", "quiet"], "settings": small_network}
    paths = [tmp_path / f"epoch0{n}.safetensors" for n in (1, 2, 3)]
    for path in paths:
        save_checkpoint(build_network("det", 3, small_network), path, facts)
    return paths


@pytest.mark.parametrize(("twice", "weights"), [(False, (1, 1, 1)), (True, (2, 1, 1))])
def test_an_average_counts_its_start_once_or_twice(three, tmp_path, twice, weights):
    average(three, tmp_path / "mean.safetensors", twice)
    found, facts = load_checkpoint(tmp_path / "mean.safetensors")
    each = [load_checkpoint(path)[0] for path in three]
    for name, tensor in found.items():
        if tensor.is_floating_point():
            parts = [w * state[name].double() for w, state in zip(weights, each, strict=True)]
            torch.testing.assert_close(tensor.double(), sum(parts) / sum(weights))
    assert len(facts["averaged"]["files"]) == sum(weights)
    assert "epoch" not in facts
    rebuild(facts, found)


def test_batch_norm_can_hear_the_train_list_again(three, tmp_path, multilabel, small_network):
    with h5py.File(multilabel) as file:
        train_list = file["split"].asstr()[()] == "train"
        logmel = file["logmel"][()][train_list].astype(np.float32)
    heard = Heard(multilabel, len(logmel), 1, "cpu")
    average(three, tmp_path / "mean.safetensors", False, heard)
    found, facts = load_checkpoint(tmp_path / "mean.safetensors")
    # The first batch norm is of the input's bands.
    variance = logmel.reshape(-1, 64).var(axis=0, ddof=1)
    name = next(n for n in found if n.endswith("running_mean") and len(found[n]) == 64)
    np.testing.assert_allclose(found[name], logmel.mean(axis=(0, 1)), rtol=1e-4)
    variances = found[name.replace("mean", "var")]
    np.testing.assert_allclose(variances, variance, rtol=1e-4)
    assert facts["averaged"]["batch_norm_recomputed"]
