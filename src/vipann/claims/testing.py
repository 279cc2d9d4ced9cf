"""Tests of significance for claims, and what each can say."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from vipann.evaluation.resampling import LEAST_RECORDINGS

# Below this a p says more of the test's assumptions than of the data.
LEAST_P = 1e-6


@dataclass(frozen=True)
class Test:
    """p: of the null hypothesis that the claim's inequality is wrong, None where none can be made;
    method: how it was tested, or why not; contrary: p of the hypothesis that it is right."""

    p: float | None
    method: str
    contrary: float | None = None

    __test__ = False  # not pytest's

    @property
    def p_text(self) -> str:
        """ "p = 0.034", "" without one."""
        return "" if self.p is None else format_p(self.p)

    def reversed(self) -> "Test":
        """The test of the contrary, by which a claim is refuted."""
        return Test(self.contrary, self.method, self.p)


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
        return Test(None, "no test: one fold or network")
    if np.ptp(values) < 1e-12:
        p, contrary = (
            float(stats.binomtest(int(hits.sum()), count, alternative="greater").pvalue)
            for hits in (values > margin, values < margin)
        )
        return Test(p, f"sign test over {count} folds", contrary)
    error = np.sqrt(values.var(ddof=1) * (1 / count + 1 / training_folds))
    t = (values.mean() - margin) / error
    p, contrary = (float(tail(t, count - 1)) for tail in (stats.t.sf, stats.t.cdf))
    return Test(p, f"corrected paired t over {count} folds", contrary)


def over_seeds(better: pd.Series, worse: pd.Series, margin: float = 0.0) -> Test:
    """One-sided t test that better scores more than `margin` above worse: paired where both have
    the same seeds, else Welch's. It says how far the chance of training goes, with these clips."""
    if min(len(better), len(worse)) < 2:
        return Test(None, "no test: one network or ensemble")
    if set(better.index) == set(worse.index):
        found = (better - worse - margin).to_numpy()
        if np.ptp(found) == 0:
            return Test(None, "no test: the same difference in all seeds")
        results = [stats.ttest_1samp(found, 0, alternative=side) for side in ("greater", "less")]
        return Test(results[0].pvalue, f"paired t over {len(found)} seeds", results[1].pvalue)
    sides = ("greater", "less")
    pair = better - margin, worse
    results = [stats.ttest_ind(*pair, equal_var=False, alternative=side) for side in sides]
    method = f"Welch t over {len(better)} and {len(worse)} seeds"
    return Test(float(results[0].pvalue), method, float(results[1].pvalue))


def over_recordings(inside: np.ndarray, outside: np.ndarray, margin: float = 0.0) -> Test:
    """One-sided Welch test that mean(outside) - mean(inside) is above `margin`.

    inside, outside: a value each recording, the mean of its clips. Clips of one recording are
    alike: taken for independent, they would differ between equals four to five times as often as
    the level says. None where a side has fewer than `LEAST_RECORDINGS`.
    """
    fewest = min(len(inside), len(outside))
    if fewest < LEAST_RECORDINGS:
        return Test(None, f"no test: {fewest} recordings only")
    p, contrary = (
        float(stats.ttest_ind(outside - margin, inside, equal_var=False, alternative=side).pvalue)
        for side in ("greater", "less")
    )
    return Test(p, f"Welch t over {len(inside)} and {len(outside)} recordings", contrary)


def over_counts(better: float, worse: float, clips: int, margin: float = 0.0) -> Test:
    """One-sided z test that two accuracies, each over `clips` clips, differ by more than `margin`.

    Unpaired, because the print does not say which clips were right: wider than a paired test.
    """
    variance = (better * (1 - better) + worse * (1 - worse)) / clips
    if variance == 0:
        return Test(None, "no test: both accuracies are 0 or 1")
    z = (better - worse - margin) / np.sqrt(variance)
    method = f"unpaired z of two accuracies, {clips} clips"
    return Test(float(stats.norm.sf(z)), method, float(stats.norm.cdf(z)))


def over_count(accuracy: float, clips: int, bound: float) -> Test:
    """One-sided binomial test that an accuracy, of k right of `clips` clips, is above `bound`."""
    right = round(accuracy * clips)
    p, contrary = (
        float(stats.binomtest(right, clips, bound, alternative=side).pvalue)
        for side in ("greater", "less")
    )
    return Test(p, f"binomial test of an accuracy, {clips} clips", contrary)


def over_random_orders(gain: float, by_chance: np.ndarray, clips: int, recordings: int) -> Test:
    """Permutation test that a gain is above those of clips in random orders, one each.

    None where `clips` come of fewer `recordings`: clips of one are alike in their errors and their
    uncertainty, and any order of single clips is another thing. None for a handful of clips either.
    """
    if recordings < clips:
        return Test(None, f"no test: {clips} clips of only {recordings} recordings")
    if recordings < LEAST_RECORDINGS:
        return Test(None, f"no test: {recordings} recordings only")
    count = len(by_chance)
    p, contrary = (
        (1 + int(hits.sum())) / (1 + count) for hits in (by_chance >= gain, by_chance <= gain)
    )
    return Test(p, f"{count} random orders of the clips, one network", contrary)


def wilson(accuracy: float, clips: int) -> tuple[float, float]:
    """95 % interval of an accuracy that is k / clips, by Wilson."""
    found = stats.binomtest(round(accuracy * clips), clips).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def all_of(tests: Sequence[Test]) -> Test:
    """The test that every one of several inequalities is right: the largest p (Berger 1982).

    Its contrary, that one of them is wrong: the smallest contrary p times their number.
    """
    untested = [test for test in tests if test.p is None]
    if untested or not tests:
        return Test(None, untested[0].method if untested else "no test")
    most = max(tests, key=lambda test: test.p or 0.0)
    contraries = [test.contrary for test in tests if test.contrary is not None]
    all_given = len(contraries) == len(tests)
    least = min(1.0, min(contraries) * len(contraries)) if all_given else None
    return Test(most.p, most.method, least)


def any_of(tests: Sequence[Test]) -> Test:
    """The test that one of several inequalities is right: the smallest p times their number.

    Its contrary, that all of them are wrong: the largest contrary p.
    """
    tested = [(test.p, test.method) for test in tests if test.p is not None]
    if not tested:
        return Test(None, tests[0].method if tests else "no test")
    least, method = min(tested, key=lambda one: one[0])
    contraries = [test.contrary for test in tests if test.contrary is not None]
    most = max(contraries) if len(contraries) == len(tests) else None
    method = f"{method}, Bonferroni over {len(tested)}"
    return Test(min(1.0, least * len(tested)), method, most)


def holm(p_values: Sequence[float | None]) -> np.ndarray:
    """p-values adjusted by Holm 1979 for the number of them; None becomes NaN, uncounted."""
    given = np.array(p_values, dtype=np.float64)
    order = np.argsort(given)[: np.count_nonzero(~np.isnan(given))]
    adjusted = np.full(len(given), np.nan)
    times = np.arange(len(order), 0, -1)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, given[order] * times))
    return adjusted
