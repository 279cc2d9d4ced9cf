"""SWAG: a Gaussian over weights from the iterates of one training (Maddox et al. 2019).

Weights are flat vectors (P,) of all trainable parameters, in the network's own order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.optim.swa_utils import update_bn

from vipann.errors import UserError
from vipann.features.batches import LogmelDataset, scoring_loader
from vipann.features.store import FeatureStore
from vipann.models.checkpoints import load_checkpoint
from vipann.models.network import Network
from vipann.seeds import derive_seed


@dataclass(frozen=True)
class Moments:
    """What is kept of the iterates: `mean` and `variance` (P,), and `deviations` (R, P), of each of
    the last R from the mean of those up to it (Algorithm 1)."""

    mean: Tensor
    variance: Tensor
    deviations: Tensor

    def draw(self, generator: torch.Generator, low_rank: bool = True) -> Tensor:
        """Weights (P,) drawn from N(mean, Sigma).

        Sigma is, with `low_rank`, half the diagonal of the variances plus half of
        D^T D / (R - 1), D being the deviations (equation 1); without, that diagonal
        (SWAG-Diagonal).
        """
        normal = torch.randn(self.mean.shape, generator=generator)
        diagonal = self.variance.sqrt() * normal
        if not low_rank:
            return self.mean + diagonal
        rank = len(self.deviations)
        along = torch.randn(rank, generator=generator) @ self.deviations
        return self.mean + diagonal / 2**0.5 + along / (2 * (rank - 1)) ** 0.5


def moments_of(iterates: Iterable[Tensor], rank: int) -> Moments:
    """Moments of weights (P,), in the order of training; rank: how many deviations are kept.

    Raises:
        UserError: there are fewer than two iterates, or the rank is below 2.
    """
    number = 0
    mean = square = torch.zeros(())
    deviations: list[Tensor] = []
    for number, weights in enumerate(iterates, 1):
        exact = weights.double()
        mean = mean + (exact - mean) / number
        square = square + (exact**2 - square) / number
        deviations = [*deviations[-(rank - 1) :], (exact - mean).float()]
    if number < 2 or rank < 2:
        raise UserError(
            f"SWAG needs two iterates or more, and a rank of 2 or more; there are {number} and "
            f"{rank}: raise uncertainty.swag.epochs and uncertainty.swag.rank in the config"
        )
    variance = (square - mean**2).clip(0.0)
    return Moments(mean.float(), variance.float(), torch.stack(deviations))


def weights_of(network: Network, checkpoint: Path) -> Tensor:
    """The trainable parameters (P,) of a checkpoint of this network."""
    state, _ = load_checkpoint(checkpoint)
    return parameters_to_vector([state[name] for name, _ in network.named_parameters()])


class Drawn:
    """Networks drawn from a Gaussian over weights, batch norm's statistics taken anew of each.

    rows: of the features, of the clips that they were trained on; these are heard without
    augmentation, with dropout as in training.
    """

    def __init__(
        self,
        network: Network,
        checkpoints: Sequence[Path],
        rank: int,
        store: FeatureStore,
        rows: np.ndarray,
        batch_size: int,
        seed: int,
    ) -> None:
        self.network, self.store, self.seed = network, store, seed
        self.moments = moments_of((weights_of(network, path) for path in checkpoints), rank)
        order = np.random.default_rng(derive_seed(seed, "order")).permutation(rows)
        self.loader = scoring_loader(LogmelDataset(store, order), batch_size)

    def set(self, number: int, low_rank: bool) -> None:
        """Give the network the weights of draw `number`, and statistics that go with them."""
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "draw", number))
        device = next(self.network.parameters()).device
        weights = self.moments.draw(generator, low_rank).to(device)
        vector_to_parameters(weights, self.network.parameters())
        if any(isinstance(module, _BatchNorm) for module in self.network.modules()):
            with torch.random.fork_rng():
                torch.manual_seed(derive_seed(self.seed, "dropout", number))
                update_bn(self.loader, self.network, device)
        self.network.eval()
