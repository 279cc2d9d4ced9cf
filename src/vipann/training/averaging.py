"""Weight averaging: one network whose weights are the mean of those after several epochs."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import update_bn

from vipann.devices import choose_device
from vipann.errors import UserError
from vipann.features.batches import LogmelDataset, scoring_loader
from vipann.features.store import FeatureStore
from vipann.models.checkpoints import load_checkpoint, match_classes, save_checkpoint
from vipann.models.network import Network
from vipann.models.strategies import rebuild
from vipann.seeds import derive_seed
from vipann.training.fabric import seed_everything


def average(
    checkpoints: Sequence[Path],
    out: Path,
    count_start_twice: bool = False,
    heard: "Heard | None" = None,
) -> None:
    """Write the network whose weights are the mean over `checkpoints` (PSLA, section VI-A).

    count_start_twice: as the published code does, whose sum starts with the first checkpoint and
    then adds it again. Statistics of batch norm are averaged like weights, as there, unless they
    are taken anew of the clips that are `heard`.

    Raises:
        UserError: a checkpoint is missing or broken.
    """
    files = [*checkpoints[:1], *checkpoints] if count_start_twice else list(checkpoints)
    facts = load_checkpoint(files[-1])[1]
    network = rebuild(facts, mean_weights(load_checkpoint(file)[0] for file in files))
    if heard:
        heard.by(network, facts["classes"], files[-1])
    made = {"files": [file.name for file in files], "batch_norm_recomputed": heard is not None}
    kept = {key: value for key, value in facts.items() if key != "epoch"}
    save_checkpoint(network, out, kept | {"averaged": made})


def mean_weights(states: Iterable[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each tensor, summed in float64; of counts (integers) the last one's.

    Raises:
        UserError: there is no state, or they are of different networks.
    """
    sums: dict[str, Tensor] = {}
    last: Mapping[str, Tensor] = {}
    number = 0
    for number, last in enumerate(states, 1):
        sums = sums or {name: torch.zeros_like(t, dtype=torch.float64) for name, t in last.items()}
        shapes = {name: t.shape for name, t in last.items()}
        if shapes != {name: t.shape for name, t in sums.items()}:
            raise UserError(
                f"checkpoint {number} of an average is of another network than the first"
            )
        for name, tensor in last.items():
            sums[name] += tensor
    if not number:
        raise UserError("an average needs at least one checkpoint")
    return {
        name: (sums[name] / number).to(tensor.dtype) if tensor.is_floating_point() else tensor
        for name, tensor in last.items()
    }


class Heard:
    """The train list of a features file, to take batch norm's statistics of it: the mean over its
    batches, in an order drawn from `seed`; without augmentation, with dropout as in training."""

    def __init__(self, features: Path, batch_size: int, seed: int, accelerator: str) -> None:
        self.features, self.batch_size = features, batch_size
        self.seed, self.accelerator = seed, accelerator

    def by(self, network: Network, classes: Sequence[str], checkpoint: Path) -> None:
        """Give `network`, of `checkpoint`, these statistics."""
        seed_everything(self.seed)
        # Channels last, batch norm on a CPU underestimates the variance a little.
        network.lay_out(channels_last=False)
        with FeatureStore(self.features) as store:
            match_classes(classes, checkpoint, store.classes, self.features)
            rows = store.rows(split="train")
            rng = np.random.default_rng(derive_seed(self.seed, "order"))
            loader = scoring_loader(LogmelDataset(store, rng.permutation(rows)), self.batch_size)
            device = choose_device(self.accelerator)
            update_bn(loader, network.to(device), device)
