"""A model to give away: from the results of a finished run to a model folder."""

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import Tensor

from vipann.errors import UserError
from vipann.evaluation.decomposition import entropy
from vipann.evaluation.predictions import Predictions, read_predictions
from vipann.files import replacing
from vipann.models.checkpoints import load_checkpoint
from vipann.survey.card import write_card
from vipann.survey.model import (
    CONFIG,
    FORMAT_VERSION,
    HELD_OUT,
    LABEL,
    LABELS,
    SHARED,
    WEIGHTS,
    Model,
)
from vipann.survey.windows import OOD, PROBABILITY

PRETRAINED = "pretrained"
# What all folds' networks must have in common, and what is each one's own.
_ALIKE = ("classes", "features", "task", "clip_seconds", "strategy", "phase")
_FORM = ("model", "bands", "bayesian", "moped")
_OWN = ("fold", "last_step", "training_seconds", "machine", "validation", "upstream", "epoch")


@dataclass(frozen=True)
class Chosen:
    """The networks of a run that are exported: of one dataset, strategy and phase."""

    run: Path
    dataset: str
    strategy: str
    phase: str
    checkpoints: dict[int, Path]
    predictions: dict[int, Path]


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
    return Chosen(run, *key, checkpoints, predictions)


def export(chosen: Chosen, out: Path, *, padding: str | None = None) -> Model:
    """Write the model folder `out` and return it.

    padding: how the dataset's clips were padded; read from the run's features where not given.

    Raises:
        UserError: the folds' networks do not belong together, a file is broken, or `out` is there
            and is no model folder.
    """
    if out.exists() and any(out.iterdir()) and not (out / CONFIG).exists():
        raise UserError(f"{out} is there and is no model folder: name an empty folder.")
    loaded = {fold: load_checkpoint(path) for fold, path in chosen.checkpoints.items()}
    facts = _common({fold: facts for fold, (_, facts) in loaded.items()}, chosen)
    predictions = {fold: read_predictions(path) for fold, path in chosen.predictions.items()}
    for fold, one in predictions.items():
        if list(one.classes) != facts["classes"]:
            raise UserError(
                f"{chosen.predictions[fold]} has other classes than {chosen.checkpoints[fold]}: "
                "run the workflow again."
            )
    states = {fold: state for fold, (state, _) in loaded.items()}
    shared = _shared(states)
    config = {
        "format_version": FORMAT_VERSION,
        "dataset": chosen.dataset,
        "folds": list(loaded),
        "padding": padding or _padding(chosen),
        "mc_samples": max(one.mc_samples for one in predictions.values()),
        "seed": next(iter(predictions.values())).seed,
        "shared": bool(shared),
        **facts,
    }
    shutil.rmtree(out / WEIGHTS, ignore_errors=True)
    _save(shared, out / WEIGHTS / f"{SHARED}.safetensors")
    for fold, state in states.items():
        own = {name: value for name, value in state.items() if name not in shared}
        _save(own, out / WEIGHTS / f"fold{fold}.safetensors")
    _write_labels(config["classes"], out / LABELS)
    with replacing(out / HELD_OUT) as beside:
        held_out = pd.concat([held_out_rows(one) for one in predictions.values()])
        held_out.to_parquet(beside, index=False)
    with replacing(out / CONFIG) as beside:
        beside.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    model = Model.load(out)
    write_card(model, chosen.run)
    return model


def held_out_rows(one: Predictions) -> pd.DataFrame:
    """Of `held_out.parquet`, the rows of one network: the mean over its replications' samples.

    No score of being out of distribution is known of them: `ood` is NaN.
    """
    probability = one.mean_probability.mean(axis=0, dtype=np.float64)
    total, aleatoric = entropy(probability, one.task), one.aleatoric.mean(axis=0)
    columns: dict[str, Any] = {"clip_id": one.clip_id, "recording": one.recording}
    columns["fold"] = np.int64(one.fold)
    columns |= {LABEL + name: one.labels[:, i] for i, name in enumerate(one.classes)}
    columns |= {
        PROBABILITY + name: probability[:, i].astype(np.float32)
        for i, name in enumerate(one.classes)
    }
    measures = {"total": total, "aleatoric": aleatoric}
    measures["epistemic"] = (total - aleatoric).clip(0.0)
    measures[OOD] = np.full(len(total), np.nan)
    return pd.DataFrame(columns | {n: v.astype(np.float32) for n, v in measures.items()})


def _fits(key: tuple[str, ...], wanted: tuple[str | None, ...]) -> bool:
    return all(w in (None, k) for w, k in zip(wanted, key, strict=True))


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


def _common(found: Mapping[int, Mapping[str, Any]], chosen: Chosen) -> dict[str, Any]:
    """What the folds' sidecars say alike, and `networks`: what each says of itself."""
    first = next(iter(found.values()))
    for fold, facts in found.items():
        forms = [{k: f["settings"].get(k) for k in _FORM} for f in (first, facts)]
        wrong = [key for key in _ALIKE if facts.get(key) != first.get(key)]
        wrong += [f"settings.{k}" for k in _FORM if forms[0][k] != forms[1][k]]
        if wrong:
            raise UserError(
                f"{chosen.checkpoints[fold]} differs from the other folds' networks in "
                f"{', '.join(wrong)}: run the workflow again, so that they belong together."
            )
    if first.get("clip_seconds") is None:
        raise UserError(
            f"{chosen.checkpoints[next(iter(found))]} does not say how long the clips were that "
            "it was trained on, as of networks that an old version trained: train it again."
        )
    settings = {k: v for k, v in first["settings"].items() if k not in ("seed", "code")}
    networks = [
        {key: facts[key] for key in _OWN if key in facts}
        | {"fold": fold, "code": facts["settings"].get("code", "")}
        for fold, facts in found.items()
    ]
    return {
        **{key: first[key] for key in _ALIKE},
        "settings": settings,
        "networks": networks,
        "torch": torch.__version__,
    }


def _shared(states: Mapping[int, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors that are the same in all folds: the backbone, where transfer froze it."""
    first, *others = states.values()
    if not others:
        return {}
    return {
        name: value
        for name, value in first.items()
        if all(name in other and torch.equal(other[name], value) for other in others)
    }


def _padding(chosen: Chosen) -> str:
    path = chosen.run / "features" / f"{chosen.dataset}.h5"
    try:
        with h5py.File(path) as file:
            return str(file.attrs["padding"])
    except (OSError, KeyError):
        raise UserError(
            f"{path} cannot be read, which says how short clips were padded: say it by --padding "
            "zero, repeat or reflect, as `padding` of the dataset in the run's config."
        ) from None


def _save(state: Mapping[str, Tensor], path: Path) -> None:
    if not state:
        return
    with replacing(path) as beside:
        save_file({name: value.contiguous() for name, value in state.items()}, beside)
        # safetensors makes files that no one else may read, whatever the umask.
        beside.chmod(0o644)


def _write_labels(classes: Sequence[str], path: Path) -> None:
    with replacing(path) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["index", "class"])
        writer.writerows(enumerate(classes))
