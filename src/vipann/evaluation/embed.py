"""What a trained network makes of clips before its last layer: the embeddings file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor, nn

from vipann.evaluation.embeddings import Clips, Embeddings, pack
from vipann.evaluation.predict import opened, refuse_other_features
from vipann.features.batches import LogmelDataset, scoring_loader
from vipann.features.store import FeatureStore
from vipann.files import replacing
from vipann.models.checkpoints import match_classes
from vipann.models.clip_rng import clip_keys, draws_of, sample_keys
from vipann.models.flipout import fixed_posteriors
from vipann.models.mean_weights import mean_network
from vipann.models.network import Network
from vipann.models.strategies import certain_steps, is_random_at_inference
from vipann.progress import progress
from vipann.seeds import derive_seed
from vipann.training.sampling import rows_for

# Their scores are compared, so that their logits are means over Monte Carlo samples.
SAMPLED_PARTS = ("test", "outside")


@dataclass(frozen=True)
class _Pass:
    """How clips go through the network: its two forms (one object where it has no chance), the
    samples of a mean and their seed, and what decides speed alone."""

    network: Network
    plain: Network
    samples: int
    seed: int
    precision: str
    device: torch.device
    batch_size: int
    loader_workers: int


def embed(
    checkpoint: Path,
    features: Path,
    outside: Path | None,
    settings: Mapping[str, Any],
    accelerator: str,
    batch_size: int,
    out: Path,
    loader_workers: int = 0,
) -> None:
    """Write the embeddings file (`vipann.evaluation.embeddings`) of one network.

    features: its own dataset's; outside: those of out-of-distribution clips, or None. settings:
    `dataset`, `scored_dataset` (whose clips are outside, ""), `training_clips` (at most so many of
    the clips that it was trained on, drawn at random), `mc_samples` (of the mean logits of a random
    network), `precision` and `seed`. The clips that it was trained on are those that its checkpoint
    says: all folds but its test fold and, where it had one, its validation fold.

    Raises:
        UserError: the features were made with other settings than those the network was trained
            on, or the clips are of another length or have other classes.
    """
    ready = opened(checkpoint, accelerator, settings["precision"])
    plain = ready.network
    if is_random_at_inference(plain):
        plain = mean_network(ready.facts, ready.network.state_dict()).to(ready.device)
    sampling = settings["mc_samples"], settings["seed"], ready.precision
    how = _Pass(ready.network, plain, *sampling, ready.device, batch_size, loader_workers)
    facts = ready.facts
    with FeatureStore(features) as store, replacing(out) as beside, h5py.File(beside, "w") as file:
        refuse_other_features(store, facts, checkpoint)
        classes = match_classes(facts["classes"], checkpoint, store.classes, features)
        rows, trained = _rows(store, facts, settings)
        fields: dict[str, Any] = {part: _clips(store, rows[part], part, how) for part in rows}
        if outside is None:
            fields["outside"] = _clips(store, rows["test"][:0], "outside", how)
        else:
            with FeatureStore(outside) as others:
                refuse_other_features(others, facts, checkpoint)
                fields["outside"] = _clips(others, others.rows(), "outside", how)
        fields |= {name: facts[name] for name in ("task", "strategy", "phase", "fold")}
        fields |= {name: settings[name] for name in ("dataset", "scored_dataset")}
        fields |= {"training_clips": trained, "clip_seconds": store.clip_seconds}
        pack(Embeddings(**fields, classes=tuple(classes)), file)


def _rows(
    store: FeatureStore, facts: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], int]:
    """Rows of the own clips by part, and how many clips the network was trained on."""
    if facts["fold"]:
        training = facts["settings"]["training"]
        split = training.get("validation", {}).get("split", "none")
        own = rows_for(store, facts["fold"], split)
        rows = {"training": own.training, "validation": own.validation}
        rows["test"] = store.rows(folds=[facts["fold"]])
    else:
        train = store.rows(split="train")
        rows = {"training": train, "validation": train[:0], "test": store.rows(split="eval")}
    trained, most = len(rows["training"]), settings["training_clips"]
    if trained > most:
        rng = np.random.default_rng(derive_seed(settings["seed"], "training clips"))
        rows["training"] = np.sort(rng.choice(rows["training"], most, replace=False))
    return rows, trained


def _clips(store: FeatureStore, rows: np.ndarray, part: str, how: _Pass) -> Clips:
    found: dict[str, list[Tensor]] = {"embedding": [], "logits": [], "mean_logits": []}
    clips = LogmelDataset(store, rows)
    keys = clip_keys(how.seed, store.clip_ids[rows]).split(how.batch_size)
    loader = scoring_loader(clips, how.batch_size, how.loader_workers)
    steps = progress(loader, len(loader), f"embed {part} clips", "step")
    sampled = part in SAMPLED_PARTS and how.network is not how.plain
    with fixed_posteriors(how.network), torch.inference_mode():
        for (logmel, _), batch_keys in zip(steps, keys, strict=len(rows) > 0):
            logmel = logmel.to(how.device)
            with torch.autocast(how.device.type, torch.bfloat16, how.precision == "bfloat16"):
                embedding, logits = embedding_and_logits(how.plain, logmel)
                mean = logits
                if sampled:
                    seeded = how.samples, how.seed
                    mean = mean_logits(how.network, logmel, batch_keys.to(how.device), *seeded)
            for name, batch in zip(found, (embedding, logits, mean), strict=True):
                found[name].append(batch.float().cpu())
    width = last_layer(how.plain).in_features
    widths = {"embedding": width, "logits": how.plain.classes, "mean_logits": how.plain.classes}
    return Clips(
        **{
            name: torch.cat([torch.empty(0, widths[name]), *batches]).numpy()
            for name, batches in found.items()
        },
        labels=clips.labels[:, :0] if part == "outside" else clips.labels,
        clip_id=clips.clip_ids,
        recording=store.recording[rows],
    )


def last_layer(network: Network) -> Any:
    """The linear layer whose outputs are the classes."""
    head: Any = network.head
    return getattr(head, head.OUTPUT)


def embedding_and_logits(network: Network, features: Tensor) -> tuple[Tensor, Tensor]:
    """One forward pass: what the last layer takes, (B, E), of frames their mean, and logits
    (B, C)."""
    taken: list[Tensor] = []

    def keep(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        taken.append(inputs[0])

    hook = last_layer(network).register_forward_pre_hook(keep)
    try:
        logits = network(features)
    finally:
        hook.remove()
    (embedding,) = taken
    return embedding if embedding.dim() == 2 else embedding.mean(dim=1), logits


def mean_logits(
    network: Network, features: Tensor, keys: Tensor, samples: int, seed: int
) -> Tensor:
    """Mean over Monte Carlo samples of the logits, (B, C) float64.

    Draws are those of `vipann.evaluation.predict.sample` with the same keys (B,) and seed: a
    clip's do not depend on its batch. What comes before the first random layer is computed once.
    """
    x: Any = features
    stages = network.stages()
    certain = certain_steps(stages)
    for step, _ in stages[:certain]:
        x = step(x)
    total: Any = 0.0
    with torch.random.fork_rng():
        for number in range(samples):
            torch.manual_seed(derive_seed(seed, "weights", number))
            out = x
            with draws_of(sample_keys(keys, range(number, number + 1)).flatten()):
                for step, _ in stages[certain:]:
                    out = step(out)
            total = total + out.double()
    return total / samples
