"""Which clips each training step sees: a pure function of the seed and the step's number."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import DataLoader, Dataset, Sampler

from vipann.errors import UserError
from vipann.features.batches import Batch, batch_loader
from vipann.seeds import derive_seed


class BatchOrder:
    """Which clips each training step sees: a pure function of the seed and the step's number.

    Every epoch is a new shuffle of all clips, cut into batches of `batch_size` clips, or of twice
    as many where mixup makes pairs (`mix`). The last, smaller batch of an epoch is dropped under
    mixup, or when it has fewer than 2 clips or fewer clips than `processes`; otherwise it is kept.
    With several processes each takes its own share of the same batch; pairs stay together.
    """

    def __init__(
        self, clips: int, batch_size: int, seed: int, mix: bool = False, processes: int = 1
    ) -> None:
        self.clips, self.seed, self.processes = clips, seed, processes
        self.unit = 2 if mix else 1
        self.size = min(self.unit * batch_size, clips - clips % 2)
        if self.size < self.unit * max(processes, 2 // self.unit):
            raise UserError(
                f"{clips} training clips in batches of {batch_size} are too few for {processes} "
                "process(es): lower `gpus` or raise `batch_size` in the config"
            )
        rest = clips % self.size
        kept = not mix and rest >= max(2, processes)
        self.steps_per_epoch = clips // self.size + kept
        self._shuffled: tuple[int, np.ndarray] = (-1, np.empty(0))

    def epoch(self, step: int) -> int:
        return step // self.steps_per_epoch

    def positions(self, step: int) -> np.ndarray:
        """Positions in the dataset of all clips of step number `step`, counted from 0."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        if self._shuffled[0] != epoch:
            draws = np.random.default_rng(derive_seed(self.seed, "order", epoch))
            self._shuffled = (epoch, draws.permutation(self.clips))
        return self._shuffled[1][batch * self.size : (batch + 1) * self.size]

    def share(self, step: int, rank: int) -> tuple[np.ndarray, float]:
        """What process `rank` takes of a step's clips, and the weight of its mean loss.

        With these weights the mean over processes is the mean over the whole batch, also where it
        can't be divided evenly.
        """
        whole = self.positions(step)
        units = len(whole) // self.unit
        first, end = (self.unit * (units * r // self.processes) for r in (rank, rank + 1))
        return whole[first:end], (end - first) * self.processes / len(whole)


class _Shares(Sampler[np.ndarray]):
    """The shares of one process from step `start` up to `steps`."""

    def __init__(self, order: BatchOrder, steps: int, start: int, rank: int) -> None:
        self.order, self.range, self.rank = order, range(start, steps), rank

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self.order.share(step, self.rank)[0] for step in self.range)

    def __len__(self) -> int:
        return len(self.range)


def training_loader(
    dataset: Dataset[Batch],
    order: BatchOrder,
    steps: int,
    start: int = 0,
    rank: int = 0,
    workers: int = 0,
    pin_memory: bool = False,
) -> DataLoader:
    """One batch per step from `start` up to `steps`, over all epochs; those of process `rank`.

    `workers` processes read ahead; the batches are the same.
    """
    return batch_loader(dataset, _Shares(order, steps, start, rank), workers, pin_memory)
