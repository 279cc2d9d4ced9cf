"""What judging a claim gives, and the judges that claims share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vipann.claims.counting import LEVEL
from vipann.claims.testing import Test, all_of

HOLDS = "holds"
FAILS = "does not hold"
UNJUDGED = "cannot be judged"
# What several claims do.
_MANY = {HOLDS: "hold", FAILS: "do not hold"}

# A difference of printed numbers is exact to far more than this, and no further.
TIE = 1e-9


def counted(verdict: str, count: int) -> str:
    """ "1 holds", "4 hold", "0 do not hold", "12 cannot be judged"."""
    return f"{count} {verdict if count == 1 else _MANY.get(verdict, verdict)}"


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
        return replace(contrary, method=f"of the contrary: {contrary.method}")


# From a view (`vipann.claims.evidence`, or a paper's own) to a judgement; may raise Unjudged.
Judge = Callable[[Any], Judgement]


@dataclass(frozen=True)
class Case:
    """One of the comparisons that a claim makes."""

    label: str
    holds: bool
    numbers: str
    test: Test = NOTHING_TESTED

    @property
    def text(self) -> str:
        return f"{self.label} {self.numbers}".strip()


@dataclass(frozen=True)
class Each:
    """The judge of a claim that holds where the case of each item does.

    One that fails is enough to refute it, whatever is missing; with none failing and some missing
    it cannot be judged. case: from a view and an item to a Case. At most `shown` cases are
    reported: those that fail, else all, in the order of items.
    """

    items: Sequence[Any]
    case: Callable[[Any, Any], Case]
    shown: int = 4

    def __call__(self, view: Any) -> Judgement:
        cases, missing = [], []
        for item in self.items:
            try:
                cases.append(self.case(view, item))
            except Unjudged as reason:
                missing.append(str(reason))
        failing = [case for case in cases if not case.holds]
        if failing:
            more = f" ({len(failing)} of {len(cases)} fail)" if len(cases) > 1 else ""
            test = all_of([case.test for case in cases])
            return Judgement(FAILS, self._report(failing) + more, test)
        if missing:
            there = f"; right for: {self._report(cases)}" if cases else ""
            return Judgement(UNJUDGED, "; ".join(dict.fromkeys(missing)) + there)
        return Judgement(HOLDS, self._report(cases), all_of([case.test for case in cases]))

    def _report(self, cases: Sequence[Case]) -> str:
        rest = f" and {len(cases) - self.shown} more" if len(cases) > self.shown else ""
        return ", ".join(case.text for case in cases[: self.shown]) + rest


@dataclass(frozen=True)
class Pair:
    """Two networks, each (strategy, phase), of which a claim says that one scores better; text: of
    the scores `better` and `worse`."""

    label: str
    better: tuple[str, str]
    worse: tuple[str, str]
    text: str = "{worse:.3f} to {better:.3f}"


def above(view: Any, pair: Pair, margin: float = 0.0, beyond_chance: bool = False) -> Case:
    """Whether the better network's accuracy is above the worse one's; with a `margin`, by that much
    or more (or, below 0, at most so much below); `beyond_chance`: by test too, before Holm."""
    better, worse = view.score(pair.better), view.score(pair.worse)
    holds = not_below(better - worse, margin) if margin else better - worse > TIE
    test, numbers = view.exceeds(pair.better, pair.worse, margin), pair.text
    if beyond_chance:
        if test.p is None:
            raise Unjudged(test.method)
        holds, numbers = holds and test.p < LEVEL, f"{numbers} ({test.p_text})"
    return Case(pair.label, holds, numbers.format(better=better, worse=worse), test)


def both(*judges: Judge) -> Judge:
    """The judge of a claim of several parts, each of which has to hold."""

    def judge(view: Any) -> Judgement:
        parts = [one(view) for one in judges]
        verdicts = [part.verdict for part in parts]
        verdict = next((v for v in (FAILS, UNJUDGED) if v in verdicts), HOLDS)
        numbers = "; ".join(part.numbers for part in parts)
        return Judgement(verdict, numbers, all_of([part.test for part in parts]))

    return judge


def by_test(numbers: str, test: Test) -> Judgement:
    """Judge a claim that any one of several comparisons bears out: by its test only.

    One of several numbers lies on the claim's side by chance more often than not. So it holds where
    the test shows it (p < 0.05, before Holm), does not hold where the test shows the contrary, and
    between the two, or without a test, it cannot be judged.
    """
    if test.p is not None and test.p < LEVEL:
        return Judgement(HOLDS, numbers, test)
    if test.contrary is not None and test.contrary < LEVEL:
        return Judgement(FAILS, numbers, test)
    return Judgement(UNJUDGED, f"shown neither way: {numbers}", test)


def not_below(value: float, bound: float) -> bool:
    """value >= bound, forgiving the last bits of a difference of printed decimals."""
    return value >= bound - TIE
