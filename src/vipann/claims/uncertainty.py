"""Claims on uncertainty: Figures 1 to 11. The paper prints no number of them."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from vipann.claims.accuracy import BAYESIAN, TRANSFERRED, markedly_above_scratch
from vipann.claims.evidence import Model, RunView, View, named
from vipann.claims.judgement import (
    FAILS,
    HOLDS,
    UNJUDGED,
    Case,
    Claim,
    Judgement,
    Unjudged,
    by_test,
    every,
)
from vipann.claims.testing import Test, all_of, any_of, over_folds, over_random_orders
from vipann.evaluation.interval import interval_of, interval_words
from vipann.evaluation.retention import RANDOM
from vipann.papers.vi_pann.printed import STRATEGY_NAMES

KINDS = ("total", "epistemic", "aleatoric")
WORDS = {"total": "entropy", "epistemic": "epistemic", "aleatoric": "aleatoric"}
# Rank correlation of score and discarded fraction from which a curve counts as rising.
RISING = 0.8
# Cohen 1988: standardized differences of means.
SMALL, MEDIUM = 0.2, 0.5
BROADER = 1.5
HALF = 0.5
ONE_NETWORK = "no test: one network, whose replications tell the sampling's noise alone"

Key = tuple[Model, str]  # a model and one of its uncertainties


def rising(view: View, key: Key) -> Case:
    """Whether discarding uncertain clips helps: see WELL_CALIBRATED."""
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
    label = f"{named(model)} {WORDS[kind]}:"
    return Case(label, bool(gains.mean() > least and rank >= RISING), numbers, test)


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


def _keys(strategies: tuple[str, ...], phases: tuple[str, ...]) -> list[Key]:
    return [
        ((strategy, phase), kind) for strategy, phase, kind in product(strategies, phases, KINDS)
    ]


def well_calibrated_after_transfer(view: View) -> Judgement:
    return every(_keys(BAYESIAN, TRANSFERRED), lambda key: rising(view, key), shown=3)


def flip_well_calibrated(view: View) -> Judgement:
    return every(_keys(("flip",), ("pretrained",)), lambda key: rising(view, key))


def drop_poorly_calibrated(view: View) -> Judgement:
    cases = [rising(view, key) for key in _keys(("drop",), ("pretrained",))]
    numbers = ", ".join(
        f"{case.words}: {'well' if case.holds else 'poorly'} calibrated" for case in cases
    )
    well_in_all = all_of([case.test for case in cases])
    found = by_test(numbers, well_in_all.reversed())
    if found.verdict == FAILS and not all(case.holds for case in cases):
        return replace(found, verdict=UNJUDGED)
    return found


def both_epistemic_calibrated(view: View) -> Judgement:
    keys = [((strategy, "pretrained"), "epistemic") for strategy in ("drop", "flip")]
    return every(keys, lambda key: rising(view, key))


def transferred_with_knowledge(view: View) -> Judgement:
    keys = [((strategy, "finetuned"), "epistemic") for strategy in BAYESIAN]
    parts = [every(keys, lambda key: rising(view, key)), markedly_above_scratch(view)]
    verdicts = [part.verdict for part in parts]
    verdict = next((v for v in (FAILS, UNJUDGED) if v in verdicts), HOLDS)
    return Judgement(
        verdict, "; ".join(part.numbers for part in parts), all_of([p.test for p in parts])
    )


def fixed_crosses_finetuned(view: View) -> Judgement:
    def judge(key: tuple[str, str]) -> Case:
        strategy, kind = key
        fixed, tuned = (view.curves((strategy, phase), kind) for phase in TRANSFERRED)
        ahead = fixed - tuned
        few = ahead.columns <= HALF
        start, later = ahead.iloc[:, -1].mean(), ahead.loc[:, few].mean(axis=1)
        numbers = f"{start:+.3f} with all clips, {later.mean():+.3f} with half of them or fewer"
        tests = [
            over_folds((-ahead.iloc[:, -1]).to_list(), view.training_folds),
            over_folds(later.to_list(), view.training_folds),
        ]
        label = f"{STRATEGY_NAMES[strategy]} {WORDS[kind]}:"
        return Case(label, bool(start < 0 < later.mean()), numbers, all_of(tests))

    return every(list(product(BAYESIAN, KINDS)), judge, shown=3)


def finetuning_may_harm_calibration(view: View) -> Judgement:
    numbers, tests = [], []
    for strategy in BAYESIAN:
        models = (strategy, "finetuned"), (strategy, "fixed")
        tuned, fixed = (view.score(model, "ece_pooled") for model in models)
        # Networks that are equally well calibrated differ in ECE where they differ in sharpness.
        tests.append(view.exceeds(*models, metric="ece_excess"))
        numbers.append(f"{STRATEGY_NAMES[strategy]} ECE {fixed:.3f} to {tuned:.3f}")
    return by_test(", ".join(numbers), any_of(tests))


def det_without_epistemic(view: View) -> Judgement:
    def judge(phase: str) -> Case:
        value = view.score(("det", phase), "mean_epistemic")
        return Case(named(("det", phase)), value < 1e-6, f"{value:.1g} nats")

    return every(TRANSFERRED, judge)


def distance(view: View, key: Key) -> float:
    """Cohen's d of out-of-distribution against own clips, the mean over folds."""
    found = []
    for inside, outside in view.clips(*key).values():
        spread = np.sqrt((inside.var(ddof=1) + outside.var(ddof=1)) / 2)
        found.append((outside.mean() - inside.mean()) / spread if spread > 0 else 0.0)
    return float(np.mean(found))


