"""The training stages of the workflow: pretraining, transfer and training from scratch.

Each writes one checkpoint. Killed, it goes on where it was when it is called again with the same
values, files and code.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from vipann.datasets.label_sets import read_label_set
from vipann.devices import machine_facts, resolved_precision
from vipann.features.batches import LogmelDataset
from vipann.features.store import FeatureStore
from vipann.files import digest
from vipann.models.batch_norm import mend_batch_norm
from vipann.models.bayesian import is_bayesian
from vipann.models.checkpoints import load_checkpoint, match_classes, save_checkpoint
from vipann.models.imagenet import start_from_imagenet
from vipann.models.network import Network, trainable_parameters
from vipann.models.strategies import (
    Strategy,
    build_network,
    build_transferred,
    freeze_backbone,
    keep_hidden_layers,
    load_backbone,
    prior_of,
    start_as_pytorch,
)
from vipann.training.backbone_cache import Head, cached_sets
from vipann.training.epochs import EpochFiles
from vipann.training.fabric import seed_everything
from vipann.training.launch import Runtime
from vipann.training.loop import Training
from vipann.training.objective import ClassifierTraining, class_weights_of, kl_weight
from vipann.training.recipe import (
    Beginning,
    Continued,
    OnFolds,
    Pretrain,
    Recipe,
    Scratch,
    Transfer,
)
from vipann.training.resume import ResumeStates
from vipann.training.sampling import Rows, refuse_lost_classes, rows_for
from vipann.training.validation import Check, UpstreamScores, Validation
from vipann.training.waveforms import HeardAnew

_ONE_PROCESS = Runtime()


@dataclass(frozen=True)
class Job:
    """One training: of which network, on which clips, from where, to where.

    phase: pretrained, fixed, finetuned or scratch. fold: the one that tests it; 0 where the split
    train and eval says so. settings: the config values that its rule uses: `training` (see
    `vipann.training.recipe`), `model`, `bands`, `seed`; `bayesian`, `moped` and `kl` where the
    strategy has Flipout layers. labels: a label set that is learnt in the place of the features'
    own labels; in pretraining only. recordings: the clips' manifest and the folder of their audio,
    where the recipe has `waveform_augmentation`.
    """

    strategy: Strategy
    phase: str
    fold: int
    features: Path
    start: Path | None
    settings: Mapping[str, Any]
    out: Path
    labels: Path | None = None
    recordings: tuple[Path, ...] = ()


def pretrain(job: Job, runtime: Runtime = _ONE_PROCESS) -> None:
    """Train for `training.steps`, or epochs, on the upstream train split (section 3.4).

    det and drop start at random or from the ImageNet weights `job.start`; flip from the MOPED
    checkpoint `job.start`.
    """
    recipe = Pretrain.of(job.settings)
    seed_everything(job.settings["seed"])
    with FeatureStore(job.features) as store:
        prior = prior_of(job.settings)
        network = build_network(job.strategy, len(store.classes), job.settings, prior)
        if job.start is not None and job.start.suffix == ".safetensors":
            state, started = load_checkpoint(job.start)
            match_classes(started["classes"], job.start, store.classes, job.features)
            network.load_state_dict(state, strict=True)
        else:
            _start_encoder(network, recipe, job)
        scored = LogmelDataset(store, store.rows(split="eval"))
        check = None
        if len(scored):
            check = UpstreamScores(network, scored, recipe.batch_size, runtime)
        _fit(network, store, _train_split(store, job), recipe, job, runtime, check)


def transfer(job: Job, runtime: Runtime = _ONE_PROCESS) -> None:
    """One phase of transfer, tested on a fold and trained on the others (section 3.5).

    `fixed` puts a new head on the upstream checkpoint `job.start` and trains the head only;
    `finetuned` starts from the fixed checkpoint `job.start` and trains everything.
    """
    recipe = Transfer.of(job.settings)
    seed_everything(job.settings["seed"])
    assert job.start is not None
    state, _ = load_checkpoint(job.start)
    with FeatureStore(job.features) as store:
        prior = prior_of(job.settings)
        network = build_transferred(job.strategy, len(store.classes), job.settings, prior)
        if job.phase == "fixed":
            load_backbone(network, state)
            freeze_backbone(network)
            if recipe.head_start != "xavier":
                start_as_pytorch(network.head)
            if recipe.head_start == "upstream":
                keep_hidden_layers(network, state)
        else:
            network.load_state_dict(state, strict=True)
        _fit(network, store, _rows_tested_on(store, job.fold, recipe), recipe, job, runtime)


def train_from_scratch(job: Job, runtime: Runtime = _ONE_PROCESS) -> None:
    """The baseline of Table 5: the same network from a random start, or from ImageNet's weights."""
    recipe = Scratch.of(job.settings)
    seed_everything(job.settings["seed"])
    with FeatureStore(job.features) as store:
        network = build_transferred(job.strategy, len(store.classes), job.settings)
        _start_encoder(network, recipe, job)
        network.weigh_latest_batch(recipe.batch_norm_momentum)
        _fit(network, store, _rows_tested_on(store, job.fold, recipe), recipe, job, runtime)


