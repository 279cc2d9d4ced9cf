"""What processes that share a training do and leave behind; run by test_ddp in real processes."""

import copy
import json
import os
import signal
import sys
import time
from pathlib import Path

import torch
from recipes import train_from_scratch
from torch import nn

from vipann.features.batches import LogmelDataset
from vipann.features.store import FeatureStore
from vipann.models.strategies import build_transferred
from vipann.seeds import derive_seed
from vipann.training.fabric import seed_everything
from vipann.training.launch import launch
from vipann.training.loop import Training
from vipann.training.objective import ClassifierTraining
from vipann.training.recipe import Recipe

ROWS, BATCH, KL_WEIGHT = 17, 6, 0.01


def recipe(settings, **changes):
    return Recipe(
        batch_size=BATCH,
        learning_rate=0.01,
        learning_rate_schedule="constant",
        amsgrad=True,
        mixup_alpha=0.0,
        spec_augment=settings["training"]["spec_augment"],
        **changes,
    )


def network(settings):
    """A Flipout network, the same in every process."""
    seed_everything(3)
    return build_transferred("flip", 3, settings)


class Recorded(LogmelDataset):
    """Notes which clips are read."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.seen = []

    def __getitem__(self, positions):
        self.seen.append([int(p) for p in positions])
        return super().__getitem__(positions)


class Descending(ClassifierTraining):
    """Plain gradient descent at rate 1: the step that it takes is the gradient."""

    def optimizer(self, steps, steps_per_epoch):
        optimizer = torch.optim.SGD(self.parameters(), lr=1.0)
        return optimizer, torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)


def one_step(folder, features, settings, runtime):
    """One step from the same start in all processes: weights, clips read and written files."""
    opened = []
    sys.addaudithook(lambda event, found: event == "open" and opened.append(found[:2]))
    with FeatureStore(features) as store:
        clips = Recorded(store, store.rows()[:ROWS])
        one, two = recipe(settings, steps=1), recipe(settings, epochs=2)
        module = Descending(network(settings), one, "multiclass", KL_WEIGHT)
        Training(module, clips, one, 5, runtime).run()
        torch.save(module.state_dict(), folder / f"step.{runtime.rank}.pt")
        clips.seen.clear()
        adam = ClassifierTraining(network(settings), two, "multiclass", KL_WEIGHT)
        opened.clear()
        Training(adam, clips, two, 5, runtime).run()
    wrote = [str(path) for path, mode in opened if isinstance(mode, str) and set(mode) & set("wax")]
    facts = {"seen": clips.seen, "wrote": [p for p in wrote if p.startswith(str(folder))]}
    (folder / f"facts.{runtime.rank}.json").write_text(json.dumps(facts))
    torch.save(adam.state_dict(), folder / f"adam.{runtime.rank}.pt")


def expected_gradient(features, settings, batches):
    """The same by one process: the batches' gradients one after the other, and their mean."""
    gradients = []
    with FeatureStore(features) as store:
        clips = LogmelDataset(store, store.rows()[:ROWS])
        for rank, positions in enumerate(batches):
            own = network(settings)
            module = ClassifierTraining(own, recipe(settings), "multiclass", KL_WEIGHT).train()
            torch.manual_seed(derive_seed(5, "draws", rank))
            share = len(positions) * len(batches) / sum(map(len, batches))
            module(clips[positions], share)["objective"].backward()
            gradients.append([p.grad for p in module.parameters()])
    names = [name for name, _ in nn.Module.named_parameters(module)]
    return dict(zip(names, (sum(g) / len(g) for g in zip(*gradients, strict=True)), strict=True))


def scratch(features, settings, out, runtime, fault=None):
    """The whole stage, with a `fault` (process, step, signal) that strikes one process."""
    launch(runtime, _scratch, features, settings, out, fault)


def _scratch(features, settings, out, fault, runtime):
    if fault and fault[0] == runtime.rank:
        read, asked = LogmelDataset.__getitem__, []

        def reading(self, positions):
            asked.append(positions)
            if len(asked) == fault[1] + 1:
                os.kill(os.getpid(), fault[2])
            return read(self, positions)

        LogmelDataset.__getitem__ = reading
    Path(f"{out}.pid{runtime.rank}").write_text(str(os.getpid()))
    train_from_scratch("drop", 1, features, copy.deepcopy(settings), out, runtime)


def gone(pid, seconds=20.0):
    """Whether the process ends within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    return False
