"""How a training runs on its machine: processes, GPUs, signals, folders.

Nothing in `Runtime` changes what is learnt, except for the order in which floats are summed where
several processes share a batch.
"""

import atexit
import dataclasses
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO
from unittest import mock

import torch
from torch.multiprocessing import (
    ProcessContext,
    ProcessExitedException,
    ProcessRaisedException,
    start_processes,
)

from vipann.devices import choose_device
from vipann.errors import UserError

_SECONDS_TO_SAY_WHY = 20.0
_SECONDS_TO_BE_NOTICED = 2.0


@dataclass(frozen=True)
class Runtime:
    """What the rule and the machine decide.

    `processes` share each batch, one GPU each; this one is number `rank`, and only number 0 writes.
    `checkpoint_every` and `validate_every` count steps (0: never). Without `work`, the folder of
    the job's partial runs, no state is kept. `curves` is a CSV file, `tensorboard` a folder,
    `terminal` where a progress bar is drawn.
    """

    accelerator: str = "cpu"
    processes: int = 1
    rank: int = 0
    loader_workers: int = 0
    checkpoint_every: int = 0
    validate_every: int = 0
    work: Path | None = None
    curves: Path | None = None
    tensorboard: Path | None = None
    terminal: TextIO | None = None

    @property
    def is_first(self) -> bool:
        return self.rank == 0


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


def runtime_of(
    config: Mapping[str, Any], resources: Any, output: Any, terminal: TextIO | None
) -> Runtime:
    """How a rule's job runs: from the config, and from Snakemake's `resources` and `output`.

    What is kept for a job lies under the name of its checkpoint, `results/<run>/checkpoints/...`,
    in the folders `work` and `tensorboard` beside that of the checkpoints.
    """
    granted = gpus_of(resources)
    processes = process_count(config["accelerator"], granted)
    if processes != max(granted, 1):
        print(f"{granted} GPUs asked for; running as {processes} process(es) on what is there")
    checkpoint = Path(output.checkpoint)
    return Runtime(
        accelerator=config["accelerator"],
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


def launch(runtime: Runtime, function: Callable[..., None], *arguments: Any) -> None:
    """Call `function(*arguments, runtime=...)` in `runtime.processes` processes at once.

    Number 0 is the calling process. `function` must be importable by name and `arguments` fit for
    pickling. If one process ends with an error, all of them do; if the calling one is killed, the
    others end too.
    """
    if runtime.processes == 1:
        function(*arguments, runtime=runtime)
        return
    others = _start_others(runtime, function, arguments)
    finished = threading.Event()
    failures: list[RuntimeError] = []
    watcher = threading.Thread(target=_watch, args=(others, finished, failures), daemon=True)
    watcher.start()
    try:
        with mock.patch.dict(os.environ, LOCAL_RANK="0"):
            function(*arguments, runtime=runtime)
        watcher.join()
    except UserError:
        raise
    except Exception:
        # Mostly that another process is gone: why is for it to say.
        watcher.join(_SECONDS_TO_BE_NOTICED)
        if not failures:
            raise
    finally:
        finished.set()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        for process in others.processes:
            process.join(_SECONDS_TO_SAY_WHY)
            process.kill()
    if failures:
        raise failures[0]


def _start_others(
    runtime: Runtime, function: Callable[..., None], arguments: tuple[Any, ...]
) -> ProcessContext:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # What Lightning reads where it has not started the processes itself.
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), NODE_RANK="0")
    call = (function, arguments, dataclasses.replace(runtime, terminal=None))
    # A new process would first run the script that this one is running.
    with mock.patch.dict(vars(sys.modules["__main__"]), __spec__=None, __file__=None):
        return start_processes(_run_other, call, runtime.processes - 1, join=False)


def _run_other(
    index: int, function: Callable[..., None], arguments: tuple[Any, ...], runtime: Runtime
) -> None:
    """The body of each process but the first."""
    # torch sends SIGINT when the first process is gone; one that is gone already sends none.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    first = multiprocessing.parent_process()
    if first is None or not first.is_alive():
        os._exit(1)
    # Without waiting for NCCL, whose peers may be gone.
    atexit.register(os._exit, 1)
    os.environ["LOCAL_RANK"] = str(index + 1)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        function(*arguments, runtime=dataclasses.replace(runtime, rank=index + 1))
    os._exit(0)


def _watch(others: ProcessContext, finished: threading.Event, failures: list[RuntimeError]) -> None:
    try:
        while not others.join():
            pass
    except (ProcessExitedException, ProcessRaisedException) as error:
        print(error, flush=True)
        reason = getattr(error, "signal_name", None) or str(error).strip().splitlines()[-1]
        ended = f"process {error.error_index + 1} of the training has ended: {reason}"
        failures.append(RuntimeError(ended))
        # A process that is gone leaves the first waiting for it in a collective operation.
        if not finished.wait(_SECONDS_TO_SAY_WHY):
            print(f"error: {ended}", flush=True)
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

    def note(number: int, _: Any) -> None:
        caught.append(signal.Signals(number).name)

    before = {kind: signal.signal(kind, note) for kind in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield caught
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
