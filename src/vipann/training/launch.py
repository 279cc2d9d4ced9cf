"""How a training runs on its machine: processes, devices, where it keeps what it needs to go on.

Nothing in `Running` changes what is learnt, but for the order in which floats are summed where
several processes share a batch.
"""

import dataclasses
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import torch

from vipann.devices import choose_device
from vipann.errors import UserError
from vipann.training.fabric import LightningEnvironment, find_free_network_port

_SECONDS_TO_SAY_WHY = 20.0
_SECONDS_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True)
class Running:
    """What the rule and the machine decide.

    `processes` share each batch, one GPU each; this one is number `rank`, and only number 0 writes.
    `checkpoint_every` and `validate_every` count steps (0: never). Without `work`, the folder of
    the job's partial runs, no state is kept. `curves` is a CSV file, `tensorboard` a folder,
    `terminal` where a progress bar is drawn.
    """

    processes: int = 1
    rank: int = 0
    port: int = 0
    loader_workers: int = 0
    checkpoint_every: int = 0
    validate_every: int = 0
    work: Path | None = None
    curves: Path | None = None
    tensorboard: Path | None = None
    terminal: TextIO | None = None

    @property
    def first(self) -> bool:
        return self.rank == 0


class Ranks(LightningEnvironment):
    """Processes of one machine that we have started ourselves.

    Lightning would start them by running `sys.argv` again, which is a script of Snakemake's here,
    or take a Slurm job's tasks for them.
    """

    def __init__(self, running: Running) -> None:
        super().__init__()
        self._rank = running.rank
        self._main_port = running.port

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return "127.0.0.1"

    def local_rank(self) -> int:
        return self._rank

    def node_rank(self) -> int:
        return 0


def process_count(accelerator: str, granted: int) -> int:
    """Processes for a job that was `granted` so many GPUs: one each, as far as torch sees them.

    On a CPU, and without a grant, one process on whatever there is.
    """
    if choose_device(accelerator).type != "cuda":
        return 1
    return max(1, min(granted, torch.cuda.device_count()))


def gpus_of(resources: Mapping[str, Any]) -> int:
    """GPUs that a job asked for: `gpu`, or on some clusters `gres`, as gpu:4 or gpu:a100:4."""
    parts = str(resources.get("gres", "")).split(":")
    if parts[0] != "gpu":
        return int(resources.get("gpu", 0))
    return int(parts[-1]) if parts[-1].isdigit() else 1


def running_of(
    config: Mapping[str, Any], resources: Any, output: Any, terminal: TextIO | None
) -> Running:
    """How a rule's job runs: from the config, and from Snakemake's `resources` and `output`.

    What is kept for a job lies under the name of its checkpoint, `results/<run>/checkpoints/...`,
    in the folders `work` and `tensorboard` beside that of the checkpoints.
    """
    granted = gpus_of(resources)
    processes = process_count(config["accelerator"], granted)
    if processes != max(granted, 1):
        print(f"{granted} GPUs asked for; running as {processes} process(es) on what is there")
    checkpoint = Path(output.checkpoint)
    return Running(
        processes=processes,
        loader_workers=config["loader_workers"],
        checkpoint_every=config["training"]["checkpoint_every"],
        validate_every=config["pretrain"]["validate_every"],
        work=_counterpart(checkpoint, "work"),
        curves=Path(output.curves),
        tensorboard=(
            _counterpart(checkpoint, "tensorboard") if config["training"]["tensorboard"] else None
        ),
        terminal=terminal,
    )


def _counterpart(checkpoint: Path, folder: str) -> Path:
    parts = list(checkpoint.with_suffix("").parts)
    parts[parts.index("checkpoints")] = folder
    return Path(*parts)


def run_on_processes(running: Running, function: Callable[..., None], *arguments: Any) -> None:
    """Call `function(*arguments, running=...)` in `running.processes` processes at once.

    Number 0 is the calling process. `function` must be importable by name and `arguments` fit for
    pickling. If one process ends with an error, all of them do; if the calling one is killed, the
    others notice and end.
    """
    if running.processes == 1:
        function(*arguments, running=running)
        return
    running = dataclasses.replace(running, port=find_free_network_port())
    others = [
        _start(dataclasses.replace(running, rank=rank, terminal=None), function, arguments)
        for rank in range(1, running.processes)
    ]
    finished = threading.Event()
    threading.Thread(target=_end_if_one_fails, args=(others, finished), daemon=True).start()
    try:
        function(*arguments, running=running)
        for other in others:
            other.wait()
    finally:
        finished.set()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        for other in others:
            _end(other)


def _start(
    running: Running, function: Callable[..., None], arguments: Sequence[Any]
) -> subprocess.Popen[bytes]:
    # The file that __main__ was read from would be another module in the new process.
    source = str(Path(__file__).parents[2])
    path = os.pathsep.join([source, *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [sys.executable, "-c", "from vipann.training.launch import help_out; help_out()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": path},
    )
    call = pickle.dumps((function.__module__, function.__qualname__, tuple(arguments), running))
    process.stdin.write(len(call).to_bytes(8, "big") + call)
    process.stdin.flush()  # and it stays open: its end tells the process that we are gone
    return process


def _end_if_one_fails(others: list[subprocess.Popen[bytes]], finished: threading.Event) -> None:
    # A process that is gone leaves the rest waiting for it in a collective operation.
    while not finished.wait(_SECONDS_BETWEEN_LOOKS):
        if any(other.poll() for other in others) and not finished.wait(_SECONDS_TO_SAY_WHY):
            codes = {rank: other.poll() for rank, other in enumerate(others, start=1)}
            print(f"error: a training process has ended (status by number: {codes})", flush=True)
            for other in others:
                other.kill()
            os._exit(1)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.stdin.close()
    try:
        process.wait(timeout=_SECONDS_TO_SAY_WHY)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def help_out() -> None:
    """The body of a process that `run_on_processes` has started."""
    stream = sys.stdin.buffer
    module, name, arguments, running = pickle.loads(stream.read(int.from_bytes(stream.read(8))))
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    function = getattr(__import__(module, fromlist=[name]), name)
    try:
        function(*arguments, running=running)
    except UserError as error:
        print(f"process {running.rank}: {error}", file=sys.stderr)
        status = error.status
    except Exception:
        traceback.print_exc()
        status = 1
    else:
        status = 0
    sys.stderr.flush()
    # Without waiting for the thread that reads, and for NCCL, whose peers may be gone.
    os._exit(status)


def _end_with_the_first() -> None:
    while sys.stdin.buffer.read(1):
        pass
    time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)


class Stopped(UserError):
    """A signal ended the training; what it had reached is kept, and running again goes on."""

    status = os.EX_TEMPFAIL


@contextmanager
def stop_signals() -> Iterator[list[str]]:
    """Collect the names of the signals that ask a training to stop: SIGTERM, and Slurm's SIGUSR1.

    Outside of the main thread none can be caught, and the list stays empty.
    """
    caught: list[str] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    kinds = (signal.SIGTERM, signal.SIGUSR1)

    def note(number: int, _: Any) -> None:
        caught.append(signal.Signals(number).name)

    before = {kind: signal.signal(kind, note) for kind in kinds}
    try:
        yield caught
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
