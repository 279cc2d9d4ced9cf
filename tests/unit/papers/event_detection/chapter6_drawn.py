"""Chapter 6's result files with scores that are drawn, not trained: what is done with them is
tested, not what they are."""

import numpy as np
import pandas as pd

from vipann.papers.event_detection import procedures as p

CLASSES = [f"class {number:02d}" for number in range(16)]
SEEDS = (1, 2, 3)
# Mean average precision of each variant, on which classes and seeds vary.
LEVELS = {
    **{p.variant(row, "A4"): 0.30 + 0.01 * n for n, row in enumerate(p.ENCODERS)},
    **{p.variant(row, "A2"): 0.33 + 0.01 * n for n, row in enumerate(p.ENCODERS)},
    "ast_a1": 0.40,
    "resnet50_a1": 0.39,
    "ast_a3": 0.38,
    "resnet50_a3": 0.35,
    "ast_a1_stride_16": 0.39,
    "ast_a3_stride_10": 0.36,
    "ast_a3_stride_16": 0.28,
    "without_balancing": 0.28,
    "without_mixup": 0.30,
    "without_masking": 0.31,
    "without_normalisation": 0.20,
    "cutmix": 0.33,
    "constant_rate": 0.24,
    "weight_decay": 0.31,
    "ast_a3_sigmas_1": 0.09,
    "ast_a3_sigmas_4": 0.05,
    "ast_a3_rate_1e6": 0.06,
    "ast_a3_rate_1e4": 0.20,
    **{f"{encoder}_{s}": 0.3 for encoder in (*p.TRANSFORMERS, *p.HYBRIDS) for s in p.BAYESIAN},
    **{f"{p.CONVOLUTIONAL}_{s}": 0.3 for s in p.BAYESIAN},
}
# Of classes: the share of their labels that is true; a class less is known of.
QUALITY = dict(zip(CLASSES[:-1], np.linspace(0.2, 1.0, len(CLASSES) - 1), strict=True))


def frames(gain=0.01):
    """(variants, per_class) as the result files have them; Transformers gain `gain` by leaving out
    what they are unsure of, and the convolutional network 0.02."""
    rng = np.random.default_rng(3)
    tidy, classes = [], []
    for name, level in LEVELS.items():
        for seed in SEEDS:
            aps = level + rng.normal(0, 0.02, len(CLASSES)) + 0.004 * rng.normal()
            is_control = name.startswith(p.CONVOLUTIONAL)
            values = {
                "mAP": aps.mean(),
                "ece": (0.02 if is_control else 0.05) + 0.001 * rng.normal(),
                "retention_gain_epistemic": (0.02 if is_control else gain) + 0.001 * rng.normal(),
            }
            own = ["network", f"{name}/{seed}", name, seed, None, "original"]
            tidy += [[*own, metric, value] for metric, value in values.items()]
            classes += [
                ["network", f"{name}/{seed}", "original", label, ap, 0.9, 10]
                for label, ap in zip(CLASSES, aps, strict=True)
            ]
    columns = ["kind", "name", "variant", "seed", "epoch", "label_set", "metric", "value"]
    variants = pd.DataFrame(tidy, columns=columns).astype({"seed": "Int64", "epoch": "Int64"})
    per_class = ["kind", "name", "label_set", "class", "AP", "AUC", "train_clips"]
    return variants, pd.DataFrame(classes, columns=per_class)


def costs():
    """A row for each variant: small features are passed seven times as fast."""
    rows = [
        {
            "variant": name,
            "strategy": name.rpartition("_")[2] if name.endswith(p.BAYESIAN) else "det",
            "encoder": next(e for e in p.ENCODERS.values() if name.startswith(e)),
            "parameters": 1_000_000 + 10 * number,
            "macs": 5_000_000_000 + number,
            "clips_per_second": 1.0 if "_a1" in name or "_a2" in name else 7.0,
            "memory_mb": 100.0 + number,
        }
        for number, name in enumerate(LEVELS)
        if name.startswith(tuple(p.ENCODERS.values()))
    ]
    return pd.DataFrame(rows)


def written(folder, **changes):
    """Sources of tables, figures and claims: name -> files in `folder`."""
    variants, per_class = frames(**changes)
    variants.to_parquet(folder / "variants.parquet")
    per_class.to_parquet(folder / "per_class.parquet")
    costs().to_csv(folder / "costs.csv", index=False)
    quality = pd.DataFrame({"class": list(QUALITY), "quality": list(QUALITY.values())})
    quality.to_csv(folder / "quality.csv", index=False)
    files = {"variants": "variants.parquet", "per_class": "per_class.parquet"}
    files |= {"costs": "costs.csv", "quality": "quality.csv"}
    return {name: [str(folder / file)] for name, file in files.items()}
