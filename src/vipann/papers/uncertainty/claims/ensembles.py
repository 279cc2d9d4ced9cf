"""What the literature says of ensembles and of the number of samples, judged on a run."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from vipann.claims.evidence import RunView
from vipann.claims.judgement import FAILS, HOLDS, Case, Each, Judge, Judgement, Unjudged
from vipann.claims.testing import all_of
from vipann.evaluation.samples import LEVELS, enough
from vipann.papers.uncertainty.names import PHASE_NAMES, STRATEGY_NAMES
from vipann.papers.uncertainty.numbers import score

STAGES = {"ensembles": "ensembles", "samples": "samples that were kept one by one"}
PHASES = ("pretrained", "fixed", "finetuned")
FLIPOUT = ("flip", "det_flip")
SAMPLED = ("drop", "flip", "det_flip")
# Bounds of ours for "near zero", as a share of the entropy, and for many samples.
NEAR_ZERO = 0.01
MANY = 100
_WHICH = ["strategy", "phase", "fold"]


class SampleView:
    """The curves of one dataset of a run (`vipann.evaluation.samples.curves_of`)."""

    paper_name = None

    def __init__(self, path: str) -> None:
        self.curves = pd.read_parquet(path)
        self.dataset = _dataset(path)


def views(files: Mapping[str, Sequence[str]], settings: Mapping[str, Any]) -> dict[str, list]:
    """By scope; files: `ensembles` and `ensembles_clips` (metrics and uncertainty of the same
    datasets), `samples`."""
    pairs = zip(files.get("ensembles", []), files.get("ensembles_clips", []), strict=True)
    return {
        "ensembles": [_view(*paths, settings) for paths in pairs],
        "samples": [SampleView(path) for path in files.get("samples", [])],
    }


def _view(metrics: str, clips: str, settings: Mapping[str, Any]) -> RunView:
    folds = settings["datasets"][_dataset(metrics)]["training_folds"]
    frames = pd.read_parquet(metrics), pd.DataFrame(), pd.read_parquet(clips)
    return RunView(_dataset(metrics), None, folds, *frames, named=_named)


def _dataset(path: str) -> str:
    return Path(path).name.split(".")[0]


def _named(model: tuple[str, str]) -> str:
    strategy, phase = model
    return f"{STRATEGY_NAMES[strategy]} {PHASE_NAMES[phase].lower()}"


def _phases(view: RunView) -> list[str]:
    """Those in which the run has an ensemble.

    Raises Unjudged where there is none.
    """
    own = set(view.metrics.loc[view.metrics["strategy"] == "ens", "phase"])
    if not own:
        raise Unjudged("this run has no deep ensemble")
    return [phase for phase in PHASES if phase in own]


def _below_det(view: RunView, phase: str, metrics: Sequence[str]) -> Case:
    """Whether each score of the ensemble, of which less is better, is below Det's."""
    ens, det = ("ens", phase), ("det", phase)
    pairs = [(view.score(ens, metric), view.score(det, metric)) for metric in metrics]
    numbers = ", ".join(
        f"{metric.upper()} {score(own)} against Det's {score(other)}"
        for metric, (own, other) in zip(metrics, pairs, strict=True)
    )
    tests = [view.exceeds(det, ens, metric=metric) for metric in metrics]
    holds = all(own < other for own, other in pairs)
    return Case(f"{PHASE_NAMES[phase].lower()}:", holds, numbers, all_of(tests))


def ensembles_lower(*metrics: str) -> Judge:
    def judge(view: RunView) -> Judgement:
        return Each(_phases(view), partial(_below_det, metrics=metrics))(view)

    return judge


def _near_zero(view: RunView, model: tuple[str, str]) -> Case:
    epistemic, total = (view.score(model, f"mean_{kind}") for kind in ("epistemic", "total"))
    share = epistemic / total if total else 0.0
    return Case(_named(model), share < NEAR_ZERO, f"{share:.1%} of the entropy")


def flipout_near_zero(view: RunView) -> Judgement:
    there = set(view.metrics[["strategy", "phase"]].itertuples(index=False, name=None))
    models = [(s, p) for p in PHASES for s in FLIPOUT if (s, p) in there]
    if not models:
        raise Unjudged("this run has no Flipout network")
    return Each(models, _near_zero)(view)


def disentangle_best(view: RunView) -> Judgement:
    """By the rank correlation of the two parts over test clips; the least is best."""
    phase = _phases(view)[-1]
    clips = view.uncertainty
    clips = clips[(clips["scored_dataset"] == clips["dataset"]) & (clips["phase"] == phase)]
    wide = clips.pivot_table(index=[*_WHICH, "clip_id"], columns="uncertainty", values="value")
    found: dict[str, dict[int, float]] = {}
    for (strategy, _, fold), parts in wide.groupby(_WHICH):
        rank = parts["aleatoric"].corr(parts["epistemic"], method="spearman")
        found.setdefault(strategy, {})[fold] = rank
    means = {name: pd.Series(ranks).mean() for name, ranks in found.items()}
    means = {name: means[name] for name in ("ens", *SAMPLED) if name in means}
    if len(means) < 2:
        raise Unjudged("this run has nothing to hold the ensemble against")
    text = ", ".join(f"{STRATEGY_NAMES[name]} {rank:.2f}" for name, rank in means.items())
    verdict = HOLDS if min(means, key=means.__getitem__) == "ens" else FAILS
    return Judgement(verdict, f"{PHASE_NAMES[phase].lower()}, rank correlation {text}")


def more_than_many(view: SampleView) -> Judgement:
    """Of Flipout networks, by the ranking of clips by the epistemic uncertainty."""
    curves = view.curves[view.curves["uncertainty"] == "epistemic"]
    curves = curves[curves["strategy"].isin(FLIPOUT)]
    if curves.empty:
        raise Unjudged("this run has kept no samples of a Flipout network")
    if curves["mc_samples"].max() <= MANY:
        raise Unjudged(f"no more than {curves['mc_samples'].max()} samples were kept")
    found = {name: enough(own, LEVELS[1]) for name, own in curves.groupby("strategy")}
    text = ", ".join(f"{STRATEGY_NAMES[name]} {number}" for name, number in found.items())
    return Judgement(HOLDS if min(found.values()) > MANY else FAILS, f"enough are {text}")


JUDGES: dict[str, Judge] = {
    "ensembles_calibrated": ensembles_lower("nll", "brier"),
    "flipout_near_zero": flipout_near_zero,
    "ensembles_disentangle_best": disentangle_best,
    "more_than_100_samples": more_than_many,
}
