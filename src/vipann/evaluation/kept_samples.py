"""Monte Carlo samples kept one by one, of some clips."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vipann.evaluation.predict import SamplingPlan, opened, score
from vipann.evaluation.predictions import Predictions, write_predictions
from vipann.features.store import FeatureStore
from vipann.models.flipout import fixed_posteriors


def sample_clips(
    checkpoint: Path,
    features: Path,
    settings: Mapping[str, Any],
    accelerator: str,
    batch_size: int,
    out: Path,
    loader_workers: int = 0,
) -> None:
    """Write what a network says of some clips in each of many Monte Carlo samples.

    The file is one of predictions (`vipann.evaluation.predictions`) with a replication for each
    sample: `mean_probability` is (M, n, C). With the seed of a prediction these are its first
    samples. settings: `rows` (of the features), `clips` (as many of them, or all, drawn from
    `clips_seed`), `most` (M; 1 for a network without random layers), `seed`, `precision`,
    `dataset`. `batch_size` decides memory and speed, and no result.
    """
    network, facts, device, precision = opened(checkpoint, accelerator, settings["precision"])
    plan = SamplingPlan(1, settings["most"], settings["seed"], precision)
    with FeatureStore(features) as store, fixed_posteriors(network):
        rows = store.rows(**settings["rows"])
        if len(rows) > settings["clips"]:
            rng = np.random.default_rng(settings["clips_seed"])
            rows = np.sort(rng.choice(rows, settings["clips"], replace=False))
        found: Any = score(
            *(network, store, rows, facts["task"], plan, batch_size, device, loader_workers)
        )
        predictions = Predictions(
            **found,
            **{name: facts[name] for name in ("task", "strategy", "phase", "fold")},
            dataset=settings["dataset"],
            scored_dataset=settings["dataset"],
            mc_samples=1,
            seed=settings["seed"],
            labels=np.asarray(store.labels)[rows],
            classes=tuple(facts["classes"]),
            clip_id=np.asarray(store.clip_ids)[rows],
            recording=store.recording[rows],
            clip_seconds=store.clip_seconds,
            clamped=network.clamped_share(),
        )
    write_predictions(predictions, out)
