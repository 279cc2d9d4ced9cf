"""What networks cost: parameters, MACs, clips a second and memory, measured side by side.

Weights change none of it, so the networks are drawn at random and no checkpoint is read.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from vipann.devices import choose_device
from vipann.errors import UserError
from vipann.files import replacing
from vipann.models.complexity import count_macs
from vipann.models.network import Network, trainable_parameters
from vipann.models.strategies import build_network

COLUMNS = [
    *("variant", "strategy", "encoder", "parameters", "macs", "clips_per_second", "memory_mb"),
    *("batch_size", "repeats", "device", "threads"),
]
_STATUS = Path("/proc/self/status")  # of Linux


def write_costs(
    networks: Sequence[Mapping[str, Any]],
    classes: int,
    batch_size: int,
    repeats: int,
    accelerator: str,
    path: Path | str,
) -> None:
    """Write a csv row for each of `networks`, see `network_costs`."""
    found = network_costs(networks, classes, batch_size, repeats, accelerator)
    with replacing(path) as beside:
        found.to_csv(beside, index=False, lineterminator="\n")


def network_costs(
    networks: Sequence[Mapping[str, Any]],
    classes: int,
    batch_size: int,
    repeats: int,
    accelerator: str,
) -> pd.DataFrame:
    """Columns `COLUMNS`, a row for each of `networks`; what is built alike is measured once.

    networks: `variant`, `strategy`, the `shape` (T, M) or (S,) of a clip's features, and what
    `build_network` reads. macs: of one clip, in evaluation mode, by the rule of
    `vipann.models.complexity`, of the encoder on (without the front end). clips_per_second: one
    forward pass of a batch, which is one Monte Carlo sample, without reading features; the median
    of `repeats` rounds in which each network has its turn, after one round that does not count.
    memory_mb (10^6 bytes): by how much a process of its own grows at most while it builds the
    network and passes one batch: resident memory on a CPU (Linux only, else missing), allocated by
    torch on a GPU. Features are noise.
    """
    forms = {_form_of(one): one for one in networks}
    # Before anything is held here: processes of their own need the memory.
    memory = {key: _peak_mb(one, classes, batch_size, accelerator) for key, one in forms.items()}
    device = choose_device(accelerator)
    built = {key: _built(one, classes, device) for key, one in forms.items()}
    batches = {key: _noise(one, batch_size, device) for key, one in forms.items()}
    rounds = [_round(built, batches) for _ in range(repeats + 1)][1:]
    rows = []
    for one in networks:
        key = _form_of(one)
        macs = count_macs(built[key], batches[key][:1])["Global"]
        rate = batch_size / float(np.median([times[key] for times in rounds]))
        own = [one["variant"], one["strategy"], one["model"]["encoder"]]
        counts = [trainable_parameters(built[key]), sum(macs.values()), rate, memory[key]]
        where = [batch_size, repeats, _device_name(device), torch.get_num_threads()]
        rows.append([*own, *counts, *where])
    return pd.DataFrame(rows, columns=COLUMNS)


def _form_of(one: Mapping[str, Any]) -> str:
    """What two networks share that cost the same."""
    return json.dumps({k: v for k, v in one.items() if k != "variant"}, sort_keys=True)


def _built(one: Mapping[str, Any], classes: int, device: torch.device) -> Network:
    return build_network(one["strategy"], classes, one).eval().to(device)


def _noise(one: Mapping[str, Any], batch_size: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch_size, *one["shape"], generator=generator).to(device)


@torch.inference_mode()
def _round(built: Mapping[str, Network], batches: Mapping[str, Tensor]) -> dict[str, float]:
    """Seconds of one forward pass of each, one after the other."""
    times = {}
    for key, network in built.items():
        _finish(batches[key].device)
        start = perf_counter()
        network(batches[key])
        _finish(batches[key].device)
        times[key] = perf_counter() - start
    return times


def _finish(device: torch.device) -> None:
    """A GPU works on after a call has returned."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _peak_mb(
    one: Mapping[str, Any], classes: int, batch_size: int, accelerator: str
) -> float | None:
    """`peak_growth` of a new process: what one network has freed, the next one would reuse."""
    job = json.dumps([dict(one), classes, batch_size, accelerator])
    name = peak_growth.__name__
    code = f"import json, sys; from {__name__} import {name}; print({name}(*json.load(sys.stdin)))"
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=job,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(
            f"variants.{one['variant']}: its network could not pass a batch of {batch_size} clips "
            f"in a process of its own ({reason}). Lower evaluation.cost.batch_size if memory ran "
            "out."
        )
    found = done.stdout.split()[-1]
    return None if found == "None" else float(found) / 1e6


@torch.inference_mode()
def peak_growth(
    one: Mapping[str, Any], classes: int, batch_size: int, accelerator: str
) -> int | None:
    """Bytes by which this process grows at most while it builds a network and passes a batch."""
    device = choose_device(accelerator)
    before = _status_bytes("VmRSS")
    _built(one, classes, device)(_noise(one, batch_size, device))
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    most = _status_bytes("VmHWM")
    return None if before is None or most is None else most - before


def _status_bytes(field: str) -> int | None:
    """A size from Linux's own account of this process, None where there is none."""
    if not _STATUS.exists():
        return None
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return 1024 * int(lines[field].split()[0])
