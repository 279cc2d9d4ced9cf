"""What stops a training: numbers that are not finite, settings that this machine can't serve."""

import copy
import re

import h5py
import numpy as np
import pytest
import torch
from recipes import recipe, train_from_scratch
from torch import nn

from vipann.errors import UserError
from vipann.models.checkpoints import load_checkpoint
from vipann.training.launch import Runtime, process_count
from vipann.training.loop import Training
from vipann.training.resume import ResumeStates
from vipann.training.sampling import BatchOrder


class Line(nn.Module):
    """One weight, and a loss whose value and gradient a test may spoil at a step."""

    def __init__(self, spoil=lambda step, loss: loss):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(3.0))
        self.spoil, self.step = spoil, 0

    def forward(self, batch, share=1.0):
        self.step += 1
        loss = self.spoil(self.step, (self.weight * batch.mean()).square())
        zero = torch.zeros(())
        return {"loss": loss.detach(), "kl": zero, "objective": share * loss}

    def optimizer(self, steps, steps_per_epoch):
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        return optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)


class Ones:
    clip_ids = np.array([f"clip{i}" for i in range(8)])

    def __len__(self):
        return 8

    def __getitem__(self, positions):
        return torch.ones(len(positions))


def infinite_gradient(step, loss):
    """The square root's slope at 0 is infinite; its value is not."""
    return loss + (loss.detach() - loss).abs().sqrt() if step == 3 else loss


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda step, loss: loss * (float("nan") if step == 3 else 1), "the loss of step 3"),
        (lambda step, loss: loss + (float("inf") if step == 3 else 0), "the loss of step 3"),
        (infinite_gradient, "the gradient of step 3"),
    ],
)
def test_what_is_not_finite_stops_before_it_changes_a_weight_and_keeps_the_state(
    tmp_path, spoil, what
):
    states, module = ResumeStates(tmp_path, {"a": 1}), Line(spoil)
    plan, runtime = recipe(steps=9), Runtime(checkpoint_every=1)
    with pytest.raises(UserError, match=what) as caught:
        Training(module, Ones(), plan, 1, runtime, states).run()
    named = set(re.findall(r"clip\d", str(caught.value)))
    assert named == set(Ones.clip_ids[BatchOrder(8, 4, 1).positions(2)])
    assert str(states.folder) in str(caught.value)
    kept = torch.load(states.path(2), map_location="cpu", weights_only=True)
    assert module.weight.item() == kept["module"]["weight"].item() != 3.0
    assert not states.path(3).exists()


def test_weights_that_are_not_finite_are_never_kept(tmp_path):
    class Leaping(Line):
        """Its fourth step is infinitely long, from a loss and a gradient that are finite."""

        def optimizer(self, steps, steps_per_epoch):
            optimizer, _ = super().optimizer(steps, steps_per_epoch)
            rate = torch.optim.lr_scheduler.LambdaLR(
                optimizer, lambda done: float("inf") if done == 3 else 1.0
            )
            return optimizer, rate

    module = Leaping()
    states = ResumeStates(tmp_path, {"a": 1})
    plan, runtime = recipe(steps=4), Runtime(checkpoint_every=2)
    with pytest.raises(UserError, match="not finite after step 4"):
        Training(module, Ones(), plan, 1, runtime, states).run()
    assert [path.name for path in states.folder.glob("*.pt")] == [states.path(2).name]


def test_a_broken_clip_is_named_by_the_training_that_meets_it(multiclass, settings, tmp_path):
    with h5py.File(multiclass, "a") as file:
        file["logmel"][4] = np.nan
    with pytest.raises(UserError, match="clip04"):
        train_from_scratch("det", 1, multiclass, settings, tmp_path / "c.safetensors")
    assert not (tmp_path / "c.safetensors").exists()


def test_gradients_are_scaled_down_to_the_norm_that_is_set():
    moved = []
    for clip in (None, 1.5):
        module = Line()
        plan = recipe(steps=1, gradient_clip=clip)
        Training(module, Ones(), plan, 1, Runtime()).run()
        moved.append(3.0 - module.weight.item())
    assert moved == pytest.approx([0.1 * 6.0, 0.1 * 1.5], rel=1e-5)


def test_the_layout_changes_nothing_and_bfloat16_only_rounds(
    multiclass, settings, tmp_path, monkeypatch
):
    settings["model"]["resnet54"] |= {"dropout": 0.0, "block_dropout": 0.0}
    settings["model"]["two_layers"]["dropout"] = 0.0
    losses = {}
    monkeypatch.setattr("vipann.devices.has_bfloat16", lambda device: True)
    for layout, precision in ((True, "float32"), (False, "auto"), (True, "bfloat16")):
        chosen = copy.deepcopy(settings)
        del chosen["training"]["epochs"]
        chosen["training"] |= {"steps": 1, "channels_last": layout, "precision": precision}
        out = tmp_path / f"{precision}.safetensors"
        train_from_scratch("det", 1, multiclass, chosen, out)
        losses[precision] = load_checkpoint(out)[1]["last_step"]["loss"]
    assert losses["auto"] == pytest.approx(losses["float32"], rel=1e-5)
    assert losses["bfloat16"] != pytest.approx(losses["float32"], rel=1e-5)
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.1)


def test_synchronized_batch_norm_is_refused_on_a_cpu():
    plan = recipe(steps=1, sync_batchnorm=True)
    with pytest.raises(UserError, match=r"training\.sync_batchnorm"):
        Training(Line(), Ones(), plan, 1, Runtime(processes=2)).run()
    Training(Line(), Ones(), plan, 1, Runtime()).run()


@pytest.mark.parametrize(
    ("accelerator", "granted", "seen", "expected"),
    [("auto", 4, 2, 2), ("gpu", 1, 8, 1), ("auto", 0, 2, 1), ("auto", 4, 0, 1), ("cpu", 4, 8, 1)],
)
def test_a_job_takes_the_gpus_it_was_granted_as_far_as_they_are_there(
    monkeypatch, accelerator, granted, seen, expected
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: seen > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: seen)
    assert process_count(accelerator, granted) == expected
