"""A training that is killed, at whatever moment, goes on as if nothing had been."""

import copy
import math
import re
import signal

import interrupted
import pytest
import torch
from recipes import pretrain, train_from_scratch

from vipann.errors import UserError
from vipann.models.checkpoints import load_checkpoint
from vipann.training import curves
from vipann.training.launch import Runtime
from vipann.training.resume import ResumeStates, differences

pytestmark = pytest.mark.slow

STEPS, EVERY = 11, 4
# So that a point of the curves is of three steps, and a state lies within one.
POINTS = 4


@pytest.fixture
def recipe(upstream_settings):
    """Dropout, Flipout, mixup, SpecAugment, a falling learning rate: all that has a state."""
    chosen = copy.deepcopy(upstream_settings)
    chosen["training"] |= {
        "steps": STEPS,
        "batch_size": 4,
        "mixup_alpha": 1.0,
        "learning_rate_schedule": "cosine",
    }
    return chosen


def runtime(folder, **changes):
    given = {
        "checkpoint_every": EVERY,
        "validate_every": 3,
        "work": folder / "work",
        "curves": folder / "curves.csv",
    }
    return Runtime(**given | changes)


def pretrain_flip(features, recipe, folder, before=None, *arguments):
    if before:
        getattr(interrupted, before)(*arguments)
    out = folder / "flip.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "POINTS", POINTS)
        pretrain("flip", features, None, recipe, out, runtime(folder))


def steps_kept(folder):
    return sorted(int(p.stem[4:]) for p in folder.glob("work/*/step*.pt"))


def same(a, b):
    a, b = (load_checkpoint(folder / "flip.safetensors")[0] for folder in (a, b))
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    return tmp_path_factory.mktemp("uninterrupted")


@pytest.fixture
def uninterrupted(multilabel, recipe, once):
    if not (once / "flip.safetensors").exists():
        pretrain_flip(multilabel, recipe, once)
    return once


@pytest.mark.parametrize(
    ("fault", "arguments", "status", "kept"),
    [
        ("signal_while_reading", (2, signal.SIGKILL), -signal.SIGKILL, []),
        ("signal_while_reading", (14, signal.SIGKILL), -signal.SIGKILL, [4, 8]),
        ("kill_while_writing", (2,), -signal.SIGKILL, [4]),
        ("signal_while_reading", (7, signal.SIGTERM), 75, [4, 5]),
        ("signal_while_reading", (2, signal.SIGUSR1), 75, [3]),
    ],
)
def test_a_killed_training_ends_with_the_weights_of_one_that_was_not(
    multilabel, recipe, tmp_path, uninterrupted, fault, arguments, status, kept
):
    folder = tmp_path / "killed"
    folder.mkdir()
    found = interrupted.in_process(pretrain_flip, multilabel, recipe, folder, fault, *arguments)
    assert found == status
    assert steps_kept(folder) == kept
    assert not (folder / "flip.safetensors").exists()
    assert interrupted.in_process(pretrain_flip, multilabel, recipe, folder) == 0
    assert same(uninterrupted, folder)
    assert not (folder / "work").exists()


def test_balanced_draws_and_mixup_with_any_clip_go_on_in_the_middle_of_an_epoch(
    multilabel, recipe, tmp_path
):
    recipe["training"] |= {
        "sampling": "balanced",
        "mixup_partner": "uniform",
        "mixup_rate": 0.5,
        "mixup_alpha": 10.0,
        "masking": {"frequency": 8, "time": 10},
        "learning_rate_schedule": "halving",
        "learning_rate_halving": {"first_epoch": 1, "every_epochs": 1},
        "warmup_steps": 8,
        "weight_decay": 1e-3,
    }
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    folder.mkdir()
    pretrain_flip(multilabel, recipe, whole)
    # 20 clips in batches of 4: 5 steps an epoch, so that step 7 is inside the second one.
    fault = ("signal_while_reading", 10, signal.SIGTERM)
    assert interrupted.in_process(pretrain_flip, multilabel, recipe, folder, *fault) == 75
    assert steps_kept(folder)[-1] in (6, 7, 8, 9)
    assert interrupted.in_process(pretrain_flip, multilabel, recipe, folder) == 0
    assert same(whole, folder)
    assert curve(folder) == curve(whole)


@pytest.mark.parametrize("encoder", ["conformer", "talnet"])
def test_attention_and_a_gru_go_on_as_if_nothing_had_been(multilabel, recipe, tmp_path, encoder):
    own = {"conformer": {"width": 16, "layers": 2, "heads": 2, "feed_forward": 16, "kernel": 3}}
    own |= {"talnet": {"width": 64, "dropout": 0.2}}
    recipe["model"] |= {"encoder": encoder, encoder: own[encoder]}
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    folder.mkdir()
    pretrain_flip(multilabel, recipe, whole)
    fault = ("signal_while_reading", 7, signal.SIGTERM)
    assert interrupted.in_process(pretrain_flip, multilabel, recipe, folder, *fault) == 75
    assert steps_kept(folder)[-1] < STEPS
    assert interrupted.in_process(pretrain_flip, multilabel, recipe, folder) == 0
    assert same(whole, folder)


