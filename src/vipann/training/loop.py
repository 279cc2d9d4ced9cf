"""The training loop of all stages, on Lightning's Fabric: precision, devices, processes.

Fabric and not the Trainer: a training must go on after a kill at any step, bit by bit as if
nothing had been, and stop at any step; for that the loop has to be in sight.
"""

import logging
import math
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from vipann.devices import choose_device, resolved_precision
from vipann.errors import UserError
from vipann.seeds import derive_seed
from vipann.training.curves import Curves
from vipann.training.fabric import DDPStrategy, Fabric
from vipann.training.fabric import seed_everything as _seed_everything
from vipann.training.launch import Ranks, Running, Stopped, stop_signals
from vipann.training.resume import States, read_state
from vipann.training.sampling import BatchOrder, training_loader

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
warnings.filterwarnings("ignore", message=".*does not have many workers.*")
warnings.filterwarnings("ignore", message=".*LeafSpec.*")

_MOST_CLIPS_NAMED = 64


class Check(Protocol):
    """Something that looks at the module now and then and never changes it, such as a validation.

    `look` is called after `done` steps where `due` says so, in all processes, with the module in
    evaluation mode; what it draws leaves the training's draws as they are. It returns scores for
    the curves. Its state (tensors, numbers, text) is kept with the training's.
    """

    def due(self, done: int, steps: int, steps_per_epoch: int) -> bool: ...

    def look(self, fabric: Fabric, done: int) -> dict[str, float]: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class TrainingModule(Protocol):
    """A module that can be trained: see `vipann.training.objective.ClassifierTraining`."""

    def __call__(self, batch: Any, share: float) -> dict[str, Tensor]: ...

    def optimizer(self, steps: int) -> tuple[Optimizer, LRScheduler]: ...


class TrainingClips(Protocol):
    """Clips by position; an item of several positions is a batch, of tensors with clips first."""

    clip_ids: np.ndarray

    def __len__(self) -> int: ...

    def __getitem__(self, positions: np.ndarray) -> Any: ...


