"""Training stages in processes of their own, which signals hit at a step of our choice."""

import multiprocessing
import os
import signal

import torch

from vipann.features.batches import LogmelDataset
from vipann.training import resume
from vipann.training.fabric import seed_everything  # noqa: F401  imported once, by the fork server


def in_process(target, *arguments):
    """Exit status of `target(*arguments)` in a new process, which finds its modules imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["vipann.training.stages"])
    # The fork server has the environment of its own start.
    process = context.Process(target=_quietly, args=(dict(os.environ), target, *arguments))
    process.start()
    process.join(timeout=600)
    assert process.exitcode is not None, "the training hangs"
    return process.exitcode


def _quietly(environment, target, *arguments):
    from vipann.errors import UserError

    os.environ.update(environment)
    torch.set_num_threads(1)
    try:
        target(*arguments)
    except UserError as error:
        print(f"UserError: {error}", flush=True)
        raise SystemExit(error.status) from None


def signal_while_reading(count, number):
    """Send this process the signal when it reads batch number `count` (from 0), once.

    Batches of the evaluation split count too, when they are read.
    """
    read, asked = LogmelDataset.__getitem__, []

    def reading(self, positions):
        asked.append(len(positions))
        if len(asked) == count + 1:
            os.kill(os.getpid(), number)
        return read(self, positions)

    LogmelDataset.__getitem__ = reading


def kill_while_writing(count):
    """Kill this process for good when half of the `count`-th state is on the disk."""
    written, save = [], torch.save

    def saving(state, stream):
        written.append(state["step"])
        save(state, stream)
        if len(written) == count:
            stream.truncate(stream.tell() // 2)
            stream.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    resume.torch.save = saving
