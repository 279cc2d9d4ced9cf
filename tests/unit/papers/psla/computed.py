"""A small real run in the shape of the result files: linear taggers of clips of few classes,
trained with several recipes and seeds, scored as variants are. No number is made up."""

from functools import cache

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

CLASSES = ["Music", "Speech", "Male speech, man speaking", "Dog", "Rain", "Bell"]
SEEDS = (1, 2, 3)
EPOCHS = 6
RECIPES = ("plain", "balanced", "masking", "augmented", "psla")


@cache
def clips():
    """Features (N, D), labels (N, C), which are training clips; of classes of unequal size."""
    rng = np.random.default_rng(5)
    labels = rng.random((600, len(CLASSES))) < [0.5, 0.4, 0.15, 0.1, 0.06, 0.05]
    labels[~labels.any(axis=1), 0] = True
    centres = rng.normal(size=(len(CLASSES), 12))
    features = labels @ centres + 1.5 * rng.normal(size=(600, 12))
    return features, labels, np.arange(600) < 300


def trained(recipe, seed):
    """Predictions (epochs, N, C) of logistic regression by stochastic gradient descent."""
    features, labels, is_train = clips()
    rng = np.random.default_rng([seed, 7])
    x, y = features[is_train], labels[is_train].astype(float)
    weights = 0.1 * rng.normal(size=(x.shape[1] + 1, y.shape[1]))
    chances = (y / y.sum(axis=0)).sum(axis=1) if recipe == "balanced" else np.ones(len(x))
    steps, found = (6 if recipe == "psla" else 2), []
    for epoch in range(EPOCHS):
        for _ in range(steps):
            own = rng.choice(len(x), 100, p=chances / chances.sum())
            seen, wanted = x[own].copy(), y[own]
            if recipe in ("masking", "augmented", "psla"):
                seen[:, rng.integers(x.shape[1], size=2)] = 0
            if recipe in ("augmented", "psla"):
                other, share = rng.permutation(100), rng.beta(10, 10)
                seen = share * seen + (1 - share) * seen[other]
                wanted = share * wanted + (1 - share) * wanted[other]
            seen = np.hstack([seen, np.ones((len(seen), 1))])
            error = 1 / (1 + np.exp(-seen @ weights)) - wanted
            weights -= 0.5 / (1 + epoch) * seen.T @ error / len(seen)
        every = np.hstack([features, np.ones((len(features), 1))])
        found.append(1 / (1 + np.exp(-every @ weights)))
    return np.array(found)


def entropy(probability):
    """Of each clip of the evaluation list, summed over classes."""
    logs = probability * np.log(probability) + (1 - probability) * np.log1p(-probability)
    return -logs[~clips()[2]].sum(axis=1)


def scores(members):
    """members: (M, N, C)."""
    labels, is_train = clips()[1:]
    probability = members.mean(axis=0)
    pair = labels[~is_train], probability[~is_train]
    total = float(entropy(probability).mean())
    aleatoric = float(np.mean([entropy(one).mean() for one in members]))
    return {
        "mAP": average_precision_score(*pair, average="macro"),
        "AUC": roc_auc_score(*pair, average="macro"),
        "brier": float(((pair[1] - pair[0]) ** 2).mean()),
        "ece": float(abs((pair[1] - pair[0]).mean(axis=0)).mean()),  # of one bin
        "mean_total": total,
        "mean_aleatoric": aleatoric,
        "mean_epistemic": total - aleatoric,
    }


def frames():
    """(variants, per_class) as the result files have them."""
    rows, classes, of_seeds = [], [], {}
    for recipe in RECIPES:
        for seed in SEEDS:
            found = trained(recipe, seed)
            of_seeds[recipe, seed] = found
            own = ("network", f"{recipe}/{seed}", recipe, seed)
            ends = [(None, found[-1:])]
            if recipe == "psla" and seed == 1:
                ends += [(e, p[None]) for e, p in enumerate(found, start=1)]
            rows += [(*own, epoch, p) for epoch, p in ends]
    last = {key: found[-1] for key, found in of_seeds.items()}
    members = np.array([last["psla", seed] for seed in SEEDS])
    rows.append(("ensemble", "seeds", "", None, None, members))
    for first in (1, 3, 5):
        members = of_seeds["psla", 1][first - 1 :]
        name = "checkpoints" if first == 1 else f"from_{first}"
        rows.append(("ensemble", name, "", None, None, members))
    tidy, is_train = [], clips()[2]
    for *who, members in rows:
        tidy += [(*who, "original", metric, value) for metric, value in scores(members).items()]
        if who[-1] is None:
            truth, probability = clips()[1], members.mean(axis=0)
            for place, name in enumerate(CLASSES):
                pair = truth[~is_train, place], probability[~is_train, place]
                row = [who[0], who[1], "original", name]
                areas = [average_precision_score(*pair), roc_auc_score(*pair)]
                classes.append([*row, *areas, int(truth[is_train, place].sum())])
    columns = ["kind", "name", "variant", "seed", "epoch", "label_set", "metric", "value"]
    variants = pd.DataFrame(tidy, columns=columns)
    variants = variants.astype({"seed": "Int64", "epoch": "Int64"})
    per_class = ["kind", "name", "label_set", "class", "AP", "AUC", "train_clips"]
    return variants, pd.DataFrame(classes, columns=per_class)


ENSEMBLES = {
    "seeds": {"members": ["psla/*"]},
    "checkpoints": {"members": ["psla/1"], "epochs": "all"},
    "from_3": {"members": ["psla/1"], "epochs": {"first": 3}},
    "from_5": {"members": ["psla/1"], "epochs": {"last": 2}},
}


def written(folder):
    """Sources of tables, figures and claims: name -> files in `folder`."""
    sources = {}
    for name, frame in zip(("variants", "per_class"), frames(), strict=True):
        frame.to_parquet(folder / f"{name}.parquet")
        sources[name] = [str(folder / f"{name}.parquet")]
    labels, is_train = clips()[1:]
    manifest = pd.DataFrame(
        {
            "clip_id": [f"clip{i}" for i in range(len(labels))],
            "split": np.where(is_train, "train", "eval"),
            "labels": [list(np.array(CLASSES)[row]) for row in labels],
        }
    )
    manifest.to_parquet(folder / "manifest.parquet")
    sources["manifests"] = [str(folder / "manifest.parquet")]
    return sources