def _means(view: View, key: Key) -> str:
    pairs = [(inside.mean(), outside.mean()) for inside, outside in view.clips(*key).values()]
    inside, outside = np.mean(pairs, axis=0)
    return f"{inside:.3g} to {outside:.3g} nats"


def _shifted(view: View, key: Key, low: float, high: float = np.inf) -> Case:
    d = distance(view, key)
    numbers = f"{_means(view, key)}, d = {d:.2f}"
    return Case(f"{named(key[0])} {WORDS[key[1]]}:", low < d < high, numbers, view.shift(*key))


def notable_increase(view: View) -> Judgement:
    return every(_keys(BAYESIAN, ("finetuned",)), lambda key: _shifted(view, key, MEDIUM), shown=9)


def subtle_increase(view: View) -> Judgement:
    def judge(key: Key) -> Case:
        case = _shifted(view, key, 0.0, MEDIUM)
        limits = [case.test, view.shift_below(*key, deviations=MEDIUM)]
        return replace(case, test=all_of(limits))

    return every([(("flip", "pretrained"), kind) for kind in ("total", "aleatoric")], judge)


def consistent_epistemic(view: View) -> Judgement:
    key = (("flip", "pretrained"), "epistemic")
    d = distance(view, key)
    numbers = f"{_means(view, key)}, d = {d:.2f}"
    test = view.shift_below(*key, deviations=SMALL)
    return Judgement(HOLDS if abs(d) < SMALL else FAILS, numbers, test)


def _spread(values: np.ndarray) -> float:
    return float(np.subtract(*np.quantile(values, [0.75, 0.25])))


def spread_case(view: View, key: Key, holds: Callable[[float], bool]) -> Case:
    """Interquartile ranges, mean over folds; `holds` judges outside / inside."""
    ranges = [(_spread(inside), _spread(outside)) for inside, outside in view.clips(*key).values()]
    inside, outside = np.mean(ranges, axis=0)
    ratio = outside / inside if inside > 0 else np.inf
    test = view.wider(*key)
    test = test if holds(np.inf) else test.reversed()
    label = f"{named(key[0])} {WORDS[key[1]]}:"
    return Case(label, bool(holds(ratio)), f"{inside:.3g} to {outside:.3g} nats", test)


def broader(view: View) -> Judgement:
    def judge(key: Key) -> Case:
        return spread_case(view, key, lambda ratio: ratio >= BROADER)

    return every(_keys(BAYESIAN, ("finetuned",)), judge, shown=9)


def tighter(view: View) -> Judgement:
    def judge(key: Key) -> Case:
        return spread_case(view, key, lambda ratio: ratio < 1.0)

    return every(_keys(("flip",), ("pretrained",)), judge)


WELL_CALIBRATED = (
    "the retention curve's mean over the retained fractions is above its value with all clips "
    "(the gain), and its rank correlation (Spearman) with the discarded fraction, down to where no "
    "error is left, is 0.8 or more; tested is the gain. A curve of mAP, which rises by itself, is "
    "held against that of clips in random order: gain and rank correlation are those beyond it."
)

