"""The training stages of the workflow: pretraining, transfer and training from scratch.

Each function takes paths and the config values that its rule uses (`training`, `model`, `bayesian`,
`moped`, `kl`, `mel_bands`, `seed`), and writes one checkpoint.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vipann.errors import UserError
from vipann.features.batches import LogmelDataset, training_loader
from vipann.features.store import FeatureStore
from vipann.models.bayesian import is_bayesian
from vipann.models.checkpoints import load_checkpoint, match_classes, save_checkpoint
from vipann.models.network import Network, trainable_parameters
from vipann.models.strategies import (
    build_network,
    build_transferred,
    freeze_backbone,
    load_backbone,
)
from vipann.training.loop import seed_everything, train
from vipann.training.module import ClassifierTraining, Recipe, kl_weight

Settings = Mapping[str, Any]


def pretrain(
    strategy: str,
    features: Path,
    start: Path | None,
    settings: Settings,
    accelerator: str,
    out: Path,
    loader_workers: int = 0,
) -> None:
    """Train `strategy` for `training.steps` on the upstream train split (section 3.4).

    det and drop start at random; flip starts from the MOPED checkpoint `start`.
    """
    seed_everything(settings["seed"])
    with FeatureStore(features) as store:
        prior = settings["moped"]["prior"]
        network = build_network(strategy, len(store.classes), settings, prior)
        if start is not None:
            state, started = load_checkpoint(start)
            match_classes(started["classes"], start, store.classes, features)
            network.load_state_dict(state, strict=True)
        rows = store.rows(split="train")
        last = _fit(network, store, rows, settings, accelerator, loader_workers)
        facts = {"strategy": strategy, "phase": "pretrained", "fold": 0, "last_step": last}
        save_checkpoint(network, out, facts | _facts(store, settings))


def transfer(
    strategy: str,
    phase: str,
    fold: int,
    features: Path,
    start: Path,
    settings: Settings,
    accelerator: str,
    out: Path,
    loader_workers: int = 0,
) -> None:
    """One phase of transfer, tested on `fold` and trained on the others (section 3.5).

    `fixed` puts a new head on the upstream checkpoint `start` and trains the head alone;
    `finetuned` starts from the fixed checkpoint `start` and trains everything.
    """
    seed_everything(settings["seed"])
    state, _ = load_checkpoint(start)
    with FeatureStore(features) as store:
        prior = settings["moped"]["prior"]
        network = build_transferred(strategy, len(store.classes), settings, prior)
        if phase == "fixed":
            load_backbone(network, state)
            freeze_backbone(network)
        else:
            network.load_state_dict(state, strict=True)
        last = _fit(
            network, store, training_rows(store, fold), settings, accelerator, loader_workers
        )
        facts = {"strategy": strategy, "phase": phase, "fold": fold, "last_step": last}
        save_checkpoint(network, out, facts | _facts(store, settings))


def train_from_scratch(
    strategy: str,
    fold: int,
    features: Path,
    settings: Settings,
    accelerator: str,
    out: Path,
    loader_workers: int = 0,
) -> None:
    """The baseline of Table 5: the same network from a random start."""
    seed_everything(settings["seed"])
    with FeatureStore(features) as store:
        network = build_transferred(strategy, len(store.classes), settings)
        last = _fit(
            network, store, training_rows(store, fold), settings, accelerator, loader_workers
        )
        facts = {"strategy": strategy, "phase": "scratch", "fold": fold, "last_step": last}
        save_checkpoint(network, out, facts | _facts(store, settings))


def training_rows(store: FeatureStore, fold: int) -> np.ndarray:
    """Rows of all clips outside the test `fold`.

    Raises:
        UserError: the features have no such fold.
    """
    folds = sorted(set(store.fold.tolist()))
    if fold not in folds:
        raise UserError(f"{store.path}: there is no fold {fold}; its folds are {folds}")
    return store.rows(folds=[other for other in folds if other != fold])


def _fit(
    network: Network,
    store: FeatureStore,
    rows: np.ndarray,
    settings: Settings,
    accelerator: str,
    loader_workers: int,
) -> dict[str, float]:
    training = settings["training"]
    recipe = Recipe(
        task=store.task,
        learning_rate=training["learning_rate"],
        learning_rate_schedule=training["learning_rate_schedule"],
        amsgrad=training["amsgrad"],
        mixup_alpha=training["mixup_alpha"],
        spec_augment=training["spec_augment"],
        kl_reduction=settings["kl"]["reduction"],
        kl_weight=kl_weight(settings["kl"]["scale"], len(rows)) if is_bayesian(network) else 0.0,
        frozen_backbone=not all(p.requires_grad for p in network.parameters()),
        backbone_mode=training.get("backbone_mode", "train"),
    )
    dataset = LogmelDataset(store, rows)
    loader = training_loader(
        dataset,
        training["batch_size"],
        settings["seed"],
        mix=recipe.mixup_alpha > 0,
        workers=loader_workers,
    )
    print(f"{len(rows)} clips, {trainable_parameters(network):,} trainable parameters", flush=True)
    return train(
        ClassifierTraining(network, recipe),
        loader,
        accelerator=accelerator,
        epochs=training.get("epochs"),
        steps=training.get("steps"),
    )


def _facts(store: FeatureStore, settings: Settings) -> dict[str, Any]:
    return {
        "task": store.task,
        "classes": list(store.classes),
        "features": store.feature_settings,
        "settings": dict(settings),
    }
