"""Lightning's Fabric for a training: its device, its arithmetic, its processes."""

import logging
import os
import sys
import warnings
from typing import Any

# Fabric imports torchmetrics, to look at its version only; with it come torchvision, matplotlib and
# scipy's signal processing: two seconds, which a short job has no use for.
if _stood_in := "torchmetrics" not in sys.modules:
    sys.modules["torchmetrics"] = None  # type: ignore[assignment]
import lightning_fabric
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment
from lightning_fabric.strategies import DDPStrategy

from vipann.devices import choose_device, print_machine, resolved_precision
from vipann.errors import UserError
from vipann.training.launch import Runtime
from vipann.training.recipe import Recipe

if _stood_in:
    del sys.modules["torchmetrics"]

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
warnings.filterwarnings("ignore", message=".*LeafSpec.*")


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch; every draw of the job follows from it."""
    lightning_fabric.seed_everything(seed % 2**32, verbose=False)


def launched_fabric(recipe: Recipe, runtime: Runtime) -> Fabric:
    """Fabric in this process, joined with the other processes of the training.

    Raises:
        UserError: the recipe asks for what this machine's device cannot do.
    """
    device = choose_device(runtime.accelerator)
    cuda = device.type == "cuda"
    if recipe.sync_batchnorm and runtime.processes > 1 and not cuda:
        raise UserError(
            "training.sync_batchnorm: torch synchronizes batch norm on GPUs only; set it to false"
        )
    if not cuda:
        # Lightning has torch count GPUs by NVML: without one, a library is looked for at each step.
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    precision = resolved_precision(recipe.precision, device)
    fabric = Fabric(
        accelerator="cuda" if cuda else "cpu",
        devices=runtime.processes,
        # Statistics of batch norm are shared by the loop itself.
        strategy=DDPStrategy(broadcast_buffers=False) if runtime.processes > 1 else "auto",
        precision="bf16-mixed" if precision == "bfloat16" else "32-true",
        # Or it would take a Slurm job's tasks for the processes.
        plugins=[LightningEnvironment()],
    )
    fabric.launch()
    if runtime.is_first:
        print_machine(device, precision)
    return fabric


def gathered(value: Any, processes: int) -> list[Any]:
    """`value` of each process, in the order of their numbers, in all of them."""
    if processes == 1:
        return [value]
    values: list[Any] = [None] * processes
    torch.distributed.all_gather_object(values, value)
    return values