CLAIMS = (
    Claim(
        "flip_well_calibrated",
        "4.2, 5",
        "Our Flipout VI-PANN demonstrates well-calibrated uncertainty across all three measures.",
        "upstream",
        f"Flip, each uncertainty: {WELL_CALIBRATED}",
        flip_well_calibrated,
    ),
    Claim(
        "drop_poorly_calibrated",
        "4.2",
        "In contrast, the MC dropout VI-PANN exhibits poor calibration.",
        "upstream",
        "Drop is not well calibrated, in the sense of the claim on Flip, in at least one of the "
        "three uncertainties: by test, that a gain is below that of clips in random order (p < "
        "0.05, before Holm). Does not hold where it is well calibrated in each, by test too.",
        drop_poorly_calibrated,
    ),
    Claim(
        "both_epistemic_calibrated",
        "1",
        "[MC dropout and Flipout enhance] the model by providing access to calibrated epistemic "
        "(model) uncertainty information.",
        "upstream",
        f"Drop and Flip, epistemic: {WELL_CALIBRATED} Section 4.2 says otherwise of Drop.",
        both_epistemic_calibrated,
    ),
    Claim(
        "subtle_increase_upstream",
        "4.2",
        "[On ShipsEar] we observe a subtle increase in both average entropy and aleatoric "
        "uncertainty when compared to the AudioSet test set.",
        "upstream",
        "Flip: the mean over out-of-distribution clips is above that over test clips, by less than "
        "half a standard deviation (Cohen's d); both limits are tested.",
        subtle_increase,
    ),
    Claim(
        "consistent_epistemic_upstream",
        "4.2",
        "The average epistemic uncertainty remains consistent across both datasets.",
        "upstream",
        "Flip: the means differ by less than 0.2 standard deviations (Cohen's d); tested as "
        "equivalence.",
        consistent_epistemic,
    ),
    Claim(
        "tighter_upstream",
        "4.2",
        "The plots reveal a tighter distribution of uncertainty on the ShipsEar dataset in "
        "contrast to the AudioSet dataset.",
        "upstream",
        "Flip: a smaller interquartile range out of distribution, in each uncertainty.",
        tighter,
    ),
    Claim(
        "well_calibrated_after_transfer",
        "4.3",
        "When fixing the features of the base model and after fine-tuning, all three variants of "
        "our VI-PANNs result in well-calibrated models.",
        "transfer",
        f"Each Bayesian variant, phase and uncertainty: {WELL_CALIBRATED}",
        well_calibrated_after_transfer,
    ),
    Claim(
        "transferred_with_knowledge",
        "abstract, 1",
        "It is possible to transfer calibrated uncertainty information along with knowledge from "
        "upstream tasks to enhance a model's capability to perform downstream tasks.",
        "transfer",
        "Each Bayesian variant fine-tuned: epistemic uncertainty well calibrated as above, and "
        "accuracy 0.05 or more above scratch.",
        transferred_with_knowledge,
    ),
    Claim(
        "fixed_crosses_finetuned",
        "4.3",
        "In each of the UrbanSound8k calibration plots, the curve of the TL model learned from "
        "fixed-features starts at a lower accuracy and crosses over that of the TL model "
        "fine-tuned.",
        "transfer",
        "Each Bayesian variant and uncertainty: fixed is below fine-tuned with all clips, and "
        "above it on average over retained fractions up to one half.",
        fixed_crosses_finetuned,
        about=("UrbanSound8K",),
    ),
    Claim(
        "finetuning_may_harm_calibration",
        "4.3",
        "Fine-tuning may have an adverse effect on model calibration.",
        "transfer",
        "The ECE beyond what chance gives a calibrated network of the same confidences, mean over "
        "folds, is higher fine-tuned than fixed in at least one Bayesian variant: by test (p < "
        "0.05, before Holm), as does its contrary. The numbers are the ECE of the clips of all "
        "folds together.",
        finetuning_may_harm_calibration,
    ),
    Claim(
        "det_without_epistemic",
        "4.3",
        "[The Det PANN] lacks the capability to provide access to epistemic uncertainty.",
        "transfer",
        "Det's mean epistemic uncertainty is 0: so by construction.",
        det_without_epistemic,
    ),
    Claim(
        "notable_increase_after_transfer",
        "4.3",
        "Assessed on ShipsEar, all three model variants exhibit a notable increase in average "
        "entropy, epistemic uncertainty, and aleatoric uncertainty compared to the TL dataset.",
        "transfer",
        "Fine-tuned, each Bayesian variant and uncertainty: the mean out of distribution is higher "
        "by more than half a standard deviation (Cohen's d); tested is a rise.",
        notable_increase,
    ),
    Claim(
        "broader_after_transfer",
        "4.3",
        "The plots illustrate a considerably broader distribution of uncertainty compared to the "
        "TL datasets.",
        "transfer",
        "Fine-tuned, each Bayesian variant and uncertainty: the interquartile range out of "
        "distribution is at least 1.5 times that of own clips; tested is the distance from the "
        "median.",
        broader,
    ),
)
