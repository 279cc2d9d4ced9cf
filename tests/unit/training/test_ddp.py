"""Two real processes that share a training, by gloo on the CPU."""

import copy
import json
import os
import signal
from pathlib import Path

import interrupted
import pytest
import torch
import two_processes
from test_resume import steps_kept

from vipann.models.checkpoints import load_checkpoint
from vipann.training.launch import Runtime, launch
from vipann.training.sampling import BatchOrder

pytestmark = pytest.mark.slow

EPOCHS, EVERY = 3, 2


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """The second process is a fresh one: it imports what it runs by name."""
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def shared(multiclass, settings, tmp_path):
    """What two processes leave of one step of descent, and of two epochs with Adam."""
    arguments = (tmp_path, multiclass, settings)
    launch(Runtime(processes=2), two_processes.one_step, *arguments)
    return tmp_path


def test_two_processes_share_batches_gradients_weights_and_nothing_else(
    shared, multiclass, settings
):
    order = BatchOrder(two_processes.ROWS, two_processes.BATCH, 5, processes=2)
    facts = [json.loads((shared / f"facts.{rank}.json").read_text()) for rank in (0, 1)]

    # Every clip once an epoch: 6, 6 and the rest of 5, split into 2 and 3.
    for epoch in (0, 1):
        seen = [f["seen"][3 * epoch : 3 * epoch + 3] for f in facts]
        assert [[len(b) for b in s] for s in seen] == [[3, 3, 2], [3, 3, 3]]
        clips = [clip for s in seen for batch in s for clip in batch]
        assert sorted(clips) == list(range(two_processes.ROWS))

    # The mean of both gradients, in which the KL counts once.
    halves = [order.share(0, rank)[0] for rank in (0, 1)]
    expected = two_processes.expected_gradient(multiclass, settings, halves)
    before = two_processes.network(settings).state_dict()
    after = torch.load(shared / "step.0.pt")
    assert expected.keys() <= after.keys()
    for name, gradient in expected.items():
        moved = before[name.removeprefix("network.")] - after[name]
        torch.testing.assert_close(moved, gradient, rtol=1e-3, atol=1e-5)

    # The same weights and runtime statistics in both, to the bit.
    for kind in ("step", "adam"):
        states = [torch.load(shared / f"{kind}.{rank}.pt") for rank in (0, 1)]
        assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    assert facts[1]["wrote"] == []


@pytest.fixture
def chosen(settings):
    changed = copy.deepcopy(settings)
    changed["training"] |= {"epochs": EPOCHS, "batch_size": 8}
    return changed


def runtime(folder):
    return Runtime(processes=2, checkpoint_every=EVERY, work=folder / "work")


def test_two_processes_that_are_stopped_and_killed_go_on_to_the_same_weights(
    multiclass, chosen, tmp_path
):
    def run(name, fault=None):
        out = tmp_path / name / "drop.safetensors"
        out.parent.mkdir(exist_ok=True)
        arguments = (multiclass, chosen, out, runtime(out.parent), fault)
        status = interrupted.in_process(two_processes.scratch, *arguments)
        pids = [int(Path(f"{out}.pid{rank}").read_text()) for rank in (0, 1)]
        assert all(map(two_processes.gone, pids))
        return status

    assert run("straight") == 0
    # Slurm's warning to the second process alone stops both after the same step.
    assert run("killed", (1, 2, signal.SIGUSR1)) == 75
    assert steps_kept(tmp_path / "killed") == [2, 3]
    # A second process that is gone ends the first, and the other way round.
    assert run("killed", (1, 2, signal.SIGKILL)) == 1
    assert run("killed", (0, 2, signal.SIGKILL)) == -signal.SIGKILL
    assert run("killed") == 0
    states = [load_checkpoint(tmp_path / n / "drop.safetensors")[0] for n in ("straight", "killed")]
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    assert not (tmp_path / "killed/work").exists()
