"""Frames of a run with planted scores, as the result files hold them."""

import numpy as np
import pandas as pd

from vipann.claims.evidence import RunView
from vipann.evaluation.metrics import METRIC_COLUMNS
from vipann.evaluation.retention import RETENTION_COLUMNS, UNCERTAINTY_COLUMNS
from vipann.papers.vi_pann.claims import PAPER

STRATEGIES = ("det", "drop", "det_flip", "flip")
BAYESIAN = ("drop", "det_flip", "flip")
KINDS = ("total", "epistemic", "aleatoric")
FRACTIONS = np.arange(1, 21) / 20
# Differences over folds that no test mistakes for certain, and that average to nothing.
NOISE = (-0.002, 0.001, 0.003, -0.001, -0.001)


def rising(gain=0.1, full=0.8):
    """A retention curve over FRACTIONS whose mean is `gain` above its end."""
    return full + gain * (1 - FRACTIONS) / np.mean(1 - FRACTIONS)


def frames(phases, scores, curves, clips, folds=(1, 2, 3, 4, 5), extra=()):
    """scores: (strategy, phase) -> score; curves: (strategy, phase, kind) -> array over FRACTIONS;
    clips: (strategy, phase, kind) -> (own, outside) arrays; extra: more metrics rows as
    (strategy, phase, metric, value), each with the folds' noise."""
    rows = []
    name = "mAP" if phases == ("pretrained",) else "accuracy"
    every = [(*model, name, value) for model, value in scores.items()] + list(extra)
    for (strategy, phase, kind), curve in curves.items():
        every.append((strategy, phase, f"retention_gain_{kind}", np.mean(curve) - curve[-1]))
    for place, fold in enumerate(folds):
        for number, (strategy, phase, metric, value) in enumerate(every):
            # Each row its own noise: paired differences vary.
            noise = NOISE[(place * (1 + number % 4) + number) % 5] if len(folds) > 1 else 0.0
            for replication in (0, 1):
                shown = value + noise + 1e-4 * replication
                rows.append(("own", "own", strategy, phase, fold, replication, metric, shown))
    metrics = pd.DataFrame(rows, columns=METRIC_COLUMNS)
    retention = pd.DataFrame(
        [
            ("own", strategy, phase, fold, kind, 0, fraction, name, value + NOISE[place % 5])
            for (strategy, phase, kind), curve in curves.items()
            for place, fold in enumerate(folds)
            for fraction, value in zip(FRACTIONS, curve, strict=True)
        ],
        columns=RETENTION_COLUMNS,
    )
    uncertainty = pd.DataFrame(
        [
            (
                *("own", scored, strategy, phase, fold),
                *(f"{scored}{i}", f"{scored}{i}", kind),
                value + NOISE[place % 5],
            )
            for (strategy, phase, kind), pair in clips.items()
            for place, fold in enumerate(folds)
            for scored, values in zip(("own", "ships"), pair, strict=True)
            for i, value in enumerate(values)
        ],
        columns=UNCERTAINTY_COLUMNS,
    )
    return metrics, retention, uncertainty


