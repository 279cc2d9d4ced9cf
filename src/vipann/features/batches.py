"""Batches of clips' features, read row by row from a features file."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler, SequentialSampler

from vipann.features.store import FeatureStore

Batch = tuple[Tensor, Tensor]


class LogmelDataset(Dataset[Batch]):
    """Rows of a features file; an item is a batch: features (B, T, M) or waveforms (B, S), and
    multi-hot labels (B, C).

    `labels` of the rows are (N, C) uint8: the file's own, unless others are given.
    """

    def __init__(
        self,
        store: FeatureStore,
        rows: Sequence[int] | np.ndarray,
        labels: np.ndarray | None = None,
    ) -> None:
        self.store = store
        self.rows = np.asarray(rows, dtype=np.int64)
        self._other_labels = labels

    @property
    def labels(self) -> np.ndarray:
        return self._labels(slice(None))

    def _labels(self, positions: np.ndarray | slice) -> np.ndarray:
        if self._other_labels is not None:
            return self._other_labels[positions]
        return self.store.labels[self.rows[positions]]

    @property
    def clip_ids(self) -> np.ndarray:
        """Names of the clips (N,), in the order of their positions."""
        return self.store.clip_ids[self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, positions: Sequence[int]) -> Batch:
        chosen = np.asarray(positions)
        labels = torch.from_numpy(self._labels(chosen)).float()
        return torch.from_numpy(self.store.read(self.rows[chosen])).float(), labels


def scoring_loader(dataset: LogmelDataset, batch_size: int, workers: int = 0) -> DataLoader:
    """Batches in the order of the rows; `workers` processes read ahead."""
    sampler = BatchSampler(SequentialSampler(dataset), batch_size, drop_last=False)
    return batch_loader(dataset, sampler, workers)


def batch_loader(
    dataset: Dataset[Batch], sampler: Sampler, workers: int = 0, pin_memory: bool = False
) -> DataLoader:
    """A batch for each list of positions of `sampler`; `workers` processes read ahead."""
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
