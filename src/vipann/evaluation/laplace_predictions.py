"""Predictions of a network with a Laplace approximation of its last layer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from vipann.errors import UserError
from vipann.evaluation.embed import last_layer
from vipann.evaluation.embeddings import Clips, Embeddings, read_embeddings
from vipann.evaluation.laplace import (
    Curvature,
    curvature_of,
    most_likely_precision,
    precision_of_validation,
    precision_of_weights,
    predictive,
    with_one,
)
from vipann.evaluation.laplace_scores import PRECISION
from vipann.evaluation.predictions import UNCERTAINTIES, Predictions, pack
from vipann.files import replacing
from vipann.models.checkpoints import load_checkpoint
from vipann.models.strategies import rebuild
from vipann.seeds import derive_seed
from vipann.strategies import LAPLACE


def predict_by_laplace(
    checkpoint: Path,
    embeddings: Path,
    settings: Mapping[str, Any],
    own: Path,
    outside: Path,
) -> None:
    """Write predictions of the test clips to `own` and of out-of-distribution clips to `outside`,
    which are none where the embeddings have none.

    checkpoint, embeddings: of one deterministic network. settings: `structure`, `samples`,
    `prior_precision` (weights, marginal_likelihood, validation, or a number) and `seed`. The files
    are in the format of `vipann.evaluation.predictions`, with one replication of `samples` samples,
    and say which precision it was.
    """
    found = read_embeddings(embeddings)
    weights = _weights(checkpoint)
    training = found.training
    scale = found.training_clips / len(training)
    shape = found.task, settings["structure"], scale
    curvature = curvature_of(with_one(training.embedding), training.logits, *shape)
    precision = _precision(found, curvature, weights, settings)
    print(f"prior precision: {precision:.3g}")
    for part, clips, path in (("test", found.test, own), ("outside", found.outside, outside)):
        one = _predictions(found, clips, part, curvature, precision, settings)
        with replacing(path) as beside, h5py.File(beside, "w") as file:
            pack(one, file)
            file.attrs[PRECISION] = precision


def _weights(checkpoint: Path) -> np.ndarray:
    """The last layer's weights with their bias, (C, E + 1)."""
    state, facts = load_checkpoint(checkpoint)
    layer = last_layer(rebuild(facts, state))
    bias = layer.bias.detach().numpy()[:, None]
    return np.concatenate([layer.weight.detach().numpy(), bias], axis=1)


def _precision(
    found: Embeddings, curvature: Curvature, weights: np.ndarray, settings: Mapping[str, Any]
) -> float:
    chosen, clips = settings[PRECISION], found.validation
    if chosen == "weights":
        return precision_of_weights(weights)
    if chosen == "marginal_likelihood":
        return most_likely_precision(curvature, weights)
    if chosen != "validation":
        return float(chosen)
    if not len(clips):
        raise UserError(
            "uncertainty.laplace.prior_precision: 'validation' needs validation clips, and the "
            f"network of {found.dataset}, fold {found.fold}, was trained without: set "
            "validation.split: next_fold, or choose weights"
        )
    inputs, seed = with_one(clips.embedding), derive_seed(settings["seed"], "validation")
    sampling = found.task, settings["samples"], seed
    return precision_of_validation(curvature, inputs, clips.logits, clips.labels, *sampling)


def _predictions(
    found: Embeddings,
    clips: Clips,
    part: str,
    curvature: Curvature,
    precision: float,
    settings: Mapping[str, Any],
) -> Predictions:
    shape = 1, len(clips), len(found.classes)
    scores: dict[str, Any] = {"mean_probability": np.empty(shape)} | dict.fromkeys(
        UNCERTAINTIES, np.empty(shape[:2])
    )
    if len(clips):
        seed = derive_seed(settings["seed"], part)
        inputs, sampling = with_one(clips.embedding), (found.task, settings["samples"], seed)
        sampled = predictive(curvature, inputs, clips.logits, precision, *sampling)
        scores = {name: getattr(sampled, name)[None] for name in scores}
    return Predictions(
        **{name: values.astype(np.float32) for name, values in scores.items()},
        **{name: getattr(clips, name) for name in ("labels", "clip_id", "recording")},
        **{n: getattr(found, n) for n in ("task", "dataset", "phase", "fold", "clip_seconds")},
        scored_dataset=found.dataset if part == "test" else found.scored_dataset,
        strategy=LAPLACE,
        mc_samples=settings["samples"],
        seed=settings["seed"],
        classes=found.classes,
    )
