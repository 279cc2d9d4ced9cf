"""The strategy `ens`: Det networks that differ in their seeds, as one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vipann.evaluation.ensembles import ensemble_of
from vipann.evaluation.predictions import read_predictions, write_predictions
from vipann.strategies import ENSEMBLE


def seed_ensemble(members: Sequence[Path], out: Path) -> None:
    """Write the predictions of the ensemble of these files (`vipann.evaluation.ensembles`), of
    which one is in memory at a time, as those of the strategy `ens`.

    Raises:
        UserError: there are fewer than two, or two of other clips, labels or classes.
    """
    found = ensemble_of((str(path), read_predictions(path)) for path in members)
    write_predictions(replace(found, strategy=ENSEMBLE), out)
