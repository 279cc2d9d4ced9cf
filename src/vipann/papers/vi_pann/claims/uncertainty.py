"""Claims on uncertainty: Figures 1 to 11. The paper prints no number of them.

An uncertainty is well calibrated where discarding the clips that are most uncertain helps (the rule
of `flip_well_calibrated` in claims.csv).
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from vipann.claims.evidence import Model, RunView
from vipann.claims.judgement import (
    FAILS,
    UNJUDGED,
    Case,
    Each,
    Judge,
    Judgement,
    Unjudged,
    both,
    by_test,
)
from vipann.claims.testing import Test, all_of, any_of, over_folds, over_random_orders
from vipann.evaluation.interval import interval_of, interval_words
from vipann.evaluation.retention import RANDOM
from vipann.papers.vi_pann.claims.accuracy import markedly_above_scratch
from vipann.papers.vi_pann.claims.views import BAYESIAN, TRANSFERRED, named
from vipann.papers.vi_pann.printed import STRATEGY_NAMES, UNCERTAINTY_NAMES

# Rank correlation of score and discarded fraction from which a curve counts as rising.
RISING = 0.8
# Cohen 1988: standardized differences of means.
SMALL, MEDIUM = 0.2, 0.5
BROADER = 1.5
HALF = 0.5
ONE_NETWORK = "no test: one network, whose replications show only the sampling's noise"

Key = tuple[Model, str]  # a model and one of its uncertainties


def label(key: Key) -> str:
    return f"{named(key[0])} {UNCERTAINTY_NAMES[key[1]].lower()}:"


def keys(strategies: Sequence[str], phases: Sequence[str]) -> list[Key]:
    return [((s, p), kind) for s, p, kind in product(strategies, phases, UNCERTAINTY_NAMES)]


def rising(view: RunView, key: Key) -> Case:
    """Whether discarding uncertain clips helps."""
    model, kind = key
    curves = view.curves(model, kind)
    mean = curves.mean()
    if np.isclose(mean.iloc[-1], 1.0):
        raise Unjudged(f"{named(model)} makes no mistakes that an uncertainty could find")
    gains = view.by_fold(model, f"retention_gain_{kind}")
    numbers = f"gain {gains.mean():+.3f}"
    least, above, folds = 0.0, mean, view.training_folds
    test = over_folds(gains.to_list(), folds) if folds else Test(None, ONE_NETWORK)
    if (by_chance := view.random_orders(model)) is not None:
        least, above = by_chance.mean(), mean - view.curves(model, RANDOM).mean()
        numbers += f"{_over_replications(view, key)}, in random order {least:+.3f}"
        test = over_random_orders(gains.mean(), by_chance, *view.own_counts(model))
    rank = _rank_correlation(above, np.isclose(mean, 1.0))
    numbers += f", rank correlation {rank:.2f}"
    return Case(label(key), bool(gains.mean() > least and rank >= RISING), numbers, test)


def _rank_correlation(curve: pd.Series, errorless: np.ndarray) -> float:
    """Spearman's, of a curve over retained fractions and the discarded fraction; 0 if constant.

    Without an error left, a curve has nowhere to rise: of a run of such points the first counts.
    """
    counted = curve[~(errorless & np.append(errorless[1:], False))]
    rank = stats.spearmanr(1.0 - counted.index.to_numpy(), counted.to_numpy()).statistic
    return 0.0 if np.isnan(rank) else float(rank)


def _over_replications(view: RunView, key: Key) -> str:
    """The interval of the gain over replications, in words; "" where there is one replication."""
    gains = view.gains(*key).mean()
    if len(gains) < 2:
        return ""
    low, high = interval_of(gains, view.interval)
    return f" ({interval_words(len(gains), view.interval)}: {low:+.3f} to {high:+.3f})"


def drop_poorly_calibrated(view: RunView) -> Judgement:
    cases = [rising(view, key) for key in keys(["drop"], ["pretrained"])]
    numbers = ", ".join(
        f"{case.text}: {'well' if case.holds else 'poorly'} calibrated" for case in cases
    )
    well_in_all = all_of([case.test for case in cases])
    found = by_test(numbers, well_in_all.reversed())
    if found.verdict == FAILS and not all(case.holds for case in cases):
        return replace(found, verdict=UNJUDGED)
    return found


def crosses(view: RunView, key: tuple[str, str]) -> Case:
    """Whether a strategy's fixed curve starts below its fine-tuned one and ends above it."""
    strategy, kind = key
    fixed, tuned = (view.curves((strategy, phase), kind) for phase in TRANSFERRED)
    ahead = fixed - tuned
    few = ahead.columns <= HALF
    start, later = ahead.iloc[:, -1].mean(), ahead.loc[:, few].mean(axis=1)
    numbers = f"{start:+.3f} with all clips, {later.mean():+.3f} with half of them or fewer"
    differences = (-ahead.iloc[:, -1], later)
    test = all_of([over_folds(one.to_list(), view.training_folds) for one in differences])
    name = f"{STRATEGY_NAMES[strategy]} {UNCERTAINTY_NAMES[kind].lower()}:"
    return Case(name, bool(start < 0 < later.mean()), numbers, test)


