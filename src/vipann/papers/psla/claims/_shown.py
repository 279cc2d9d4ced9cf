"""How claims on a better and a worse recipe are judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vipann.claims.judgement import (
    TIE,
    UNJUDGED,
    Case,
    Each,
    Judge,
    Judgement,
    by_test,
)
from vipann.claims.judgement import Unjudged as Unjudged
from vipann.papers.psla.claims.views import Named, PrintView, RunView
from vipann.papers.psla.names import ORIGINAL

View = RunView | PrintView


@dataclass(frozen=True)
class Better:
    """That the first scores above the second, on a label set."""

    label: str
    better: Named
    worse: Named
    label_set: str = ORIGINAL


def case(view: View, pair: Better) -> Case:
    one, other = (
        view.score(names, label_set=pair.label_set) for names in (pair.better, pair.worse)
    )
    test = view.exceeds(pair.better, pair.worse, pair.label_set)
    return Case(pair.label, one - other > TIE, f"{other:.4f} to {one:.4f}", test)


def shown(pairs: Sequence[Better] | Callable[[View], Sequence[Better]]) -> Judge:
    """The judge of a claim on networks of several seeds: by test over seeds, as `by_test`; the
    print by its numbers."""

    def judge(view: View) -> Judgement:
        found = Each(pairs(view) if callable(pairs) else pairs, case)(view)
        if isinstance(view, PrintView) or found.verdict == UNJUDGED:
            return found
        return by_test(found.numbers, found.test)

    return judge


def by_numbers(pairs: Sequence[Better]) -> Judge:
    """The judge of a claim on ensembles, each of which is one."""
    return Each(pairs, case)
