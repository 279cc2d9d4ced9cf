"""The training stages of the workflow: pretraining, transfer and training from scratch.

Each function takes paths and the config values that its rule uses (`training`, `model`,
`mel_bands`, `seed`; `bayesian`, `moped` and `kl` where the strategy has Flipout layers), and writes
one checkpoint. Killed, it goes on where it was when it is called again with the same values, files
and code.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vipann.devices import choose_device
from vipann.features.batches import LogmelDataset
from vipann.features.store import FeatureStore
from vipann.files import digest
from vipann.models.bayesian import is_bayesian
from vipann.models.checkpoints import load_checkpoint, match_classes, save_checkpoint
from vipann.models.network import Network, trainable_parameters
from vipann.models.strategies import (
    build_network,
    build_transferred,
    freeze_backbone,
    load_backbone,
    prior_of,
)
from vipann.training.backbone_cache import Head, cached_sets
from vipann.training.launch import Running
from vipann.training.loop import Check, Plan, seed_everything, train
from vipann.training.objective import ClassifierTraining, Recipe, kl_weight
from vipann.training.resume import States
from vipann.training.upstream_scores import UpstreamScores
from vipann.training.validation import Rows, Validation, refuse_lost_classes, rows_for

Settings = Mapping[str, Any]
_ALONE = Running()


def pretrain(
    strategy: str,
    features: Path,
    start: Path | None,
    settings: Settings,
    accelerator: str,
    out: Path,
    running: Running = _ALONE,
) -> None:
    """Train `strategy` for `training.steps` on the upstream train split (section 3.4).

    det and drop start at random; flip starts from the MOPED checkpoint `start`.
    """
    seed_everything(settings["seed"])
    with FeatureStore(features) as store:
        prior = prior_of(settings)
        network = build_network(strategy, len(store.classes), settings, prior)
        if start is not None:
            state, started = load_checkpoint(start)
            match_classes(started["classes"], start, store.classes, features)
            network.load_state_dict(state, strict=True)
        scored = LogmelDataset(store, store.rows(split="eval"))
        batch_size = settings["training"]["batch_size"]
        scores = UpstreamScores(network, scored, batch_size, running) if len(scored) else None
        facts = {"strategy": strategy, "phase": "pretrained", "fold": 0}
        rows = Rows(store.rows(split="train"))
        _fit(network, store, rows, settings, accelerator, running, out, facts, start, scores)


def transfer(
    strategy: str,
    phase: str,
    fold: int,
    features: Path,
    start: Path,
    settings: Settings,
    accelerator: str,
    out: Path,
    running: Running = _ALONE,
) -> None:
    """One phase of transfer, tested on `fold` and trained on the others (section 3.5).

    `fixed` puts a new head on the upstream checkpoint `start` and trains the head alone;
    `finetuned` starts from the fixed checkpoint `start` and trains everything.
    """
    seed_everything(settings["seed"])
    state, _ = load_checkpoint(start)
    with FeatureStore(features) as store:
        prior = prior_of(settings)
        network = build_transferred(strategy, len(store.classes), settings, prior)
        if phase == "fixed":
            load_backbone(network, state)
            freeze_backbone(network)
        else:
            network.load_state_dict(state, strict=True)
        facts = {"strategy": strategy, "phase": phase, "fold": fold}
        rows = _rows_tested_on(store, fold, settings)
        _fit(network, store, rows, settings, accelerator, running, out, facts, start)


def train_from_scratch(
    strategy: str,
    fold: int,
    features: Path,
    settings: Settings,
    accelerator: str,
    out: Path,
    running: Running = _ALONE,
) -> None:
    """The baseline of Table 5: the same network from a random start."""
    seed_everything(settings["seed"])
    with FeatureStore(features) as store:
        network = build_transferred(strategy, len(store.classes), settings)
        network.weigh_latest_batch(settings["training"]["batch_norm_momentum"])
        facts = {"strategy": strategy, "phase": "scratch", "fold": fold}
        rows = _rows_tested_on(store, fold, settings)
        _fit(network, store, rows, settings, accelerator, running, out, facts)


def _rows_tested_on(store: FeatureStore, fold: int, settings: Settings) -> Rows:
    rows = rows_for(store, fold, settings["training"]["validation"]["split"])
    refuse_lost_classes(store, rows, fold)
    return rows


def _fit(
    network: Network,
    store: FeatureStore,
    rows: Rows,
    settings: Settings,
    accelerator: str,
    running: Running,
    out: Path,
    facts: Mapping[str, Any],
    start: Path | None = None,
    check: Check | None = None,
) -> None:
    """Train on `rows` from what is kept of an earlier run, if anything, and write `out`."""
    network.lay_out(settings["training"].get("channels_last", True))
    clips = LogmelDataset(store, rows.training)
    recipe = _recipe(network, store, len(clips), settings)
    plan = _plan(settings)
    states = None
    if running.work:
        states = States(running.work, dict(settings) | _origin(clips, start, facts))
    if running.first:
        print(f"{len(clips)} clips, {trainable_parameters(network):,} trainable parameters")
    trained, sets = network, [clips, LogmelDataset(store, rows.validation)]
    training = settings["training"]
    if training.get("cache") == "embeddings":
        device = choose_device(accelerator)
        sets = cached_sets(network, *sets, training, settings["seed"], device)
        trained, running = Head(network), dataclasses.replace(running, loader_workers=0)
    validation = None
    if len(rows.validation):
        validation = Validation(trained, sets[1], training["validation"])
    module = ClassifierTraining(trained, recipe)
    last = train(module, sets[0], plan, accelerator, running, states, validation or check)
    found: dict[str, Any] = {"last_step": last}
    if validation:
        validation.restore()
        found["validation"] = {"fold": rows.validation_fold} | validation.facts()
    if running.first:
        save_checkpoint(network, out, {**facts, **found, **_facts(store, settings)})
        if states:
            states.remove()


def _recipe(network: Network, store: FeatureStore, clips: int, settings: Settings) -> Recipe:
    training, bayesian = settings["training"], is_bayesian(network)
    size = clips, len(store.classes), store.task
    return Recipe(
        task=store.task,
        learning_rate=training["learning_rate"],
        learning_rate_schedule=training["learning_rate_schedule"],
        amsgrad=training["amsgrad"],
        mixup_alpha=training["mixup_alpha"],
        spec_augment=training["spec_augment"],
        kl_reduction=settings["kl"]["reduction"] if bayesian else "mean",
        kl_weight=kl_weight(settings["kl"], *size) if bayesian else 0.0,
        frozen_backbone=not all(p.requires_grad for p in network.parameters()),
        backbone_mode=training.get("backbone_mode", "train"),
    )


def _plan(settings: Settings) -> Plan:
    training = settings["training"]
    keys = ("precision", "compile", "gradient_clip", "sync_batchnorm")
    return Plan(
        batch_size=training["batch_size"],
        seed=settings["seed"],
        steps=training.get("steps"),
        epochs=training.get("epochs"),
        mix=training["mixup_alpha"] > 0,
        **{key: training[key] for key in keys if key in training},
    )


def _origin(clips: LogmelDataset, start: Path | None, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What besides its settings decides a training's result: its clips and where it starts."""
    store = clips.store
    names = hashlib.sha256("\n".join(clips.clip_ids.tolist()).encode()).hexdigest()
    return {
        "job": dict(facts),
        "clips": {"manifest": store.manifest_sha256, "chosen": names},
        "features": store.feature_settings | {"seconds": store.clip_seconds},
        "start": digest(start) if start else None,
    }


def _facts(store: FeatureStore, settings: Settings) -> dict[str, Any]:
    return {
        "task": store.task,
        "classes": list(store.classes),
        "features": store.feature_settings,
        "clip_seconds": store.clip_seconds,
        "settings": dict(settings),
    }
