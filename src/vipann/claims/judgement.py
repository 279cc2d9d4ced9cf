"""What a claim is, and what judging it gives."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from vipann.claims.counting import LEVEL
from vipann.claims.testing import Test, all_of

HOLDS = "holds"
FAILS = "does not hold"
UNJUDGED = "cannot be judged"

# A difference of printed numbers is exact to far more than this, and no further.
TIE = 1e-9


class Unjudged(Exception):
    """The claim cannot be judged here; the text says what is missing."""


NOTHING_TESTED = Test(None, "")


@dataclass(frozen=True)
class Judgement:
    """verdict: HOLDS, FAILS or UNJUDGED; numbers: those it rests on, or why there is none; test: of
    the claim, whatever the verdict."""

    verdict: str
    numbers: str
    test: Test = NOTHING_TESTED

    @property
    def tested(self) -> Test:
        """The test of the verdict: of the claim, or of its contrary where it does not hold."""
        if self.verdict != FAILS:
            return self.test
        contrary = self.test.reversed()
        if contrary.p is None:
            return contrary
        return replace(contrary, words=f"of the contrary: {contrary.words}")


@dataclass(frozen=True)
class Case:
    """One of the comparisons that a claim makes."""

    label: str
    holds: bool
    numbers: str
    test: Test = NOTHING_TESTED

    @property
    def words(self) -> str:
        return f"{self.label} {self.numbers}".strip()


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper and how it is judged.

    scope: "transfer" and "upstream" claims are judged on each such dataset, "cost" claims on the
    paper's networks, "words" not at all. rule: what is measured, for the reader. judge: from a view
    (`vipann.claims.evidence`) to a Judgement; may raise Unjudged. about: the paper's datasets that
    the sentence names, empty where it names them all.
    """

    key: str
    section: str
    sentence: str
    scope: str
    rule: str
    judge: Callable[[Any], Judgement]
    about: tuple[str, ...] = ()


T = TypeVar("T")


def every(items: Iterable[T], judge: Callable[[T], Case], shown: int = 4) -> Judgement:
    """Holds where each item's case does. One that fails is enough to refute it, whatever is
    missing; with none failing and some missing it cannot be judged.

    At most `shown` cases are told: those that fail, else all, in the order of items.
    """
    cases, missing = _cases(items, judge)
    failing = [case for case in cases if not case.holds]
    if failing:
        more = f" ({len(failing)} of {len(cases)} fail)" if len(cases) > 1 else ""
        return Judgement(FAILS, _told(failing, shown) + more, all_of([c.test for c in cases]))
    if missing:
        there = f"; right for: {_told(cases, shown)}" if cases else ""
        return Judgement(UNJUDGED, "; ".join(dict.fromkeys(missing)) + there)
    return Judgement(HOLDS, _told(cases, shown), all_of([case.test for case in cases]))


def by_test(numbers: str, test: Test) -> Judgement:
    """Judge a claim that any one of several comparisons bears out: by its test alone.

    One of several numbers lies on the claim's side by chance more often than not. So it holds where
    the test shows it (p < 0.05, before Holm), does not hold where the test shows the contrary, and
    between the two, or without a test, it cannot be judged.
    """
    if test.p is not None and test.p < LEVEL:
        return Judgement(HOLDS, numbers, test)
    if test.contrary is not None and test.contrary < LEVEL:
        return Judgement(FAILS, numbers, test)
    return Judgement(UNJUDGED, f"shown neither way: {numbers}", test)


def _cases(items: Iterable[T], judge: Callable[[T], Case]) -> tuple[list[Case], list[str]]:
    cases, missing = [], []
    for item in items:
        try:
            cases.append(judge(item))
        except Unjudged as reason:
            missing.append(str(reason))
    return cases, missing


def _told(cases: list[Case], shown: int) -> str:
    rest = f" and {len(cases) - shown} more" if len(cases) > shown else ""
    return ", ".join(case.words for case in cases[:shown]) + rest


def not_below(value: float, bound: float) -> bool:
    """value >= bound, forgiving the last bits of a difference of printed decimals."""
    return value >= bound - TIE