def go_on(job: Job, runtime: Runtime = _ONE_PROCESS) -> None:
    """Train everything on from the fine-tuned checkpoint `job.start`, on the same clips; what the
    recipe keeps are checkpoints of single epochs, beside `job.out`."""
    recipe = Continued.of(job.settings)
    seed_everything(job.settings["seed"])
    assert job.start is not None
    state, _ = load_checkpoint(job.start)
    with FeatureStore(job.features) as store:
        network = build_transferred(job.strategy, len(store.classes), job.settings)
        network.load_state_dict(state, strict=True)
        _fit(network, store, _rows_tested_on(store, job.fold, recipe), recipe, job, runtime)


def _train_split(store: FeatureStore, job: Job) -> Rows:
    """Its rows, with the labels of the job's label set.

    Raises:
        UserError: the label set is of other clips or classes.
    """
    rows = store.rows(split="train")
    if job.labels is None:
        return Rows(rows)
    chosen = read_label_set(job.labels)
    return Rows(rows, labels=chosen.labels(store.clip_ids[rows].tolist(), store.classes))


def _start_encoder(network: Network, recipe: Beginning, job: Job) -> None:
    if recipe.start == "imagenet":
        assert job.start is not None
        start_from_imagenet(network, job.settings["model"], job.start, recipe.imagenet_stem)


def _rows_tested_on(store: FeatureStore, fold: int, recipe: OnFolds) -> Rows:
    rows = rows_for(store, fold, recipe.validation["split"])
    refuse_lost_classes(store, rows, fold)
    return rows


def _fit(
    network: Network,
    store: FeatureStore,
    rows: Rows,
    recipe: Recipe,
    job: Job,
    runtime: Runtime,
    check: Check | None = None,
) -> None:
    """Train on `rows` from what is kept of an earlier run, if anything, and write `job.out`."""
    network.lay_out(recipe.channels_last)
    mend_batch_norm(network)
    clips = LogmelDataset(store, rows.training, rows.labels)
    seed = job.settings["seed"]
    facts, states = _facts(store, job), None
    if runtime.work:
        states = ResumeStates(runtime.work, facts | _origin(clips, job))
    if runtime.is_first:
        print(f"{len(clips)} clips, {trainable_parameters(network):,} trainable parameters")
    trained: nn.Module = network
    sets: Any = clips, LogmelDataset(store, rows.validation)
    if isinstance(recipe, Transfer) and recipe.cache == "embeddings":
        sets = cached_sets(network, sets[0], sets[1], recipe, seed, runtime.accelerator)
        trained, runtime = Head(network), dataclasses.replace(runtime, loader_workers=0)
    elif recipe.hears_anew:
        sets = HeardAnew(clips, job.recordings, recipe, seed), sets[1]
    validation = None
    if isinstance(recipe, OnFolds) and len(rows.validation):
        validation = check = Validation(trained, sets[1], recipe.validation)
    kl = {}
    if is_bayesian(network):
        block, size = job.settings["kl"], (len(clips), len(store.classes))
        kl = {"kl_weight": kl_weight(block, *size, store.task), "kl_reduction": block["reduction"]}
    weights = class_weights_of(recipe, clips)
    module = ClassifierTraining(trained, recipe, store.task, **kl, class_weights=weights)
    own = states.folder / "epochs" if states else _epochs_of(job.out)
    kept = recipe.keep_epochs if isinstance(recipe, Pretrain) else 0
    epochs = EpochFiles(network, own, facts.copy(), kept)
    training = Training(module, sets[0], recipe, seed, runtime, states, check, epochs)
    facts["last_step"] = training.run()
    facts["training_seconds"] = round(training.seconds, 3)
    precision = resolved_precision(recipe.precision, training.fabric.device)
    facts["machine"] = machine_facts(training.fabric.device, precision)
    if validation:
        validation.restore()
        facts["validation"] = {"fold": rows.validation_fold} | validation.facts()
    if runtime.is_first:
        epochs.copy_to(_epochs_of(job.out))
        save_checkpoint(network, job.out, facts)
        if states:
            states.remove()


def _epochs_of(checkpoint: Path) -> Path:
    """The folder of its epochs' checkpoints."""
    return checkpoint.with_suffix(".epochs")


def _facts(store: FeatureStore, job: Job) -> dict[str, Any]:
    """What the sidecar says of a network before it is trained."""
    learnt = {}
    if job.labels:
        learnt = {"label_set": {"name": job.labels.stem, "sha256": digest(job.labels)}}
    return learnt | {
        "strategy": job.strategy,
        "phase": job.phase,
        "fold": job.fold,
        "task": store.task,
        "classes": list(store.classes),
        "features": store.feature_settings,
        "clip_seconds": store.clip_seconds,
        "settings": dict(job.settings),
    }


def _origin(clips: LogmelDataset, job: Job) -> dict[str, Any]:
    """What besides these facts decides a training's result: its clips and where it starts."""
    names = hashlib.sha256("\n".join(clips.clip_ids.tolist()).encode()).hexdigest()
    return {
        "clips": {"manifest": clips.store.manifest_sha256, "chosen": names},
        "start": digest(job.start) if job.start else None,
    }
