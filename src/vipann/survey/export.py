"""A model to give away: from the results of a finished run to a model folder."""

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
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
from vipann.evaluation.energy import energy
from vipann.evaluation.metrics import MetricSettings, metrics_of
from vipann.evaluation.predictions import Predictions, read_predictions
from vipann.evaluation.supplementary import supplementary_tables
from vipann.features.batches import LogmelDataset, scoring_loader
from vipann.features.store import FeatureStore
from vipann.files import replacing
from vipann.models.checkpoints import load_checkpoint
from vipann.models.mean_weights import mean_network
from vipann.models.network import Network
from vipann.progress import progress
from vipann.survey import held_out
from vipann.survey.card import card_of
from vipann.survey.finished import Chosen
from vipann.survey.model import (
    CARD,
    CONFIG,
    FORMAT_VERSION,
    LABELS,
    SHARED,
    WEIGHTS,
    Model,
)
from vipann.survey.windows import OOD, PROBABILITY
from vipann.tasks import Task

# What all folds' networks must have in common, and what is each one's own.
_ALIKE = ("classes", "features", "task", "clip_seconds", "strategy", "phase")
_FORM = ("model", "bands", "bayesian", "moped")
_BINS, _RESAMPLES = 15, 1000
_SCORE_COLUMNS = ["metric", "value", "low", "high"]
_OWN = ("fold", "last_step", "training_seconds", "machine", "validation", "upstream", "epoch")


def export(chosen: Chosen, out: Path, padding: str | None = None) -> Model:
    """Write the model folder `out`, print what is being done, and return it.

    padding: how the dataset's clips were padded; read from the run's features where not given.

    Raises:
        UserError: the folds' networks do not belong together, a file is broken, or `out` is there
            and is no model folder.
    """
    if out.exists() and any(out.iterdir()) and not (out / CONFIG).exists():
        raise UserError(f"{out} is there and is no model folder: name an empty folder.")
    name = f"{chosen.dataset} {chosen.strategy} {chosen.phase}"
    _say(f"reading {len(chosen.checkpoints)} networks of {name}, and their predictions")
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
        "padding": padding or _padding(chosen.features),
        "mc_samples": max(one.mc_samples for one in predictions.values()),
        "seed": next(iter(predictions.values())).seed,
        "shared": bool(shared),
        **facts,
    }
    _say(f"copying their weights into {out / WEIGHTS}")
    shutil.rmtree(out / WEIGHTS, ignore_errors=True)
    _save(shared, out / WEIGHTS / f"{SHARED}.safetensors")
    for fold, state in states.items():
        own = {name: value for name, value in state.items() if name not in shared}
        _save(own, out / WEIGHTS / f"fold{fold}.safetensors")
    _write_labels(config["classes"], out / LABELS)
    with replacing(out / held_out.FILE) as beside:
        energies = _energies(config, states, predictions, chosen.features)
        rows = [held_out_rows(one, energies[fold]) for fold, one in predictions.items()]
        pd.concat(rows).to_parquet(beside, index=False)
    with replacing(out / CONFIG) as beside:
        beside.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    model = Model.load(out)
    with replacing(out / CARD) as beside:
        _say(f"scores of the held-out clips for {out / CARD}, with their intervals")
        outside = [read_predictions(path) for path in chosen.outside.values()]
        scores = held_out_scores(list(predictions.values()), outside)
        beside.write_text(card_of(model, scores), encoding="utf-8")
    return model


def held_out_scores(folds: Sequence[Predictions], outside: Sequence[Predictions]) -> pd.DataFrame:
    """metric, value, low, high: means over folds and replications, with the interval at 95 % over
    recordings where one is known (`vipann.evaluation.supplementary`).

    outside: the same networks' predictions of out-of-distribution clips; may be empty.
    """
    settings = MetricSettings((1.0,), _BINS, _RESAMPLES, folds[0].seed, 1)
    tables = supplementary_tables(folds, outside, settings)
    metrics = pd.concat([*map(metrics_of, folds), *tables["metrics"]])
    means = metrics.groupby("metric", sort=False)["value"].mean()
    known = pd.concat([pd.DataFrame(columns=_SCORE_COLUMNS), *tables["intervals"]])
    others = means[~means.index.isin(known["metric"])].reset_index()
    return pd.concat([known[_SCORE_COLUMNS], others], ignore_index=True)


def held_out_rows(one: Predictions, ood: np.ndarray) -> pd.DataFrame:
    """Of `held_out.parquet`, the rows of one network: the mean over its replications' samples.

    ood: (N,), `vipann.evaluation.energy`; NaN where it is not known.
    """
    probability = one.mean_probability.mean(axis=0, dtype=np.float64)
    total, aleatoric = entropy(probability, one.task), one.aleatoric.mean(axis=0)
    columns: dict[str, Any] = {"clip_id": one.clip_id, "recording": one.recording}
    columns["fold"] = np.int64(one.fold)
    columns |= {held_out.LABEL + name: one.labels[:, i] for i, name in enumerate(one.classes)}
    columns |= {
        PROBABILITY + name: probability[:, i].astype(np.float32)
        for i, name in enumerate(one.classes)
    }
    measures = {"total": total, "aleatoric": aleatoric}
    measures["epistemic"] = (total - aleatoric).clip(0.0)
    measures[OOD] = ood
    return pd.DataFrame(columns | {n: v.astype(np.float32) for n, v in measures.items()})


def _energies(
    facts: Mapping[str, Any],
    states: Mapping[int, Mapping[str, Tensor]],
    predictions: Mapping[int, Predictions],
    features: Path,
) -> dict[int, np.ndarray]:
    """Of each fold's test clips; NaN where the features are no longer there."""
    if not features.exists():
        _say(f"{features} is gone: held-out clips have no out-of-distribution scores")
        return {fold: np.full(len(one.clip_id), np.nan) for fold, one in predictions.items()}
    clips = sum(len(one.clip_id) for one in predictions.values())
    _say(f"out-of-distribution scores of {clips} held-out clips, to compare recordings with")
    folds = progress(predictions.items(), len(predictions), "held-out clips scored", "network")
    with FeatureStore(features) as store:
        return {
            fold: _energy_of(
                mean_network(facts, states[fold]), store, one.task, fold, one.clip_id.tolist()
            )
            for fold, one in folds
        }


@torch.inference_mode()
def _energy_of(
    network: Network, store: FeatureStore, task: Task, fold: int, clip_ids: Sequence[str]
) -> np.ndarray:
    """Energies (N,) of the clips that a fold's network was tested on; fold 0: of the split eval."""
    rows = store.rows(folds=[fold]) if fold else store.rows(split="eval")
    if store.clip_ids[rows].tolist() != list(clip_ids):
        raise UserError(
            f"{store.path} has other clips of fold {fold} than the predictions: run the workflow "
            "again, so that they belong together."
        )
    loader = scoring_loader(LogmelDataset(store, rows), 32)
    logits = torch.cat([network(batch) for batch, _ in loader])
    return energy(logits.numpy(), task)


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


def _padding(features: Path) -> str:
    try:
        with h5py.File(features) as file:
            return str(file.attrs["padding"])
    except (OSError, KeyError):
        raise UserError(
            f"{features} cannot be read, which says how short clips were padded: say it by "
            "--padding zero, repeat or reflect, as `padding` of the dataset in the run's config."
        ) from None


def _say(what: str) -> None:
    print(what, flush=True)


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
