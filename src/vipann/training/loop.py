"""The training loop of all stages, on Lightning's Fabric: precision, devices, processes.

Fabric and not the Trainer: a training must go on after a kill at any step, bit by bit as if
nothing had been, and stop at any step; for that the loop has to be in sight.
"""

import math
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from vipann.errors import UserError
from vipann.features.batches import batch_loader
from vipann.seeds import derive_seed
from vipann.training.curves import Curves
from vipann.training.epochs import EpochFiles
from vipann.training.fabric import gathered, launched_fabric
from vipann.training.launch import Runtime, Stopped, stop_signals
from vipann.training.mixup import MixedClips, Partners
from vipann.training.recipe import Recipe
from vipann.training.resume import ResumeStates, generator_states, restore_generators
from vipann.training.sampling import BatchOrder, Shares, draw_of
from vipann.training.validation import Check

_MOST_CLIPS_NAMED = 64


class Training:
    """A training to the end of its recipe, from the newest of `states` on.

    `module` is called and makes its optimizer as `vipann.training.objective.ClassifierTraining`.
    `clips` gives a batch for a list of positions, has a length, names its clips in `clip_ids` and,
    for balanced sampling, has `labels`; with `waveform_augmentation` it is
    `vipann.training.waveforms.HeardAnew`.
    """

    def __init__(
        self,
        module: Any,
        clips: Any,
        recipe: Recipe,
        seed: int,
        runtime: Runtime,
        states: ResumeStates | None = None,
        check: Check | None = None,
        epochs: EpochFiles | None = None,
    ) -> None:
        self.module, self.clips, self.recipe, self.seed = module, clips, recipe, seed
        self.partners: Partners | None = None
        if recipe.mixes_with_any:
            self.partners = Partners(len(clips), recipe.mixup_rate, recipe.mixup_alpha, seed)
            if not recipe.hears_anew:
                self.clips = MixedClips(clips, recipe.mixing == "cutmix")
        self.runtime, self.states, self.check = runtime, states, check
        self.epochs = epochs
        self.fabric = launched_fabric(recipe, runtime)
        shares = recipe.mixes_pairs, runtime.processes, draw_of(recipe, clips)
        self.order = BatchOrder(len(clips), recipe.batch_size, seed, *shares)
        self.steps = recipe.total_steps(self.order.steps_per_epoch)
        if recipe.sync_batchnorm and runtime.processes > 1:
            nn.SyncBatchNorm.convert_sync_batchnorm(module)
        if recipe.compile:
            module.compile()
        optimizer, self.scheduler = module.optimizer(self.steps, self.order.steps_per_epoch)
        self.model, self.optimizer = self.fabric.setup(module, optimizer)
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        norms = [m for m in module.modules() if isinstance(m, _NormBase) and m.track_running_stats]
        self.statistics: list[Any] = [
            t for norm in norms for t in (norm.running_mean, norm.running_var)
        ]
        torch.manual_seed(derive_seed(seed, "draws", runtime.rank))
        state = states.load() if states else None
        self.started, self.seconds_before = time.monotonic(), state["seconds"] if state else 0.0
        self.done = self._restored(state) if state else 0
        self.curves = Curves(runtime, self.steps, self.done, state["curves"] if state else None)

    def run(self) -> dict[str, float]:
        """Train; returns the last loss and KL.

        Raises:
            UserError: the loss or a gradient is NaN or infinite (the step and its clips are named;
                no weight has been changed by it), or the state was made under other settings.
            Stopped: SIGTERM or SIGUSR1 came; the state of the last finished step is kept.
        """
        with stop_signals() as signals, closing(self.curves):
            return self._run(signals)

    @property
    def seconds(self) -> float:
        """By the clock, over all its starts."""
        return self.seconds_before + time.monotonic() - self.started

    def _run(self, signals: list[str]) -> dict[str, float]:
        left = range(self.done, self.steps)
        steps = Shares(self.order, left, self.runtime.rank, self.partners, self.recipe.hears_anew)
        pins = self.fabric.device.type == "cuda"
        loader = batch_loader(self.clips, steps, self.runtime.loader_workers, pins)
        values: dict[str, float] = {}
        self.module.train()
        for batch in self.fabric.setup_dataloaders(loader, use_distributed_sampler=False):
            values = self._step(batch, bool(signals))
            last = self.done - 1
            clips = len(self.order.positions(last))
            self.curves.step(self.done, self.order.epoch(last), clips, values)
            if self.check and self.check.due(self.done, self.steps, self.order.steps_per_epoch):
                self._score(self.check)
            if self.epochs and self.runtime.is_first:
                self.epochs.after(self.done, self.steps, self.order.steps_per_epoch)
            if self.done < self.steps:
                self._keep(signals, bool(values["stop"]))
        self._check_weights()
        if self.runtime.is_first and self.runtime.curves:
            self.curves.write(self.runtime.curves)
        return {name: values[name] for name in ("loss", "kl")}

    def _step(self, batch: Any, stop: bool) -> dict[str, float]:
        _, share = self.order.share(self.done, self.runtime.rank)
        losses = self.model(batch, share)
        self.fabric.backward(losses["objective"])
        norm = get_total_norm([p.grad for p in self.parameters if p.grad is not None])
        # One message and one look at the device a step; the latter is what the guard costs.
        means = torch.stack([losses["loss"] * share, losses["kl"], norm]).double()
        means = torch.cat([means, means.new_tensor([float(stop)])])
        shared: Any = self.fabric.all_reduce(means, reduce_op="mean")
        values = dict(zip(("loss", "kl", "gradient_norm", "stop"), shared.tolist(), strict=True))
        if not all(map(math.isfinite, values.values())):
            self._refuse_divergence(values)
        if self.recipe.gradient_clip is not None:
            clip_grads_with_norm_(self.parameters, self.recipe.gradient_clip, norm)
        values["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        self.optimizer.step()
        self.scheduler.step()
        self.optimizer.zero_grad()
        self._share_statistics()
        self.done += 1
        return values

    def _share_statistics(self) -> None:
        # A running mean is linear in the batches' means, so this is the mean over all of them.
        if self.runtime.processes > 1 and self.statistics:
            flat = torch.cat([buffer.flatten() for buffer in self.statistics])
            shared: Any = self.fabric.all_reduce(flat, reduce_op="mean")
            sizes = [buffer.numel() for buffer in self.statistics]
            for buffer, values in zip(self.statistics, shared.split(sizes), strict=True):
                buffer.copy_(values.view_as(buffer))

    def _score(self, check: Check) -> None:
        device = self.fabric.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(derive_seed(self.seed, "check", self.runtime.rank, self.done))
            self.module.eval()
            with torch.inference_mode():
                scores = check.scores(self.fabric, self.done)
            self.module.train()
        self.curves.checked(self.done, self.order.epoch(self.done - 1), scores)

    def _restored(self, state: Mapping[str, Any]) -> int:
        """Take over a kept state; returns its step."""
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        if self.check:
            self.check.load_state_dict(state["check"])
        rank, processes, step = self.runtime.rank, self.runtime.processes, state["step"]
        if len(state["generators"]) == processes:
            restore_generators(state["generators"][rank], self.fabric.device)
        else:
            torch.manual_seed(derive_seed(self.seed, "draws", rank, step))
            print(f"{len(state['generators'])} process(es) before, {processes} now: new draws")
        return step

    def _keep(self, signals: list[str], stop: bool) -> None:
        """Keep a state where one is due, and stop where a process has been told to.

        Raises:
            Stopped: it has.
        """
        every = self.runtime.checkpoint_every
        if self.states and (stop or (every and self.done % every == 0)):
            self._save(self.states)
        if not stop:
            return
        kept = "nothing is kept, as no work folder was given"
        if self.states:
            kept = f"its state is kept in {self.states.folder}: run the workflow again to go on"
        name = signals[0] if signals else "a signal to another process"
        raise Stopped(f"{name}: training stopped after step {self.done} of {self.steps}; {kept}")

    def _save(self, states: ResumeStates) -> None:
        self._check_weights()
        generators = gathered(generator_states(self.fabric.device), self.runtime.processes)
        if self.runtime.is_first:
            states.save(
                {
                    "step": self.done,
                    "seconds": self.seconds,
                    "module": self.module.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "scheduler": self.scheduler.state_dict(),
                    "generators": generators,
                    "curves": self.curves.state_dict(),
                    "check": self.check.state_dict() if self.check else {},
                }
            )
            self.curves.write(states.folder / "curves.csv")
        self.fabric.barrier()

    def _refuse_divergence(self, values: Mapping[str, float]) -> None:
        positions = self.order.positions(self.done)
        if self.partners:
            partners, *_ = self.partners.of(self.done, len(positions))
            positions = np.concatenate([positions, partners[partners >= 0]])
        names = self.clips.clip_ids[positions].tolist()
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
        tensors = self.module.state_dict().items()
        if wrong := [n for n, t in tensors if t.is_floating_point() and not t.isfinite().all()]:
            raise UserError(
                f"training diverged: {len(wrong)} tensors are not finite after step {self.done} "
                f"({', '.join(wrong[:3])}, ...): lower the learning rate in the config"
            )
