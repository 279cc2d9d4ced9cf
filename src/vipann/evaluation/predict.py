"""Monte Carlo prediction: the only place where a trained network is sampled."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from vipann.errors import UserError
from vipann.evaluation.predictions import Predictions, write_predictions
from vipann.evaluation.uncertainty import Decomposition, probabilities
from vipann.features.batches import LogmelDataset, scoring_loader
from vipann.features.store import FeatureStore
from vipann.models.checkpoints import load_checkpoint
from vipann.models.flipout import fixed_posteriors
from vipann.models.resnet54 import ResNet54
from vipann.models.strategies import is_random_at_inference, rebuild
from vipann.tasks import Task

_MEASURES = ("total", "aleatoric", "epistemic")


def predict(
    checkpoint: Path,
    features: Path,
    rows: Mapping[str, Any],
    settings: Mapping[str, Any],
    accelerator: str,
    out: Path,
    loader_workers: int = 0,
) -> None:
    """Score the clips that `rows` selects (`folds=[..]`, `split=..`, or all) into `out`.

    `settings` holds `seed`, `mc_samples`, `replications`, `batch_size`, `dataset` (which the
    checkpoint was trained on) and `scored_dataset` (where the clips come from; labels are kept
    only where both are the same).

    Raises:
        UserError: the features were made with other settings than those the network was trained on.
    """
    state, facts = load_checkpoint(checkpoint)
    device = choose_device(accelerator)
    network = rebuild(facts, state).eval().to(device)
    torch.manual_seed(settings["seed"])
    with FeatureStore(features) as store, fixed_posteriors(network):
        _check_front_end(store, facts, checkpoint)
        chosen = store.rows(**rows)
        labels = np.asarray(store.labels)[chosen]
        if settings["dataset"] != settings["scored_dataset"]:
            labels = labels[:, :0]
        predictions = Predictions(
            **score(network, store, chosen, facts["task"], settings, device, loader_workers),
            labels=labels,
            clip_id=np.asarray(store.clip_ids)[chosen],
            task=facts["task"],
            dataset=settings["dataset"],
            scored_dataset=settings["scored_dataset"],
            strategy=facts["strategy"],
            phase=facts["phase"],
            fold=facts["fold"],
            mc_samples=settings["mc_samples"],
            seed=settings["seed"],
            classes=facts["classes"],
        )
    write_predictions(predictions, out)


def score(
    network: ResNet54,
    store: FeatureStore,
    rows: np.ndarray,
    task: Task,
    settings: Mapping[str, Any],
    device: torch.device,
    loader_workers: int = 0,
) -> dict[str, np.ndarray]:
    """Score clips: `mean_probability` (R, N, C) and total, aleatoric, epistemic (R, N), float32."""
    parts: dict[str, list[np.ndarray]] = {"mean_probability": []} | {m: [] for m in _MEASURES}
    loader = scoring_loader(LogmelDataset(store, rows), settings["batch_size"], loader_workers)
    for logmel, _ in tqdm(loader, desc="clips", unit="batch", disable=None):
        found = sample(
            network, logmel.to(device), task, settings["mc_samples"], settings["replications"]
        )
        for name, batches in parts.items():
            batches.append(torch.stack([getattr(d, name) for d in found]).cpu().numpy())
    return {name: np.concatenate(b, axis=1).astype(np.float32) for name, b in parts.items()}


@torch.inference_mode()
def sample(
    network: ResNet54, logmel: Tensor, task: Task, mc_samples: int, replications: int
) -> list[Decomposition]:
    """Score one batch (B, T, mel_bands): one decomposition per replication.

    Whatever the network computes before its first random layer is computed once. A network
    without random layers is scored once: one replication of one sample.
    """
    x, remaining = logmel, network.stages()
    while remaining and not any(map(is_random_at_inference, remaining[0][1])):
        step, _ = remaining.pop(0)
        x = step(x)
    if not remaining:
        mc_samples = replications = 1
    found = []
    for _ in range(replications):
        decomposition = Decomposition(task)
        for _ in range(mc_samples):
            logits = x
            for step, _modules in remaining:
                logits = step(logits)
            decomposition.add(probabilities(logits, task))
        found.append(decomposition)
    return found


def choose_device(accelerator: str) -> torch.device:
    """`auto` takes a GPU where torch sees one; other names are torch's own, such as `cpu`."""
    if accelerator in ("auto", "gpu"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(accelerator)


def _check_front_end(store: FeatureStore, facts: Mapping[str, Any], checkpoint: Path) -> None:
    trained = facts["features"]
    differing = [
        f"{key}: {trained.get(key)} in training, {value} in {store.path}"
        for key, value in store.feature_settings.items()
        if trained.get(key) != value
    ]
    if differing:
        raise UserError(
            f"{checkpoint} was trained on features made with other settings: "
            + "; ".join(differing)
        )
