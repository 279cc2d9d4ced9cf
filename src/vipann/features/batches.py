"""Batches of log-mel clips for training and scoring, read row by row from a features file."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler, SequentialSampler

from vipann.errors import UserError
from vipann.features.store import FeatureStore
from vipann.seeds import derive_seed

Batch = tuple[Tensor, Tensor]


class LogmelDataset(Dataset[Batch]):
    """Rows of a features file; an item is a batch: log-mel (B, T, mel), multi-hot labels (B, C)."""

    def __init__(self, store: FeatureStore, rows: Sequence[int] | np.ndarray) -> None:
        self.store = store
        self.rows = np.asarray(rows, dtype=np.int64)

    @property
    def clip_ids(self) -> np.ndarray:
        """Names of the clips (N,), in the order of their positions."""
        return self.store.clip_ids[self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, positions: Sequence[int]) -> Batch:
        rows = self.rows[np.asarray(positions)]
        labels = torch.from_numpy(self.store.labels[rows]).float()
        return torch.from_numpy(self.store.read_half(rows)).float(), labels


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
    return _loader(dataset, _Shares(order, steps, start, rank), workers, pin_memory)


def scoring_loader(dataset: LogmelDataset, batch_size: int, workers: int = 0) -> DataLoader:
    """Batches in the order of the rows; `workers` processes read ahead."""
    sampler = BatchSampler(SequentialSampler(dataset), batch_size, drop_last=False)
    return _loader(dataset, sampler, workers)


def _loader(
    dataset: Dataset[Batch], sampler: Sampler, workers: int, pin_memory: bool = False
) -> DataLoader:
    # A generator of its own: a loader draws a seed now and then, and how often depends on its
    # workers, whereas the network's draws must not.
    return DataLoader(
        dataset,
        sampler=sampler,
        batch_size=None,
        num_workers=workers,
        persistent_workers=workers > 0,
        generator=torch.Generator(),
        pin_memory=pin_memory,
    )
