"""Ensembles as arithmetic on prediction files: networks of other seeds, settings or epochs."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vipann.errors import UserError
from vipann.evaluation.decomposition import Decomposition
from vipann.evaluation.predictions import (
    UNCERTAINTIES,
    Predictions,
    read_predictions,
    write_predictions,
)

ENSEMBLE = "ensemble"
_ALIKE = ("task", "dataset", "scored_dataset", "clip_seconds", "classes")


def ensemble(members: Sequence[Path], out: Path) -> None:
    """Write the predictions of the ensemble of these files, of which one is in memory at a time.

    Raises:
        UserError: see `ensemble_of`; the message names the file.
    """
    write_predictions(ensemble_of((str(path), read_predictions(path)) for path in members), out)


def ensemble_of(members: Iterable[tuple[str, Predictions]]) -> Predictions:
    """Equations 1 to 8 with the members in the place of Monte Carlo samples.

    members: what each is called, and its predictions. Probabilities are averaged (the simple vote
    of PSLA, section VI-B): total is the entropy of that mean, aleatoric the mean of the members'
    entropies, epistemic the members' disagreement. A member of several samples or replications
    counts with the mean of all of them. Probabilities outside of [0, 1], which a sum of attention
    heads may leave, are clipped, and how many there were is printed. One replication.

    Raises:
        UserError: there are fewer than two members, or two of other clips, labels or classes.
    """
    first: Predictions | None = None
    names: list[str] = []
    outside = values = 0
    for name, one in members:
        if first is None:
            first, decomposition = one, Decomposition[np.ndarray](one.task)
        else:
            _refuse_others(names[0], first, name, one)
        names.append(name)
        p = one.mean_probability.mean(axis=0, dtype=np.float64)
        outside += int(((p < 0) | (p > 1)).sum())
        values += p.size
        decomposition.add(p.clip(0.0, 1.0))
    if first is None or len(names) < 2:
        raise UserError(
            f"an ensemble needs at least two members; given: {', '.join(names) or 'none'}"
        )
    if outside:
        print(f"{outside} of {values} probabilities lay outside of [0, 1] and were clipped")
    return replace(
        first,
        **{n: getattr(decomposition, n)[None] for n in ("mean_probability", *UNCERTAINTIES)},
        strategy=ENSEMBLE,
        mc_samples=len(names),
    )


def _refuse_others(first_name: str, first: Predictions, name: str, one: Predictions) -> None:
    wrong = [key for key in _ALIKE if getattr(one, key) != getattr(first, key)]
    wrong += [
        k for k in ("clip_id", "labels") if not np.array_equal(getattr(one, k), getattr(first, k))
    ]
    if wrong:
        raise UserError(
            f"{name} and {first_name} cannot be members of one ensemble: they differ in "
            f"{', '.join(wrong)}"
        )
