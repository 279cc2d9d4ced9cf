"""The networks of a finished run that make a model together: those of all folds."""

from dataclasses import dataclass
from pathlib import Path

from vipann.errors import UserError

PRETRAINED = "pretrained"


@dataclass(frozen=True)
class Chosen:
    """The networks of one dataset, strategy and phase, with files by fold (0: upstream).

    checkpoints; predictions of the clips that each was tested on; outside: of out-of-distribution
    clips, of none, some or all folds. features: those of the dataset's clips.
    """

    dataset: str
    strategy: str
    phase: str
    checkpoints: dict[int, Path]
    predictions: dict[int, Path]
    outside: dict[int, Path]
    features: Path


def choose(
    run: Path, dataset: str | None = None, strategy: str | None = None, phase: str | None = None
) -> Chosen:
    """The networks below `run`, a folder of results, that have predictions of held-out clips.

    What is not given must be the only one that there is.

    Raises:
        UserError: there is no such network, or there are several to choose from.
    """
    wanted = {"dataset": dataset, "strategy": strategy, "phase": phase}
    found = _trained(run)
    if not found:
        raise UserError(
            f"{run} holds no trained networks: name the folder of a run below results/, such as "
            "results/laptop, in which checkpoints/ and predictions/ lie."
        )
    chosen = tuple(wanted.values())
    fitting = [
        key for key in found if all(w in (None, k) for w, k in zip(chosen, key, strict=True))
    ]
    if len(fitting) != 1:
        some = fitting or list(found)
        listed = "\n  ".join(
            " ".join(f"--{name} {value}" for name, value in zip(wanted, key, strict=True))
            for key in some
        )
        what = "several networks to choose from" if fitting else "no such network"
        raise UserError(f"{run} holds {what}; name one of:\n  {listed}")
    (key,) = fitting
    checkpoints, predictions = found[key]
    missing = [str(path) for path in predictions.values() if not path.exists()]
    if missing:
        raise UserError(f"{', '.join(missing)} missing: finish the run before it is exported.")
    outside = {
        fold: run / "ood" / path.relative_to(run / "predictions")
        for fold, path in predictions.items()
    }
    outside = {fold: path for fold, path in outside.items() if path.exists()}
    features = run / "features" / f"{key[0]}.h5"
    return Chosen(*key, checkpoints, predictions, outside, features)


def _trained(run: Path) -> dict[tuple[str, str, str], tuple[dict[int, Path], dict[int, Path]]]:
    """By (dataset, strategy, phase): checkpoints and predictions of the folds."""
    found: dict[tuple[str, str, str], tuple[dict[int, Path], dict[int, Path]]] = {}
    home = run / "predictions"
    for path in sorted(home.glob("*/*/pretrained.h5")):
        dataset, strategy, _ = path.relative_to(home).parts
        checkpoint = run / "checkpoints/upstream" / f"{strategy}.safetensors"
        if checkpoint.exists():
            found[dataset, strategy, PRETRAINED] = {0: checkpoint}, {0: path}
    home = run / "checkpoints"
    checkpoints = [path for path in home.glob("*/*/fold*/*.safetensors") if path.stem.isalpha()]
    for path in sorted(checkpoints, key=lambda path: (path.parts[:-2], _fold(path))):
        dataset, strategy, fold = path.relative_to(home).parts[:3]
        key = dataset, strategy, path.stem
        folds = found.setdefault(key, ({}, {}))
        folds[0][_fold(path)] = path
        folds[1][_fold(path)] = run / "predictions" / dataset / strategy / fold / f"{path.stem}.h5"
    return found


def _fold(path: Path) -> int:
    return int(path.parent.name.removeprefix("fold"))
