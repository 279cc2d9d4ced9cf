"""Which clips a training sees, and in which order: a pure function of the seed and the step."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from vipann.errors import UserError
from vipann.features.rejected import rejected_list
from vipann.features.store import FeatureStore
from vipann.folds import share_out
from vipann.seeds import derive_seed
from vipann.training.mixup import Mixture, Partners
from vipann.training.recipe import Recipe

Draw = Callable[[int, np.random.Generator], np.ndarray]
_SHOWN = 5


@dataclass(frozen=True)
class Rows:
    """Rows of a features file: `training` and `validation` (none without a validation fold).

    labels: of the training rows, (N, C) uint8, where they are not the file's own.
    """

    training: np.ndarray
    validation: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    validation_fold: int | None = None
    labels: np.ndarray | None = None


def rows_for(store: FeatureStore, test_fold: int, split: str) -> Rows:
    """The rows of every fold but `test_fold`; with `split` next_fold, the next one validates.

    Folds are never divided, for the clips of a recording share one.

    Raises:
        UserError: the features have no such fold, or too few folds to leave two out.
    """
    folds = sorted(set(store.fold.tolist()))
    if test_fold not in folds:
        raise UserError(f"{store.path}: there is no fold {test_fold}; its folds are {folds}")
    if split == "next_fold" and len(folds) < 3:
        raise UserError(
            f"{store.path} has {len(folds)} folds; validation.split: next_fold needs 3: one "
            "to train on, one to validate on, one to test on"
        )
    kept, left_out = share_out(folds, test_fold, split)
    validation = store.rows(folds=[] if left_out is None else [left_out])
    return Rows(store.rows(folds=kept), validation, left_out)


def refuse_lost_classes(store: FeatureStore, rows: Rows, test_fold: int) -> None:
    """UserError where the test fold holds a class that no clip to train on is of.

    The manifest is sound in this; but the features lack the clips whose audio cannot be used.
    """
    tested = store.labels[store.rows(folds=[test_fold])].any(axis=0)
    lost = np.flatnonzero(tested & ~store.labels[rows.training].any(axis=0))
    if not lost.size:
        return
    names = ", ".join(store.classes[index] for index in lost[:_SHOWN])
    more = f" and {lost.size - _SHOWN} more" if lost.size > _SHOWN else ""
    raise UserError(
        f"{store.path}: no clip of {names}{more} is left to train the network that is tested on "
        f"them in fold {test_fold}. Clips that cannot be used are listed in "
        f"{rejected_list(store.path)}: mend or replace them, add recordings that come to other "
        "folds, or leave the class out."
    )


def shuffled(clips: int, rng: np.random.Generator) -> np.ndarray:
    """An epoch's order: the position of each of `clips` clips once, at random."""
    return rng.permutation(clips)


def balanced(clips: int, rng: np.random.Generator, chances: np.ndarray) -> np.ndarray:
    """An epoch's order: as many draws as there are clips, with replacement, by their `chances`
    (PSLA, Algorithm 1, line 8)."""
    return rng.choice(clips, clips, p=chances)


def balancing(labels: np.ndarray, floor: float = 0.0) -> np.ndarray:
    """The chance of each clip to be drawn, (N,), for multi-hot labels (N, C).

    In proportion to the sum over a clip's labels of 1 / (c_k + floor), with c_k clips of class k
    (PSLA, section IV-A and Algorithm 1, lines 1 to 5; its code has a floor of 0.01). A clip without
    labels is never drawn.
    """
    clips, classes = np.nonzero(labels)
    counts = np.bincount(classes, minlength=labels.shape[1])
    weights = np.bincount(clips, 1 / (counts[classes] + floor), minlength=len(labels))
    return weights / weights.sum()


def draw_of(recipe: Recipe, clips: Any) -> Draw:
    """How the recipe draws an epoch of `clips`, which have a length and, balanced, `labels`."""
    if recipe.sampling == "balanced":
        return partial(balanced, chances=balancing(np.asarray(clips.labels), recipe.sampling_floor))
    return shuffled


class BatchOrder:
    """Which clips each training step sees.

    Every epoch is drawn anew, as a shuffle of all clips or as `draw` says, and cut into batches of
    `batch_size` clips, or of twice as many where mixup makes pairs (`mix`). The last, smaller batch
    of an epoch is dropped under mixup of pairs, or when it has fewer than 2 clips or fewer clips
    than `processes`; otherwise it is kept. With several processes each takes its own share of the
    same batch; pairs stay together.
    """

    def __init__(
        self,
        clips: int,
        batch_size: int,
        seed: int,
        mix: bool = False,
        processes: int = 1,
        draw: Draw = shuffled,
    ) -> None:
        self.clips, self.seed, self.processes, self.draw = clips, seed, processes, draw
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
        self._latest: tuple[int, np.ndarray] = (-1, np.empty(0))

    def epoch(self, step: int) -> int:
        return step // self.steps_per_epoch

    def positions(self, step: int) -> np.ndarray:
        """Positions in the dataset of all clips of step number `step`, counted from 0."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        if self._latest[0] != epoch:
            rng = np.random.default_rng(derive_seed(self.seed, "order", epoch))
            self._latest = (epoch, self.draw(self.clips, rng))
        return self._latest[1][batch * self.size : (batch + 1) * self.size]

    def share(self, step: int, rank: int) -> tuple[np.ndarray, float]:
        """What process `rank` takes of a step's clips, and the weight of its mean loss.

        With these weights the mean over processes is the mean over the whole batch, also where it
        can't be divided evenly.
        """
        whole = self.positions(step)
        own = self.part(len(whole), rank)
        return whole[own], (own.stop - own.start) * self.processes / len(whole)

    def part(self, size: int, rank: int) -> slice:
        """Which of a step's `size` clips process `rank` takes."""
        units = size // self.unit
        return slice(*(self.unit * (units * r // self.processes) for r in (rank, rank + 1)))


class Shares(Sampler[Any]):
    """What process `rank` takes of each of the `steps`, as positions in the dataset; with
    `partners` as what `vipann.training.mixup.MixedClips` asks for; `numbered` as pairs of the step
    and that, for `vipann.training.waveforms.HeardAnew`."""

    def __init__(
        self,
        order: BatchOrder,
        steps: range,
        rank: int = 0,
        partners: Partners | None = None,
        numbered: bool = False,
    ) -> None:
        self.order, self.steps, self.rank, self.partners = order, steps, rank, partners
        self.numbered = numbered

    def __iter__(self) -> Iterator[Any]:
        shares = map(self._share, self.steps)
        return zip(self.steps, shares, strict=True) if self.numbered else shares

    def _share(self, step: int) -> np.ndarray | Mixture:
        positions, _ = self.order.share(step, self.rank)
        if self.partners is None:
            return positions
        size = len(self.order.positions(step))
        own = self.order.part(size, self.rank)
        partners, weights, centres = self.partners.of(step, size)
        return positions, partners[own], weights[own], centres[own]

    def __len__(self) -> int:
        return len(self.steps)
