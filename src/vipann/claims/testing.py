"""Tests of significance for claims, and what each can say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from vipann.evaluation.resampling import LEAST_RECORDINGS

# Of the interval of an effect.
CONFIDENCE = 0.95
# Below this a p says more of the test's assumptions than of the data.
LEAST_P = 1e-6


@dataclass(frozen=True)
class Effect:
    """By how much a number is beyond what a test asks of it, in its own unit: above 0 speaks for
    the claim. low, high: the test's two-sided 95 % interval, None without one."""

    value: float
    low: float | None = None
    high: float | None = None

    def reversed(self) -> "Effect":
        """Of the contrary claim."""
        if self.low is None or self.high is None:
            return Effect(-self.value)
        return Effect(-self.value, -self.high, -self.low)


@dataclass(frozen=True)
class Test:
    """p: of the null hypothesis that the claim's inequality is wrong, None where none can be made;
    method: how it was tested, or why not; contrary: p of the hypothesis that it is right; effect:
    what was tested, None where it is no single number."""

    p: float | None
    method: str
    contrary: float | None = None
    effect: Effect | None = None

    __test__ = False  # not pytest's

    @property
    def p_text(self) -> str:
        """ "p = 0.034", "" without one."""
        return "" if self.p is None else format_p(self.p)

    def reversed(self) -> "Test":
        """The test of the contrary, by which a claim is refuted."""
        return Test(self.contrary, self.method, self.p, self.effect and self.effect.reversed())


def format_p(p: float) -> str:
    """p as it is reported, "p = 0.034"."""
    return f"p = {p:.2g}" if p >= LEAST_P else f"p < {LEAST_P:g}"


def over_folds(differences: Sequence[float], training_folds: int, margin: float = 0.0) -> Test:
    """One-sided paired t test over folds that the mean difference is above `margin`.

    differences: one a fold that was run; training_folds: how many each network was trained on. The
    training sets share clips, so the differences are not independent: the variance of their mean
    is taken as s^2 (1 / k + 1 / training_folds), the latter test over training clips (Nadeau and
    Bengio 2003), which is wider than the plain test's. Where all differences are the same, their
    signs are tested instead.
    """
    values = np.asarray(differences, dtype=np.float64)
    count = len(values)
    if count < 2:
        effect = Effect(float(values[0] - margin)) if count else None
        return Test(None, "no test: one fold or network", effect=effect)
    mean = float(values.mean() - margin)
    if np.ptp(values) < 1e-12:
        p, contrary = (
            float(stats.binomtest(int(hits.sum()), count, alternative="greater").pvalue)
            for hits in (values > margin, values < margin)
        )
        return Test(p, f"sign test over {count} folds", contrary, Effect(mean))
    error = np.sqrt(values.var(ddof=1) * (1 / count + 1 / training_folds))
    p, contrary = (float(tail(mean / error, count - 1)) for tail in (stats.t.sf, stats.t.cdf))
    effect = _around(mean, error * stats.t.ppf((1 + CONFIDENCE) / 2, count - 1))
    return Test(p, f"corrected paired t over {count} folds", contrary, effect)


def over_seeds(better: pd.Series, worse: pd.Series, margin: float = 0.0) -> Test:
    """One-sided t test that better scores more than `margin` above worse: paired where both have
    the same seeds, else Welch's. It says how far the chance of training goes, with these clips."""
    difference = float(better.mean() - worse.mean() - margin)
    if min(len(better), len(worse)) < 2:
        effect = None if np.isnan(difference) else Effect(difference)
        return Test(None, "no test: one network or ensemble", effect=effect)
    if set(better.index) == set(worse.index):
        found = (better - worse - margin).to_numpy()
        if np.ptp(found) == 0:
            effect = Effect(difference)
            return Test(None, "no test: the same difference in all seeds", effect=effect)
        paired = partial(stats.ttest_1samp, found, 0)
        return _of_scipy(paired, difference, f"paired t over {len(found)} seeds")
    welch = partial(stats.ttest_ind, better - margin, worse, equal_var=False)
    return _of_scipy(welch, difference, f"Welch t over {len(better)} and {len(worse)} seeds")


def over_recordings(inside: np.ndarray, outside: np.ndarray, margin: float = 0.0) -> Test:
    """One-sided Welch test that mean(outside) - mean(inside) is above `margin`.

    inside, outside: a value each recording, the mean of its clips. Clips of one recording are
    alike: taken for independent, they would differ between equals four to five times as often as
    the level says. None where a side has fewer than `LEAST_RECORDINGS`.
    """
    fewest = min(len(inside), len(outside))
    if fewest < LEAST_RECORDINGS:
        effect = Effect(float(outside.mean() - inside.mean() - margin)) if fewest else None
        return Test(None, f"no test: {fewest} recordings only", effect=effect)
    shifted = outside - margin
    welch = partial(stats.ttest_ind, shifted, inside, equal_var=False)
    method = f"Welch t over {len(inside)} and {len(outside)} recordings"
    return _of_scipy(welch, float(shifted.mean() - inside.mean()), method)