def curve(folder):
    """The curves without speed."""
    lines = (folder / "curves.csv").read_text().splitlines()
    names = lines[0].split(",")
    rows = [dict(zip(names, line.split(","), strict=True)) for line in lines[1:]]
    return [{k: v for k, v in row.items() if k != "clips_per_second"} for row in rows]


def test_curves_are_whole_after_a_kill_and_validation_changes_nothing(
    multilabel, recipe, tmp_path, uninterrupted
):
    folder = tmp_path / "killed"
    folder.mkdir()
    fault = ("signal_while_reading", 9, signal.SIGTERM)
    assert interrupted.in_process(pretrain_flip, multilabel, recipe, folder, *fault) == 75
    every = math.ceil(STEPS / POINTS)
    assert steps_kept(folder)[-1] % every
    pretrain_flip(multilabel, recipe, folder)
    points = [int(row["step"]) for row in curve(folder) if row["loss"]]
    assert points == [every, 2 * every, 3 * every, STEPS]
    assert curve(folder) == curve(uninterrupted)
    steps = [int(row["step"]) for row in curve(folder) if row["mAP"]]
    assert steps == [3, 6, 9, 11]
    unseen = tmp_path / "unseen"
    out = unseen / "flip.safetensors"
    pretrain("flip", multilabel, None, recipe, out, Runtime())
    assert same(uninterrupted, unseen)


def stopped_at_5(multiclass, settings, folder):
    interrupted.signal_while_reading(4, signal.SIGTERM)
    out = folder / "a.safetensors"
    train_from_scratch("det", 1, multiclass, settings, out, runtime(folder))


def test_other_settings_start_anew_and_say_where_the_older_state_lies(
    multiclass, settings, tmp_path, capsys
):
    folder = tmp_path / "run"
    folder.mkdir()
    assert interrupted.in_process(stopped_at_5, multiclass, settings, folder) == 75
    (older,) = folder.glob("work/*")
    other = copy.deepcopy(settings) | {"code": "changed"}
    other["training"]["learning_rate"] = 0.01
    out = folder / "a.safetensors"
    train_from_scratch("det", 1, multiclass, other, out, runtime(folder))
    said = capsys.readouterr().out
    assert str(older) in said
    assert "training.learning_rate: 0.001 then, 0.01 now" in said
    assert "code: (absent) then, changed now" in said
    assert "going on" not in said
    assert older.exists()
    train_from_scratch("det", 1, multiclass, settings, out, runtime(folder))
    assert "going on from step 5" in capsys.readouterr().out


def state(step):
    return {"step": step, "module": {"w": torch.full((50,), float(step))}}


def test_the_last_two_states_are_kept_and_a_broken_one_is_passed_over(tmp_path, capsys):
    states = ResumeStates(tmp_path, {"a": 1})
    for step in (5, 10, 15):
        states.save(state(step))
    newest = states.path(15)
    assert sorted(p.name for p in states.folder.glob("*.pt")) == [states.path(10).name, newest.name]
    assert states.load()["step"] == 15
    newest.write_bytes(newest.read_bytes()[:-200])
    capsys.readouterr()
    assert states.load()["step"] == 10
    assert re.search(rf"{newest} can't be read .*: the one before", capsys.readouterr().out)
    states.path(10).write_bytes(b"")
    assert states.load() is None


def test_a_state_moved_here_from_other_settings_is_refused(tmp_path):
    old, new = ({"training": {"batch_size": size, "epochs": 2}, "seed": 1} for size in (32, 16))
    made, here = ResumeStates(tmp_path, old), ResumeStates(tmp_path, new | {"code": "b"})
    path = made.save(state(3))
    here.folder.mkdir()
    path.rename(here.path(3))
    with pytest.raises(UserError) as caught:
        here.load()
    for part in ("training.batch_size: 32 then, 16 now", "code: (absent) then, b now", "delete"):
        assert part in str(caught.value)
    assert "epochs" not in str(caught.value)


def test_differences_are_none_for_the_same_and_symmetric_otherwise():
    a, b = {"x": {"y": [1, 2]}, "z": None}, {"x": {"y": [1, 3]}}
    assert differences(a, a) == []
    assert differences(a, b) == ["x.y: [1, 2] then, [1, 3] now", "z: None then, (absent) now"]
    assert len(differences(b, a)) == 2
