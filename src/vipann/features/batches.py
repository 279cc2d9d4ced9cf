"""Batches of log-mel clips for training and scoring, read row by row from a features file."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler

from vipann.features.store import FeatureStore

Batch = tuple[Tensor, Tensor]


class LogmelDataset(Dataset[Batch]):
    """Rows of a features file; an item is a batch: log-mel (B, T, mel), multi-hot labels (B, C)."""

    def __init__(self, store: FeatureStore, rows: Sequence[int] | np.ndarray) -> None:
        self.store = store
        self.rows = np.asarray(rows, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, positions: Sequence[int]) -> Batch:
        rows = self.rows[np.asarray(positions)]
        labels = torch.from_numpy(self.store.labels[rows]).float()
        return torch.from_numpy(self.store.read_half(rows)).float(), labels


def training_loader(
    dataset: LogmelDataset, batch_size: int, seed: int, mix: bool, workers: int = 0
) -> DataLoader:
    """Shuffled batches of `batch_size` clips, or of twice as many where mixup makes pairs.

    The last, smaller batch of an epoch is kept when mixup does not need pairs and batch norm has
    more than one clip to work on. `workers` processes read ahead; the batches are the same.
    """
    size = 2 * batch_size if mix else batch_size
    size = min(size, len(dataset) - len(dataset) % 2)
    drop_last = mix or len(dataset) % size == 1
    sampler = RandomSampler(dataset, generator=torch.Generator().manual_seed(seed))
    return _loader(dataset, BatchSampler(sampler, size, drop_last), workers)


def scoring_loader(dataset: LogmelDataset, batch_size: int, workers: int = 0) -> DataLoader:
    """Batches in the order of the rows; `workers` processes read ahead."""
    sampler = BatchSampler(SequentialSampler(dataset), batch_size, drop_last=False)
    return _loader(dataset, sampler, workers)


def _loader(dataset: LogmelDataset, sampler: BatchSampler, workers: int) -> DataLoader:
    # A generator of its own: a loader draws a seed now and then, and how often depends on its
    # workers, whereas the network's draws must not.
    return DataLoader(
        dataset,
        sampler=sampler,
        batch_size=None,
        num_workers=workers,
        persistent_workers=workers > 0,
        generator=torch.Generator(),
    )