def over_counts(better: float, worse: float, clips: int, margin: float = 0.0) -> Test:
    """One-sided z test that two accuracies, each over `clips` clips, differ by more than `margin`.

    Unpaired, because the print does not say which clips were right: wider than a paired test.
    """
    variance = (better * (1 - better) + worse * (1 - worse)) / clips
    difference = better - worse - margin
    if variance == 0:
        return Test(None, "no test: both accuracies are 0 or 1", effect=Effect(difference))
    z = difference / np.sqrt(variance)
    effect = _around(difference, np.sqrt(variance) * stats.norm.ppf((1 + CONFIDENCE) / 2))
    method = f"unpaired z of two accuracies, {clips} clips"
    return Test(float(stats.norm.sf(z)), method, float(stats.norm.cdf(z)), effect)


def over_count(accuracy: float, clips: int, bound: float) -> Test:
    """One-sided binomial test that an accuracy, of k right of `clips` clips, is above `bound`."""
    right = round(accuracy * clips)
    p, contrary = (
        float(stats.binomtest(right, clips, bound, alternative=side).pvalue)
        for side in ("greater", "less")
    )
    low, high = wilson(accuracy, clips)
    effect = Effect(accuracy - bound, low - bound, high - bound)
    return Test(p, f"binomial test of an accuracy, {clips} clips", contrary, effect)


def over_random_orders(gain: float, by_chance: np.ndarray, clips: int, recordings: int) -> Test:
    """Permutation test that a gain is above those of clips in random orders, one each.

    None where `clips` come of fewer `recordings`: clips of one are alike in their errors and their
    uncertainty, and any order of single clips is another thing. None for a handful of clips either.
    The effect is the gain beyond the mean of random orders, its interval what these scatter by.
    """
    if recordings < clips:
        return Test(None, f"no test: {clips} clips of only {recordings} recordings")
    if recordings < LEAST_RECORDINGS:
        return Test(None, f"no test: {recordings} recordings only")
    count = len(by_chance)
    p, contrary = (
        (1 + int(hits.sum())) / (1 + count) for hits in (by_chance >= gain, by_chance <= gain)
    )
    tails = (1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2
    low, high = (float(gain - np.quantile(by_chance, tail)) for tail in tails)
    effect = Effect(float(gain - by_chance.mean()), low, high)
    return Test(p, f"{count} random orders of the clips, one network", contrary, effect)


def _extreme(tests: Sequence[Test], least_or_most: Callable) -> Effect | None:
    """The smallest or greatest effect, where every test has one."""
    effects = [test.effect for test in tests if test.effect]
    has_all = bool(tests) and len(effects) == len(tests)
    return least_or_most(effects, key=lambda effect: effect.value) if has_all else None


def _around(value: float, half: float) -> Effect:
    return Effect(value, value - float(half), value + float(half))


def _of_scipy(test: Callable[..., Any], value: float, method: str) -> Test:
    """Both one-sided p of a t test of scipy's, and its effect `value` with the two-sided interval.

    test: takes `alternative`."""
    p, contrary = (float(test(alternative=side).pvalue) for side in ("greater", "less"))
    low, high = test().confidence_interval(CONFIDENCE)
    return Test(p, method, contrary, Effect(value, float(low), float(high)))


def wilson(accuracy: float, clips: int) -> tuple[float, float]:
    """95 % interval of an accuracy that is k / clips, by Wilson."""
    found = stats.binomtest(round(accuracy * clips), clips).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def all_of(tests: Sequence[Test]) -> Test:
    """The test that every one of several inequalities is right: the largest p (Berger 1982), and
    the effect of that one.

    Its contrary, that one of them is wrong: the smallest contrary p times their number.
    """
    if not tests:
        return Test(None, "no test")
    if untested := [test for test in tests if test.p is None]:
        return Test(None, untested[0].method, effect=_extreme(tests, min))
    most = max(tests, key=lambda test: test.p or 0.0)
    contraries = [test.contrary for test in tests if test.contrary is not None]
    all_given = len(contraries) == len(tests)
    least = min(1.0, min(contraries) * len(contraries)) if all_given else None
    return Test(most.p, most.method, least, most.effect)


def any_of(tests: Sequence[Test]) -> Test:
    """The test that one of several inequalities is right: the smallest p times their number, and
    the effect of that one.

    Its contrary, that all of them are wrong: the largest contrary p.
    """
    tested = [test for test in tests if test.p is not None]
    if not tested:
        return Test(None, tests[0].method if tests else "no test", effect=_extreme(tests, max))
    best = min(tested, key=lambda test: test.p or 0.0)
    contraries = [test.contrary for test in tests if test.contrary is not None]
    most = max(contraries) if len(contraries) == len(tests) else None
    method = f"{best.method}, Bonferroni over {len(tested)}"
    return Test(min(1.0, (best.p or 0.0) * len(tested)), method, most, best.effect)


def holm(p_values: Sequence[float | None]) -> np.ndarray:
    """p-values adjusted by Holm 1979 for the number of them; None becomes NaN, uncounted."""
    given = np.array(p_values, dtype=np.float64)
    order = np.argsort(given)[: np.count_nonzero(~np.isnan(given))]
    adjusted = np.full(len(given), np.nan)
    times = np.arange(len(order), 0, -1)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, given[order] * times))
    return adjusted
