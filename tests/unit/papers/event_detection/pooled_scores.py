"""A small real computation in the shape of a run's files: scores of frames that differ by how they
are pooled, of a tagger with its noise by seed. No score is made up: all are computed."""

from functools import cache

import numpy as np
import pandas as pd

from vipann.evaluation.predictions import Predictions, write_predictions
from vipann.evaluation.variant_metrics import Scored, scores_of
from vipann.papers.event_detection.names import ALL_POOLINGS, POOLINGS, POOLINGS_SEEDS
from vipann.papers.event_detection.subset import CLASSES

SEEDS = (1, 2, 3)
NAMES = ("Music", *CLASSES.values())
POOLED = {
    "maximum": lambda y: y.max(axis=1),
    "mean": lambda y: y.mean(axis=1),
    "linear_softmax": lambda y: (y**2).sum(axis=1) / y.sum(axis=1),
    "exp_softmax": lambda y: (y * np.exp(y)).sum(axis=1) / np.exp(y).sum(axis=1),
    "softmax_attention": lambda y: np.median(y, axis=1),
}


@cache
def labels(split: str) -> np.ndarray:
    """(N, C) uint8; each class has clips, and some clips have none of the subset."""
    rng = np.random.default_rng([1, len(split)])
    found = rng.random((240, len(NAMES))) < [0.5, *[0.08] * len(CLASSES)]
    found[range(len(NAMES)), range(len(NAMES))] = True
    return found.astype(np.uint8)


@cache
def predictions(split: str, pooling: str, seed: int) -> Predictions:
    truth = labels(split)
    rng = np.random.default_rng([seed, len(split), 5])
    # Three of ten frames hold what the clip is labelled with.
    logits = 1.5 * rng.normal(size=(len(truth), 10, len(NAMES))) - 2
    logits[:, :3] += 3.5 * truth[:, None]
    return made(split, truth, POOLED[pooling](1 / (1 + np.exp(-logits)))[None])


def made(split: str, truth: np.ndarray, probability: np.ndarray) -> Predictions:
    p = probability.astype(np.float32).clip(1e-6, 1 - 1e-6)
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(axis=2)
    ids = np.array([f"{split}{i}" for i in range(len(truth))])
    return Predictions(
        *(p, entropy, entropy, np.zeros_like(entropy), truth, ids, ids),
        *("multilabel", "own", "own", "det", "variants", 0, 1, 0, NAMES, 10.0),
    )


def written(folder) -> dict[str, list[str]]:
    """Sources of tables, figures and claims: name -> files in `folder`."""
    rows, sources = [], {"predictions": [], "train_predictions": []}

    def score(one: Predictions, who: Scored) -> None:
        facts = {"kind": who.kind, "name": who.name, "variant": who.variant, "seed": who.seed}
        facts |= {"epoch": None, "label_set": "original"}
        rows.append(scores_of(one, [0.5, 1.0], 15).assign(**facts))

    every = []
    for pooling in POOLINGS.values():
        own = [predictions("eval", pooling, seed) for seed in SEEDS]
        every += own
        for seed, one in zip(SEEDS, own, strict=True):
            score(one, Scored("network", f"{pooling}/{seed}", pooling, seed, None))
            for split, place in (("eval", "variants"), ("train", "train")):
                path = folder / place / pooling / f"seed{seed}.h5"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_predictions(predictions(split, pooling, seed), path)
                name = "predictions" if split == "eval" else "train_predictions"
                sources[name].append(str(path))
        score(together(own), Scored("ensemble", f"{pooling}_seeds", "", None, None))
    score(together(every), Scored("ensemble", ALL_POOLINGS, "", None, None))
    frame = pd.concat(rows, ignore_index=True).astype({"seed": "Int64", "epoch": "Int64"})
    frame.to_parquet(folder / "variants.parquet")
    return sources | {"variants": [str(folder / "variants.parquet")]}


def together(members: list[Predictions]) -> Predictions:
    mean = np.mean([one.mean_probability for one in members], axis=0)
    return made("eval", members[0].labels, mean)


ENSEMBLES = {name: {} for name in (*POOLINGS_SEEDS.values(), ALL_POOLINGS)}