def transfer_run(scores=None, curves=None, clips=None, extra=None, paper_name=None, **drop):
    """A run in which the paper's claims on transfer hold; arguments change single entries.

    drop: `without=(strategy, phase)` leaves a model out altogether.
    """
    all_scores = {("flip", "scratch"): 0.6}
    for strategy in STRATEGIES:
        best = 0.005 if strategy == "det" else 0.0
        all_scores[strategy, "fixed"] = 0.94 + best
        all_scores[strategy, "finetuned"] = 0.965 + best
        all_scores.setdefault((strategy, "scratch"), 0.75)
    all_curves, all_clips = {}, {}
    for strategy in BAYESIAN:
        for kind in KINDS:
            all_curves[strategy, "finetuned", kind] = rising(0.015, 0.965)
            all_curves[strategy, "fixed", kind] = rising(0.045, 0.94)
            all_clips[strategy, "finetuned", kind] = (
                np.linspace(0.1, 0.2, 30),
                np.linspace(0.3, 0.8, 20),
            )
    all_extra = {
        **{(s, "fixed", "ece_excess"): 0.05 for s in BAYESIAN},
        **{(s, "finetuned", "ece_excess"): 0.08 for s in BAYESIAN},
        **{(s, "fixed", "ece_pooled"): 0.03 for s in BAYESIAN},
        **{(s, "finetuned", "ece_pooled"): 0.06 for s in BAYESIAN},
        **{("det", phase, "mean_epistemic"): None for phase in ("fixed", "finetuned")},
    }
    for mine, given in ((all_scores, scores), (all_curves, curves), (all_clips, clips)):
        mine.update(given or {})
    all_extra.update(extra or {})
    absent = drop.get("without")
    if absent:
        for mine in (all_scores, all_curves, all_clips, all_extra):
            for key in [key for key in mine if key[:2] == absent]:
                del mine[key]
    planted = [(*key, value) for key, value in all_extra.items() if value is not None]
    metrics, retention, uncertainty = frames(
        ("fixed", "finetuned", "scratch"), all_scores, all_curves, all_clips, extra=planted
    )
    # Det's epistemic uncertainty is exactly zero, without the folds' noise.
    zero = [k for k, value in all_extra.items() if value is None]
    more = [("own", "own", *key[:2], f, 0, key[2], 0.0) for key in zero for f in range(1, 6)]
    metrics = pd.concat([metrics, pd.DataFrame(more, columns=metrics.columns)])
    return RunView("own", paper_name, 4, metrics, retention, uncertainty, named=PAPER.named)


def upstream_run(scores=None, curves=None, clips=None, paper_name=None, strategies=None):
    """A run in which the paper's claims on pre-training hold; arguments change single entries."""
    rng = np.random.default_rng(0)
    own = rng.normal(3.0, 1.0, 400)
    all_scores = {(s, "pretrained"): 0.42 for s in ("det", "drop", "flip")}
    all_curves = {("flip", "pretrained", kind): rising(0.1, 0.4) for kind in KINDS}
    all_curves |= {("drop", "pretrained", kind): rising(0.1, 0.4) for kind in KINDS}
    all_curves["drop", "pretrained", "total"] = rising(-0.1, 0.4)
    all_clips = {("flip", "pretrained", k): (own, 3.3 + (own - 3) / 2) for k in KINDS}
    all_clips |= {("drop", "pretrained", k): (own, own[:40]) for k in KINDS}
    all_clips["flip", "pretrained", "epistemic"] = (own, 3.0 + (own - 3.0) / 2)
    for mine, given in ((all_scores, scores), (all_curves, curves), (all_clips, clips)):
        mine.update(given or {})
    kept = strategies or ("det", "drop", "flip")
    parts = [
        {key: value for key, value in mine.items() if key[0] in kept}
        for mine in (all_scores, all_curves, all_clips)
    ]
    auc = [(s, "pretrained", "AUC", 0.97) for s in kept]
    metrics, retention, uncertainty = frames(("pretrained",), *parts, folds=(0,), extra=auc)
    by_chance = [random_orders(s) for s in kept]
    metrics = pd.concat([metrics, *(gains for gains, _ in by_chance)])
    retention = pd.concat([retention, *(curve for _, curve in by_chance)])
    return RunView("own", paper_name, 0, metrics, retention, uncertainty, named=PAPER.named)


def random_orders(strategy, gain=0.02, orders=99):
    """Gains of clips in random order, `gain` on average, and the mean of their curves."""
    gains = gain * (0.5 + np.arange(orders) / (orders - 1))
    model = ("own", "own", strategy, "pretrained", 0)
    rows = [(*model, order, "retention_gain_random", value) for order, value in enumerate(gains)]
    curve = [
        ("own", strategy, "pretrained", 0, "random", 0, fraction, "mAP", value)
        for fraction, value in zip(FRACTIONS, rising(gain, 0.4), strict=True)
    ]
    return pd.DataFrame(rows, columns=METRIC_COLUMNS), pd.DataFrame(
        curve, columns=RETENTION_COLUMNS
    )