def finetuning_may_harm_calibration(view: RunView) -> Judgement:
    numbers, tests = [], []
    for strategy in BAYESIAN:
        models = (strategy, "finetuned"), (strategy, "fixed")
        tuned, fixed = (view.score(model, "ece_pooled") for model in models)
        # Networks that are equally well calibrated differ in ECE where they differ in sharpness.
        tests.append(view.exceeds(*models, metric="ece_excess"))
        numbers.append(f"{STRATEGY_NAMES[strategy]} ECE {fixed:.3f} to {tuned:.3f}")
    return by_test(", ".join(numbers), any_of(tests))


def zero(view: RunView, phase: str) -> Case:
    value = view.score(("det", phase), "mean_epistemic")
    return Case(named(("det", phase)), value < 1e-6, f"{value:.1g} nats")


def distance(view: RunView, key: Key) -> tuple[float, str]:
    """Cohen's d of out-of-distribution against own clips, the mean over folds; it in words."""
    found, means = [], []
    for inside, outside in view.clips(*key).values():
        means.append((inside.mean(), outside.mean()))
        spread = np.sqrt((inside.var(ddof=1) + outside.var(ddof=1)) / 2)
        found.append((outside.mean() - inside.mean()) / spread if spread > 0 else 0.0)
    d, (inside, outside) = float(np.mean(found)), np.mean(means, axis=0)
    return d, f"{inside:.3g} to {outside:.3g} nats, d = {d:.2f}"


def increase(view: RunView, key: Key) -> Case:
    d, numbers = distance(view, key)
    return Case(label(key), d > MEDIUM, numbers, view.shift(*key))


def subtle_increase(view: RunView, key: Key) -> Case:
    d, numbers = distance(view, key)
    limits = [view.shift(*key), view.shift_below(*key, deviations=MEDIUM)]
    return Case(label(key), 0.0 < d < MEDIUM, numbers, all_of(limits))


def consistent(view: RunView, key: Key) -> Case:
    d, numbers = distance(view, key)
    return Case("", abs(d) < SMALL, numbers, view.shift_below(*key, deviations=SMALL))


def spreads(view: RunView, key: Key) -> tuple[float, str]:
    """How many times the interquartile range of own clips that of out-of-distribution clips is, of
    means over folds; the two in words."""
    pairs = [
        [np.subtract(*np.quantile(clips, [0.75, 0.25])) for clips in pair]
        for pair in view.clips(*key).values()
    ]
    inside, outside = np.mean(pairs, axis=0)
    return outside / inside if inside > 0 else np.inf, f"{inside:.3g} to {outside:.3g} nats"


def broader(view: RunView, key: Key) -> Case:
    ratio, numbers = spreads(view, key)
    return Case(label(key), ratio >= BROADER, numbers, view.wider(*key))


def tighter(view: RunView, key: Key) -> Case:
    ratio, numbers = spreads(view, key)
    return Case(label(key), ratio < 1.0, numbers, view.wider(*key).reversed())


_flip = keys(["flip"], ["pretrained"])
_flip_total, _flip_epistemic, _flip_aleatoric = _flip
_drop_epistemic = (("drop", "pretrained"), "epistemic")
_finetuned = keys(BAYESIAN, ["finetuned"])

JUDGES: dict[str, Judge] = {
    "flip_well_calibrated": Each(_flip, rising),
    "drop_poorly_calibrated": drop_poorly_calibrated,
    "both_epistemic_calibrated": Each([_drop_epistemic, _flip_epistemic], rising),
    "subtle_increase_upstream": Each([_flip_total, _flip_aleatoric], subtle_increase),
    "consistent_epistemic_upstream": Each([_flip_epistemic], consistent),
    "tighter_upstream": Each(_flip, tighter),
    "well_calibrated_after_transfer": Each(keys(BAYESIAN, TRANSFERRED), rising, shown=3),
    "transferred_with_knowledge": both(
        Each([key for key in _finetuned if key[1] == "epistemic"], rising), markedly_above_scratch
    ),
    "fixed_crosses_finetuned": Each(list(product(BAYESIAN, UNCERTAINTY_NAMES)), crosses, shown=3),
    "finetuning_may_harm_calibration": finetuning_may_harm_calibration,
    "det_without_epistemic": Each(TRANSFERRED, zero),
    "notable_increase_after_transfer": Each(_finetuned, increase, shown=9),
    "broader_after_transfer": Each(_finetuned, broader, shown=9),
}
