"""The training stages of the workflow: pretraining, transfer and training from scratch.

Each function takes paths and the config values that its rule uses (`training`, `model`, `bayesian`,
`moped`, `kl`, `mel_bands`, `seed`), and writes one checkpoint.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vipann.evaluation.predict import choose_device
from vipann.features.batches import LogmelDataset, training_loader
from vipann.features.store import FeatureStore
from vipann.models.bayesian import is_bayesian
from vipann.models.checkpoints import load_checkpoint, match_classes, save_checkpoint
from vipann.models.resnet54 import ResNet54, trainable_parameters
from vipann.models.strategies import (
    build_network,
    build_transferred,
    freeze_backbone,
    load_backbone,
)
from vipann.training.embeddings import Head, cached_sets
from vipann.training.loop import seed_everything, train
from vipann.training.module import ClassifierTraining, Recipe, kl_weight
from vipann.training.validation import Rows, Validation, rows_for

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
        rows = Rows(store.rows(split="train"))
        facts = {"strategy": strategy, "phase": "pretrained", "fold": 0}
        facts |= _fit(network, store, rows, settings, accelerator, loader_workers)
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
        rows = rows_for(store, fold, settings["training"]["validation"]["split"])
        facts = {"strategy": strategy, "phase": phase, "fold": fold}
        facts |= _fit(network, store, rows, settings, accelerator, loader_workers)
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
        rows = rows_for(store, fold, settings["training"]["validation"]["split"])
        facts = {"strategy": strategy, "phase": "scratch", "fold": fold}
        facts |= _fit(network, store, rows, settings, accelerator, loader_workers)
        save_checkpoint(network, out, facts | _facts(store, settings))


def _fit(
    network: ResNet54,
    store: FeatureStore,
    rows: Rows,
    settings: Settings,
    accelerator: str,
    loader_workers: int,
) -> dict[str, Any]:
    """Train on `rows`; returns what the sidecar says of it: the last step, and the validation."""
    training, seed, clips = settings["training"], settings["seed"], len(rows.training)
    bayesian = is_bayesian(network)
    recipe = Recipe(
        task=store.task,
        learning_rate=training["learning_rate"],
        learning_rate_schedule=training["learning_rate_schedule"],
        amsgrad=training["amsgrad"],
        mixup_alpha=training["mixup_alpha"],
        spec_augment=training["spec_augment"],
        kl_reduction=settings["kl"]["reduction"],
        kl_weight=kl_weight(settings["kl"]["scale"], clips) if bayesian else 0.0,
        frozen_backbone=not all(p.requires_grad for p in network.parameters()),
        backbone_mode=training.get("backbone_mode", "train"),
    )
    print(f"{clips} clips, {trainable_parameters(network):,} trainable parameters", flush=True)
    trained, sets = network, [LogmelDataset(store, r) for r in (rows.training, rows.validation)]
    if training.get("cache") == "embeddings":
        trained, loader_workers = Head(network), 0
        sets = cached_sets(network, *sets, training, seed, choose_device(accelerator))
    validation = None
    if len(rows.validation):
        ids = store.clip_ids[rows.validation]
        validation = Validation(sets[1], ids, training["validation"], seed)
    loader = training_loader(
        sets[0], training["batch_size"], seed, mix=recipe.mixup_alpha > 0, workers=loader_workers
    )
    facts: dict[str, Any] = {}
    facts["last_step"] = train(
        ClassifierTraining(trained, recipe),
        loader,
        accelerator=accelerator,
        epochs=training.get("epochs"),
        steps=training.get("steps"),
        callbacks=[validation] if validation else [],
    )
    if validation:
        validation.restore(trained)
        facts["validation"] = {"fold": rows.validation_fold} | validation.facts()
    return facts


def _facts(store: FeatureStore, settings: Settings) -> dict[str, Any]:
    return {
        "task": store.task,
        "classes": list(store.classes),
        "features": store.feature_settings,
        "settings": dict(settings),
    }
