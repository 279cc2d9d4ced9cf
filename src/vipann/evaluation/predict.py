"""Monte Carlo prediction: the only place where a trained network is sampled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import torch
from torch import Tensor

from vipann.devices import choose_device, print_machine, resolved_precision
from vipann.errors import UserError
from vipann.evaluation.decomposition import Decomposition, probabilities
from vipann.evaluation.frames import FrameWriter
from vipann.evaluation.predictions import UNCERTAINTIES, Predictions, pack
from vipann.features.batches import LogmelDataset, scoring_loader
from vipann.features.store import FeatureStore
from vipann.files import replacing
from vipann.models.checkpoints import load_checkpoint, match_classes
from vipann.models.clip_rng import clip_keys, draws_of, sample_keys
from vipann.models.flipout import fixed_posteriors
from vipann.models.network import Network
from vipann.models.strategies import certain_steps, rebuild
from vipann.parts import settings_that_differ
from vipann.progress import progress
from vipann.seeds import derive_seed
from vipann.tasks import Task

_FLOATS_AT_ONCE = 2**22


@dataclass(frozen=True)
class SamplingPlan:
    """How often to sample: `replications` times `mc_samples` forward passes, drawn from `seed`.

    precision: "float32", or "bfloat16" for mixed precision; probabilities, and what is computed
    from them, are float64 either way. frame_scores: whether the scores of frames are kept, of a
    network that pools scores.
    """

    mc_samples: int
    replications: int
    seed: int
    precision: str = "float32"
    frame_scores: bool = False


class Sampled(Decomposition[Tensor]):
    """Of clips (B, C) and, where the network gives these, of each class of each of their frames.

    A class of a frame is a problem of one class to equations 6 to 8.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._frames, self._shape = Decomposition[Tensor]("multilabel"), torch.Size()

    def count(self, out: Tensor | tuple[Tensor, Tensor]) -> None:
        """Count logits (B, C) of one sample or (S, B, C) of several; or those of one and the scores
        of its frames, (B, T', C)."""
        logits, scores = out if isinstance(out, tuple) else (out, None)
        self.add(probabilities(logits, self.task))
        if scores is not None:
            self._shape = scores.shape
            self._frames.add(scores.double().reshape(-1, 1))

    @property
    def frame_probability(self) -> Tensor:
        """(B, T', C), equation 1."""
        return self._frames.mean_probability.reshape(self._shape)

    @property
    def frame_epistemic(self) -> Tensor:
        """(B, T', C) in [0, ln 2] nats, equation 8 of each class by itself."""
        return self._frames.epistemic.reshape(self._shape)


class Opened(NamedTuple):
    """A trained network on its device, in evaluation mode; facts: its sidecar; precision: float32
    or bfloat16."""

    network: Network
    facts: dict[str, Any]
    device: torch.device
    precision: str


def opened(checkpoint: Path, accelerator: str, precision: str) -> Opened:
    """The network of a checkpoint, ready to be sampled; the log gets a line on the machine."""
    state, facts = load_checkpoint(checkpoint)
    device = choose_device(accelerator)
    network = rebuild(facts, state).eval().to(device)
    found = resolved_precision(precision, device)
    print_machine(device, found)
    return Opened(network, facts, device, found)


def predict(
    checkpoint: Path,
    features: Path,
    rows: Mapping[str, Any],
    settings: Mapping[str, Any],
    accelerator: str,
    batch_size: int,
    out: Path,
    loader_workers: int = 0,
) -> None:
    """Score the clips that `rows` selects (`folds=[..]`, `split=..`, or all) into `out`.

    `settings` holds what `SamplingPlan` has, `dataset` (which the checkpoint was trained on) and
    `scored_dataset` (where the clips come from; labels are kept only where both are the same).
    With `frame_scores`, the scores of frames are in the file too (`vipann.evaluation.frames`).
    `batch_size` decides memory and speed, and no result.

    Raises:
        UserError: the features were made with other settings than those the network was trained
            on, the clips are of another length, or they are its own dataset's and have other
            classes.
    """
    network, facts, device, precision = opened(
        checkpoint, accelerator, settings.get("precision", "float32")
    )
    passes = {name: settings[name] for name in ("mc_samples", "replications", "seed")}
    plan = SamplingPlan(
        **passes, precision=precision, frame_scores=settings.get("frame_scores", False)
    )
    with (
        FeatureStore(features) as store,
        fixed_posteriors(network),
        replacing(out) as beside,
        h5py.File(beside, "w") as file,
    ):
        refuse_other_features(store, facts, checkpoint)
        chosen = store.rows(**rows)
        labels, classes = np.asarray(store.labels)[chosen], facts["classes"]
        if settings["dataset"] == settings["scored_dataset"]:
            classes = match_classes(classes, checkpoint, store.classes, store.path)
        else:
            labels = labels[:, :0]
        writer = FrameWriter(file, len(chosen)) if plan.frame_scores else None
        scores: dict[str, Any] = score(
            *(network, store, chosen, facts["task"], plan),
            *(batch_size, device, loader_workers, writer),
        )
        predictions = Predictions(
            **scores,
            **{n: settings[n] for n in ("dataset", "scored_dataset", "mc_samples", "seed")},
            **{n: facts[n] for n in ("task", "strategy", "phase", "fold")},
            labels=labels,
            classes=classes,
            clip_id=np.asarray(store.clip_ids)[chosen],
            recording=store.recording[chosen],
            clip_seconds=store.clip_seconds,
            clamped=network.clamped_share(),
        )
        pack(predictions, file)
    if predictions.clamped:
        print(f"{predictions.clamped:.3%} of the outputs left [0, 1] and were clamped")


