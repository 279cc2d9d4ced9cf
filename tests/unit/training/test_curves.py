"""What a training shows: lines, a bar, curves, TensorBoard."""

import copy
import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipes import recipe
from test_guards import Line, Ones

from vipann.training import curves
from vipann.training.curves import Curves
from vipann.training.launch import Runtime
from vipann.training.loop import Training


def rows_of(path):
    with path.open() as stream:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(stream)]


def test_curves_hold_each_steps_loss_and_are_the_same_in_tensorboard(tmp_path, capsys):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    runtime = Runtime(curves=tmp_path / "c.csv", tensorboard=tmp_path / "board")
    Training(Line(), Ones(), recipe(steps=3), 1, runtime).run()
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
    shown = Curves(Runtime(), steps=100_000, start=0)
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
    assert lines[0].endswith("15:39 left")


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

    def without_speed(shown):
        return [{k: v for k, v in row.items() if k != "clips_per_second"} for row in shown.rows]

    state = copy.deepcopy(fed(Curves(Runtime(), steps, 0), 0, kill).state_dict())
    resumed = fed(Curves(Runtime(), steps, kill, state), kill, steps)
    assert without_speed(resumed) == without_speed(fed(Curves(Runtime(), steps, 0), 0, steps))
    assert resumed.rows[0]["loss"] == pytest.approx(np.mean(losses[:3], axis=0)[0])


def test_the_bar_goes_to_the_terminal_alone(capsys):
    terminal = io.StringIO()
    Training(Line(), Ones(), recipe(steps=3), 1, Runtime(terminal=terminal)).run()
    assert "step" in terminal.getvalue()
    assert "it/s" not in capsys.readouterr().err
