"""Training a head on what a frozen backbone says of each clip, computed once and not per epoch.

A clip has V views: the first is the clip as it is, the others carry SpecAugment draws of their own.
Each epoch trains on one of them, drawn for each clip anew. With a deterministic backbone and one
view that is exactly what the frozen backbone in evaluation mode gives without augmentation.
A backbone that is random itself (MC dropout, Flipout) is run with draws of its own for each view,
Flipout's weights drawn once per batch as in training. V draws then stand in the place of one per
epoch: an approximation.
"""

import tempfile
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from vipann.devices import choose_device
from vipann.features.batches import Batch, LogmelDataset
from vipann.models.flipout import fixed_posteriors
from vipann.models.network import Network
from vipann.models.strategies import is_random_at_inference
from vipann.seeds import derive_seed
from vipann.training.augmentation import augmented
from vipann.training.recipe import Transfer

IN_MEMORY_BYTES = 2**31


class Head(nn.Module):
    """The head of a network in the place of the whole: embeddings (B, V, E) to logits (B, C).

    It shares the network's layers, so that training one trains the other.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(network.renewed())
        self.classify = network.classify

    def forward(
        self, embeddings: Tensor, augment: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        """Logits of one view per clip, drawn from torch's generator; views come augmented."""
        clips, views = embeddings.shape[:2]
        if views == 1:
            return self.classify(embeddings.squeeze(1))
        drawn = torch.randint(views, (clips,)) + torch.arange(0, clips * views, views)
        return self.classify(embeddings.flatten(0, 1).index_select(0, drawn.to(embeddings.device)))

    def renewed(self) -> dict[str, nn.Module]:
        """All its modules, as `Network.renewed`."""
        return dict(self.parts)


class EmbeddingDataset(Dataset[Batch]):
    """Embeddings (N, V, E) and multi-hot labels (N, C); an item is a batch of both, (B, ...)."""

    def __init__(self, embeddings: Tensor, labels: Tensor, clip_ids: np.ndarray) -> None:
        self.embeddings = embeddings
        self.labels = labels
        self.clip_ids = clip_ids

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, positions: Sequence[int]) -> Batch:
        chosen = torch.as_tensor(positions)
        return self.embeddings.index_select(0, chosen), self.labels.index_select(0, chosen)


def cached_sets(
    network: Network,
    training: LogmelDataset,
    validation: LogmelDataset,
    recipe: Transfer,
    seed: int,
    accelerator: str,
) -> tuple[EmbeddingDataset, EmbeddingDataset]:
    """Training and validation clips as embeddings.

    Where neither the backbone nor the recipe draws anything all views are one, and one is computed.
    Validation clips are plain; a random backbone runs over them once per Monte Carlo sample.
    """
    backbone = [module for _, modules in network.backbone() for module in modules]
    random = any(map(is_random_at_inference, backbone))
    views = recipe.views if random or recipe.masks else 1
    samples = recipe.validation["mc_samples"] if random and len(validation) else 1
    size, device = recipe.batch_size, choose_device(accelerator)
    augment = partial(augmented, recipe=recipe)
    seeds = [derive_seed(seed, f"{name} clips") for name in ("training", "validation")]
    return (
        cached(network, training, views, augment, size, seeds[0], device),
        cached(network, validation, samples, None, size, seeds[1], device),
    )


def cached(
    network: Network,
    clips: LogmelDataset,
    views: int,
    augmentation: Callable[[Tensor], Tensor] | None,
    batch_size: int,
    seed: int,
    device: torch.device,
    in_memory_bytes: int = IN_MEMORY_BYTES,
) -> EmbeddingDataset:
    """Run the backbone, in evaluation mode, over `clips` once for each view.

    augmentation: of the views after the first, None for plain ones. Batches of `batch_size` are put
    together at random, as in training, for they share the weights that Flipout draws; all draws
    follow from `seed`, and torch's generator is left as it was. Embeddings of more than
    `in_memory_bytes` lie in a nameless temporary file instead of memory.
    """
    labels = torch.from_numpy(clips.labels).float()
    was_training = network.training
    network.to(device).eval()
    found = torch.empty(0, views)
    with torch.no_grad(), torch.random.fork_rng(), fixed_posteriors(network):
        for view in range(views if len(clips) else 0):
            torch.manual_seed(derive_seed(seed, "view", view))
            augment = augmentation if view else None
            for chosen in torch.randperm(len(clips)).split(batch_size):
                logmel = clips[chosen.tolist()][0].to(device)
                embedding = network.embed(logmel, augment).float().cpu()
                if not found.numel():
                    found = _room((len(clips), views, *embedding.shape[1:]), in_memory_bytes)
                found[chosen, view] = embedding
    network.train(was_training)
    return EmbeddingDataset(found, labels, clips.clip_ids)


def _room(shape: tuple[int, ...], in_memory_bytes: int) -> Tensor:
    needed = int(np.prod(shape)) * torch.float32.itemsize
    if needed <= in_memory_bytes:
        print(f"embeddings: {needed / 1e6:.1f} MB in memory", flush=True)
        return torch.empty(shape)
    print(f"embeddings: {needed / 1e9:.2f} GB in a temporary file", flush=True)
    with tempfile.TemporaryFile(prefix="vipann_embeddings_") as file:
        return torch.from_numpy(np.memmap(file, np.float32, "w+", shape=shape))
