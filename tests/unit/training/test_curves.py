"""What a training shows: lines, a bar, curves, TensorBoard."""

import copy
import csv
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_guards import Line, Ones

from vipann import scores
from vipann.training import curves
from vipann.training.curves import Curves
from vipann.training.launch import Running
from vipann.training.loop import Plan, train
from vipann.training.upstream_scores import multilabel_scores


def rows_of(path):
    with path.open() as stream:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(stream)]


def test_curves_hold_each_steps_loss_and_are_the_same_in_tensorboard(tmp_path, capsys):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    running = Running(curves=tmp_path / "c.csv", tensorboard=tmp_path / "board")
    train(Line(), Ones(), Plan(batch_size=4, seed=1, steps=3), "cpu", running)
    rows = rows_of(tmp_path / "c.csv")
    weight, losses, norms = 3.0, [], []
    for _ in range(3):
        losses.append(weight**2)
        norms.append(2 * weight)
        weight -= 0.1 * 2 * weight
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert [row["epoch"] for row in rows] == [0, 0, 1]
    assert [row["loss"] for row in rows] == pytest.approx(losses)
    assert [row["gradient_norm"] for row in rows] == pytest.approx(norms)
    board = EventAccumulator(str(tmp_path / "board"))
    board.Reload()
    assert [(e.step, e.value) for e in board.Scalars("loss")] == [
        (step, pytest.approx(loss)) for step, loss in enumerate(losses, start=1)
    ]
    assert "step 3 of 3: loss" in capsys.readouterr().out


def test_a_long_training_has_a_bounded_curve_and_a_line_a_minute(monkeypatch, capsys, tmp_path):
    now = [0.0]
    monkeypatch.setattr(curves.time, "monotonic", lambda: now[0])
    shown = Curves(Running(), steps=100_000, start=0)
    for done in range(1, 100_001):
        now[0] += 0.01
        values = {"loss": done / 2, "kl": 1.0, "gradient_norm": 1.0, "learning_rate": 0.1}
        shown.step(done, 0, 32, values)
    assert len(shown.rows) == curves.POINTS
    # The mean over the 200 steps of a point.
    assert shown.rows[0]["loss"] == pytest.approx(sum(range(1, 201)) / 2 / 200)
    assert shown.rows[0]["clips_per_second"] == pytest.approx(3200, rel=0.01)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 17
    assert "3200.0 clips/s" in lines[0]
    assert lines[0].endswith("940 s left")


@settings(max_examples=20, deadline=None)
@given(kill=st.integers(0, 1249))
def test_a_state_between_two_points_leaves_the_curve_as_it_is(kill):
    steps = 1250
    losses = np.random.default_rng(0).random((steps, 3)).tolist()
    values = [dict(zip(("loss", "kl", "gradient_norm"), one, strict=True)) for one in losses]

    def fed(shown, first, end):
        for done in range(first + 1, end + 1):
            shown.step(done, 0, 1, values[done - 1] | {"learning_rate": 0.1})
        return shown

    def told(shown):
        return [{k: v for k, v in row.items() if k != "clips_per_second"} for row in shown.rows]

    state = copy.deepcopy(fed(Curves(Running(), steps, 0), 0, kill).state_dict())
    resumed = fed(Curves(Running(), steps, kill, state), kill, steps)
    assert told(resumed) == told(fed(Curves(Running(), steps, 0), 0, steps))
    assert resumed.rows[0]["loss"] == pytest.approx(np.mean(losses[:3], axis=0)[0])


def test_the_bar_goes_to_the_terminal_alone(capsys):
    terminal = io.StringIO()
    train(Line(), Ones(), Plan(batch_size=4, seed=1, steps=3), "cpu", Running(terminal=terminal))
    assert "step" in terminal.getvalue()
    assert "it/s" not in capsys.readouterr().err


def test_scores_while_training_are_those_of_the_evaluation():
    torch.manual_seed(0)
    labels = (torch.rand(60, 6) < 0.3).long()
    labels[:, 2] = 0
    labels[:, 4] = 1
    probability = torch.rand(60, 6).round(decimals=1)
    found = multilabel_scores(probability, labels)
    own = scores.multilabel_scores(labels.numpy(), probability.numpy())
    assert found == pytest.approx(own, abs=1e-4)


@pytest.mark.parametrize("classes", [1, 2])
def test_scores_of_few_classes(classes):
    labels = torch.zeros(8, 3, dtype=torch.long)
    labels[:4, :classes] = 1
    probability = torch.linspace(1, 0, 8).unsqueeze(1).expand(8, 3)
    assert multilabel_scores(probability, labels)["mAP"] == pytest.approx(1.0)