@dataclass(frozen=True)
class Plan:
    """What a training does, apart from its module: all of it decides the result.

    precision: auto, float32 or bfloat16, as `vipann.devices.resolved_precision` takes it.
    """

    batch_size: int
    seed: int
    steps: int | None = None
    epochs: int | None = None
    mix: bool = False
    precision: str = "auto"
    compile: bool = False
    gradient_clip: float | None = None
    sync_batchnorm: bool = False


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch; every draw of the job follows from it."""
    _seed_everything(seed % 2**32, verbose=False)


def train(
    module: TrainingModule,
    clips: TrainingClips,
    plan: Plan,
    accelerator: str,
    running: Running,
    states: States | None = None,
    check: Check | None = None,
) -> dict[str, float]:
    """Train to the end of `plan`, from the newest of `states` on; returns the last loss and KL.

    Raises:
        UserError: the loss or a gradient is NaN or infinite (the step and its clips are named; no
            weight has been changed by it), or the state was made under other settings.
        Stopped: SIGTERM or SIGUSR1 came; the state of the last finished step is kept.
    """
    training = _Training(module, clips, plan, accelerator, running, states, check)
    try:
        with stop_signals() as signals:
            return training.run(signals)
    finally:
        training.curves.close()


class _Training:
    def __init__(
        self,
        module: Any,
        clips: TrainingClips,
        plan: Plan,
        accelerator: str,
        running: Running,
        states: States | None,
        check: Check | None,
    ) -> None:
        self.module, self.clips, self.plan, self.running = module, clips, plan, running
        self.states, self.check = states, check
        self.fabric = _fabric(accelerator, plan, running)
        self.fabric.launch()
        self.order = BatchOrder(len(clips), plan.batch_size, plan.seed, plan.mix, running.processes)
        self.steps = plan.steps or plan.epochs * self.order.steps_per_epoch
        _prepare(module, plan, self.fabric)
        self.optimizer, self.scheduler = module.optimizer(self.steps)
        self.model, self._optimizer = self.fabric.setup(module, self.optimizer)
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.norms = _running_statistics(module)
        self.done, shown = 0, None
        torch.manual_seed(derive_seed(plan.seed, "draws", running.rank))
        if state := self._newest_state():
            self._restore(state)
            shown = state["curves"]
        quiet = Running(rank=running.rank)
        self.curves = Curves(running if running.first else quiet, self.steps, self.done, shown)

    def run(self, signals: list[str]) -> dict[str, float]:
        loader = training_loader(
            self.clips,
            self.order,
            self.steps,
            self.done,
            self.running.rank,
            self.running.loader_workers,
            pin_memory=self.fabric.device.type == "cuda",
        )
        values: dict[str, float] = {}
        self.module.train()
        for batch in self.fabric.setup_dataloaders(loader, use_distributed_sampler=False):
            values = self._step(batch, bool(signals))
            self.done += 1
            self._show(values)
            if self.check and self.check.due(self.done, self.steps, self.order.steps_per_epoch):
                self._look()
            if self.done < self.steps:
                self._keep(signals if values["stop"] else None)
        self._check_weights()
        if self.running.first and self.running.curves:
            self.curves.write(self.running.curves)
        return {name: values[name] for name in ("loss", "kl")}

    def _step(self, batch: Any, stop: bool) -> dict[str, float]:
        _, share = self.order.share(self.done, self.running.rank)
        losses = self.model(batch, share)
        self.fabric.backward(losses["objective"])
        norm = get_total_norm([p.grad for p in self.parameters if p.grad is not None])
        # One message and one look at the device a step; the latter is what the guard costs.
        told = torch.stack([losses["loss"] * share, losses["kl"], norm]).double()
        told = torch.cat([told, told.new_tensor([float(stop)])])
        if self.running.processes > 1:
            told = self.fabric.all_reduce(told, reduce_op="mean")
        told = told.tolist()
        values = dict(zip(("loss", "kl", "gradient_norm", "stop"), told, strict=True))
        if not all(map(math.isfinite, told)):
            self._diverged(values)
        if self.plan.gradient_clip is not None:
            clip_grads_with_norm_(self.parameters, self.plan.gradient_clip, norm)
        values["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        self._optimizer.step()
        self.scheduler.step()
        self._optimizer.zero_grad()
        self._share_statistics()
        return values

    def _share_statistics(self) -> None:
        # A running mean is linear in the batches' means, so this is the mean over all of them.
        if self.running.processes > 1 and self.norms:
            flat = torch.cat([buffer.flatten() for buffer in self.norms])
            flat = self.fabric.all_reduce(flat, reduce_op="mean")
            sizes = [buffer.numel() for buffer in self.norms]
            for buffer, shared in zip(self.norms, flat.split(sizes), strict=True):
                buffer.copy_(shared.view_as(buffer))

    def _show(self, values: Mapping[str, float]) -> None:
        if self.running.first:
            step = self.done - 1
            clips = len(self.order.positions(step))
            self.curves.step(self.done, self.order.epoch(step), clips, values)

    def _look(self) -> None:
        draws = _generators(self.fabric.device)
        words = ("check", self.running.rank, self.done)
        torch.manual_seed(derive_seed(self.plan.seed, *words))
        self.module.eval()
        with torch.inference_mode():
            scores = self.check.look(self.fabric, self.done)
        self.module.train()
        _set_generators(draws, self.fabric.device)
        if self.running.first:
            self.curves.checked(self.done, self.order.epoch(self.done - 1), scores)

    def _newest_state(self) -> dict[str, Any] | None:
        if self.states is None:
            return None
        state = self.states.load() if self.running.first else None
        step = self.fabric.broadcast(state["step"] if state else None)
        if step is not None and not self.running.first:
            state = read_state(self.states.path(step))
        return state

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        if self.check:
            self.check.load_state_dict(state["check"])
        self.done = state["step"]
        rank, processes = self.running.rank, self.running.processes
        if len(state["generators"]) == processes:
            _set_generators(state["generators"][rank], self.fabric.device)
            return
        torch.manual_seed(derive_seed(self.plan.seed, "draws", rank, self.done))
        if self.running.first:
            print(f"{len(state['generators'])} process(es) before, {processes} now: new draws")

    def _save(self) -> str:
        """Keep a state; returns what to say about it."""
        if self.states is None:
            return "nothing is kept, as no work folder was given"
        self._check_weights()
        draws = _gathered(_generators(self.fabric.device), self.running.processes)
        if self.running.first:
            self.states.save(
                {
                    "step": self.done,
                    "module": self.module.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "scheduler": self.scheduler.state_dict(),
                    "generators": draws,
                    "curves": self.curves.state_dict(),
                    "check": self.check.state_dict() if self.check else {},
                }
            )
            self.curves.write(self.states.folder / "curves.csv")
        self.fabric.barrier()
        return f"its state is kept in {self.states.folder}: run the workflow again to go on from it"

    def _keep(self, signals: list[str] | None) -> None:
        every = self.running.checkpoint_every
        if signals is None:
            if every and self.done % every == 0:
                self._save()
            return
        kept = self._save()
        name = signals[0] if signals else "a signal to another process"
        raise Stopped(f"{name}: training stopped after step {self.done} of {self.steps}; {kept}")

    def _diverged(self, values: Mapping[str, float]) -> None:
        positions, _ = self.order.share(self.done, self.running.rank)
        found = _gathered(self.clips.clip_ids[positions].tolist(), self.running.processes)
        names = [name for share in found for name in share]
        more = f" and {len(names) - _MOST_CLIPS_NAMED} more" * (len(names) > _MOST_CLIPS_NAMED)
        kept = f"\nThe last good state stays in {self.states.folder}." if self.states else ""
        what = "loss" if not math.isfinite(values["loss"]) else "gradient"
        raise UserError(
            f"training diverged: the {what} of step {self.done + 1} is not finite "
            f"(loss {values['loss']}, KL {values['kl']}, gradient norm {values['gradient_norm']}). "
            "Look at the clips of that step, lower the learning rate or set "
            f"training.gradient_clip in the config.{kept}\nIts clips: "
            + ", ".join(names[:_MOST_CLIPS_NAMED])
            + more
        )

    def _check_weights(self) -> None:
        state = self.module.state_dict()
        wrong = [
            name
            for name, value in state.items()
            if value.is_floating_point() and not value.isfinite().all()
        ]
        if wrong:
            raise UserError(
                f"training diverged: {len(wrong)} tensors are not finite after step {self.done} "
                f"({', '.join(wrong[:3])}, ...): lower the learning rate in the config"
            )


def _fabric(accelerator: str, plan: Plan, running: Running) -> Fabric:
    device = choose_device(accelerator)
    cuda = device.type == "cuda"
    if plan.sync_batchnorm and running.processes > 1 and not cuda:
        raise UserError(
            "training.sync_batchnorm: torch synchronizes batch norm on GPUs only; set it to false"
        )
    if not cuda:
        # Lightning has torch count GPUs by NVML: without one, a library is looked for at each step.
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    precision = resolved_precision(plan.precision, device)
    return Fabric(
        accelerator="cuda" if cuda else "cpu",
        devices=running.processes,
        # Statistics of batch norm are shared by the loop itself.
        strategy=DDPStrategy(broadcast_buffers=False) if running.processes > 1 else "auto",
        precision="bf16-mixed" if precision == "bfloat16" else "32-true",
        plugins=[Ranks(running)],
    )


def _prepare(module: nn.Module, plan: Plan, fabric: Fabric) -> None:
    if plan.sync_batchnorm and fabric.world_size > 1:
        nn.SyncBatchNorm.convert_sync_batchnorm(module)
    if plan.compile:
        module.compile()


def _running_statistics(module: nn.Module) -> list[Tensor]:
    norms = [m for m in module.modules() if isinstance(m, _NormBase) and m.track_running_stats]
    return [buffer for norm in norms for buffer in (norm.running_mean, norm.running_var)]


def _generators(device: torch.device) -> dict[str, Tensor]:
    """The states of torch's generators, from which alone a training draws."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _set_generators(states: Mapping[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)


def _gathered(value: Any, processes: int) -> list[Any]:
    """`value` of each process, in the order of their numbers, in all of them."""
    if processes == 1:
        return [value]
    values: list[Any] = [None] * processes
    torch.distributed.all_gather_object(values, value)
    return values
