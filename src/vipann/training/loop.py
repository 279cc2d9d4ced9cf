"""Run Lightning's loop over one recipe, with seeds and progress."""

import logging
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader

from vipann.errors import UserError
from vipann.training.module import ClassifierTraining

_SECONDS_BETWEEN_LINES = 10.0

logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
warnings.filterwarnings("ignore", message=".*does not have many workers.*")
warnings.filterwarnings("ignore", message=".*LeafSpec.*")


class LogLines(pl.Callback):
    """A plain line in the job's log every few seconds, and one at the end."""

    def __init__(self) -> None:
        self.started = self.printed = time.monotonic()
        self.clips = 0

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: ClassifierTraining, outputs: Any, batch: Any, _: int
    ) -> None:
        self.clips += len(batch[0])
        now = time.monotonic()
        if now - self.printed >= _SECONDS_BETWEEN_LINES:
            self.printed = now
            self._line(trainer, module)

    def on_train_end(self, trainer: pl.Trainer, module: ClassifierTraining) -> None:
        self._line(trainer, module)

    def _line(self, trainer: pl.Trainer, module: ClassifierTraining) -> None:
        rate = self.clips / max(time.monotonic() - self.started, 1e-9)
        values = " ".join(f"{k} {float(v):.4f}" for k, v in module.last.items())
        step, epoch = trainer.global_step, trainer.current_epoch
        print(f"epoch {epoch} step {step} {values} {rate:.0f} clips/s", flush=True)


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch; every draw of the job follows from it."""
    pl.seed_everything(seed % 2**32, verbose=False)


def train(
    module: ClassifierTraining,
    loader: DataLoader,
    *,
    accelerator: str,
    epochs: int | None = None,
    steps: int | None = None,
    callbacks: Sequence[pl.Callback] = (),
) -> dict[str, float]:
    """Train for `epochs` epochs or `steps` optimizer steps; returns the last step's loss and KL.

    Raises:
        UserError: the loss became NaN or infinite.
    """
    trainer = pl.Trainer(
        accelerator=accelerator,
        devices=1,
        max_epochs=epochs if epochs is not None else -1,
        max_steps=steps if steps is not None else -1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        default_root_dir=Path.cwd(),
        callbacks=[LogLines(), *callbacks],
    )
    trainer.fit(module, loader)
    last = {name: float(value) for name, value in module.last.items()}
    if not all(torch.isfinite(torch.tensor(value)) for value in last.values()):
        raise UserError(f"training diverged ({last}): lower the learning rate in the config")
    return last
