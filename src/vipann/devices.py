"""Where networks run, and in which arithmetic."""

import os
import platform
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import torch

from vipann.errors import MachineWarning, UserError

# Of a job that was granted GPUs: by Slurm, or by whoever made a GPU visible.
_GRANTS = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "CUDA_VISIBLE_DEVICES")
_DRIVERS = ("/dev/nvidiactl", "/dev/kfd")


def choose_device(accelerator: str) -> torch.device:
    """The device of `accelerator`: auto (a GPU where torch sees one), gpu, or cpu.

    With auto, a MachineWarning where there is a GPU that torch does not see.

    Raises:
        UserError: gpu, and torch sees none.
    """
    if accelerator == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if accelerator == "gpu":
        raise UserError(
            f"accelerator: gpu, but torch sees no GPU ({_why_no_gpu()}). Set accelerator: auto or "
            "cpu to train without one, or run the job where there is one."
        )
    if any(map(os.environ.get, _GRANTS)) or any(Path(path).exists() for path in _DRIVERS):
        _warn_of_unseen_gpu()
    return torch.device("cpu")


@cache  # one line a job
def _warn_of_unseen_gpu() -> None:
    text = f"there is a GPU, but torch does not see it ({_why_no_gpu()}); running on the CPU"
    warnings.warn(text, MachineWarning, stacklevel=2)


def _why_no_gpu() -> str:
    """In torch's words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return str(error).splitlines()[0].rstrip(".")
    return "CUDA has no device"


def machine_facts(device: torch.device, precision: str) -> dict[str, Any]:
    """Device, arithmetic, threads and versions, for logs and sidecars."""
    on_gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else device.type,
        "precision": precision,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
    }


def print_machine(device: torch.device, precision: str) -> None:
    """One line of a job's log."""
    facts = machine_facts(device, precision)
    print("machine: " + ", ".join(f"{name} {value}" for name, value in facts.items()))


def resolved_precision(wanted: str, device: torch.device) -> str:
    """`float32` or `bfloat16`: `wanted`, where the device computes it in its own instructions.

    `auto` wants bfloat16 on GPUs only.
    """
    if wanted == "float32" or (wanted == "auto" and device.type != "cuda"):
        return "float32"
    if has_bfloat16(device):
        return "bfloat16"
    if wanted == "bfloat16":
        print(f"bfloat16: this {device.type} has no instructions for it; float32 instead")
    return "float32"


def has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is more than an emulation there, which is many times slower on a CPU."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    instructions = torch.cpu.get_capabilities()
    return any(instructions.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