def score(
    network: Network,
    store: FeatureStore,
    rows: np.ndarray,
    task: Task,
    plan: SamplingPlan,
    batch_size: int,
    device: torch.device,
    loader_workers: int = 0,
    frames: FrameWriter | None = None,
) -> dict[str, np.ndarray]:
    """Score clips: `mean_probability` (R, N, C) and total, aleatoric, epistemic (R, N), float32;
    the scores of their frames go to `frames` batch by batch."""
    parts: dict[str, list[np.ndarray]] = {n: [] for n in ("mean_probability", *UNCERTAINTIES)}
    keys = clip_keys(plan.seed, np.asarray(store.clip_ids)[rows]).split(batch_size)
    loader = scoring_loader(LogmelDataset(store, rows), batch_size, loader_workers)
    steps = progress(loader, len(loader), "predict", "step")
    for (logmel, _), batch_keys in zip(steps, keys, strict=True):
        found = sample(network, logmel.to(device), batch_keys.to(device), task, plan)
        for name, batches in parts.items():
            batches.append(_stacked(found, name))
        if frames is not None:
            frames.add(_stacked(found, "frame_probability"), _stacked(found, "frame_epistemic"))
    return {name: np.concatenate(b, axis=1).astype(np.float32) for name, b in parts.items()}


def _stacked(found: Sequence[Sampled], name: str) -> np.ndarray:
    return torch.stack([getattr(one, name) for one in found]).cpu().numpy()


@torch.inference_mode()
def sample(
    network: Network, logmel: Tensor, keys: Tensor, task: Task, plan: SamplingPlan
) -> list[Sampled]:
    """Score one batch (B, T, mel_bands): one decomposition per replication.

    What a clip draws depends on its key in `keys` (B,), and the weights that a batch shares on the
    sample's number: results do not depend on how clips are batched. Whatever the network computes
    before its first random layer is computed once. A network without random layers is scored once:
    one replication of one sample.
    """
    with torch.autocast(logmel.device.type, torch.bfloat16, plan.precision == "bfloat16"):
        return _sample(network, logmel, keys, task, plan)


def _sample(
    network: Network, logmel: Tensor, keys: Tensor, task: Task, plan: SamplingPlan
) -> list[Sampled]:
    x: Any = logmel
    stages = network.stages()
    certain = certain_steps(stages)
    every: list[Callable[[Tensor], Any]] = [step for step, _ in stages]
    if plan.frame_scores:
        every[-1] = network.classify_frames
    for step in every[:certain]:
        x = step(x)
    steps = every[certain:]
    if not steps:
        once = Sampled(task)
        once.count(x)
        return [once]
    # The head draws its outputs, where each clip is one vector; all else draws weights for a pass.
    only_head = steps == [network.classify] and network.pooled == "frames"
    at_once = max(1, _FLOATS_AT_ONCE // x.numel()) if only_head else 1
    with torch.random.fork_rng():
        return [
            _replicate(steps, x, keys, task, plan, replication, at_once)
            for replication in range(plan.replications)
        ]


def _replicate(
    steps: list[Callable[[Tensor], Any]],
    x: Tensor,
    keys: Tensor,
    task: Task,
    plan: SamplingPlan,
    replication: int,
    at_once: int,
) -> Sampled:
    """One replication of the `steps` from `x` (B, ...) on, with `at_once` samples in a pass."""
    sampled = Sampled(task)
    first, end = (plan.mc_samples * r for r in (replication, replication + 1))
    for number in range(first, end, at_once):
        samples = range(number, min(number + at_once, end))
        torch.manual_seed(derive_seed(plan.seed, "weights", number))
        out: Any = x if at_once == 1 else x.expand(len(samples), *x.shape)
        with draws_of(sample_keys(keys, samples).flatten()):
            for step in steps:
                out = step(out)
        sampled.count(out)
    return sampled


def refuse_other_features(store: FeatureStore, facts: Mapping[str, Any], checkpoint: Path) -> None:
    """UserError where the features are of another front end, or of clips of another length, than
    those that the network was trained on."""
    if differing := settings_that_differ(facts["features"], store.feature_settings):
        raise UserError(
            f"{checkpoint} was trained on another front end than that of {store.path}:\n  "
            + "\n  ".join(differing)
        )
    trained_on = facts.get("clip_seconds")
    if trained_on is not None and trained_on != store.clip_seconds:
        raise UserError(
            f"{checkpoint} was trained on clips of {trained_on:g} s, and those of {store.path} "
            f"last {store.clip_seconds:g} s. Uncertainty depends on a clip's length: set "
            f"clip_seconds of their dataset to {trained_on:g}."
        )
