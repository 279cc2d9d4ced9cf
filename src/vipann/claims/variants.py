"""Claims that one variant of a run scores above another, and how they are judged: on a run's
networks of several seeds, and on what a paper prints of them.

Both kinds of view have `is_print`, `score` and `exceeds`; that of a print is the paper's own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from vipann.claims.judgement import TIE, UNJUDGED, Case, Each, Judge, Judgement, Unjudged, by_test
from vipann.claims.testing import Test, over_seeds
from vipann.evaluation.score_columns import ORIGINAL
from vipann.evaluation.variant_results import Results

Named = Sequence[str] | str


@dataclass(frozen=True)
class VariantView:
    """The variants of a run on its upstream dataset. paper_name: what a paper calls that, or None;
    named: the config's variants, averages, ensembles, label_sets; sources: the files that the paper
    reads besides."""

    is_print = False

    dataset: str
    paper_name: str | None
    results: Results
    named: Mapping[str, Any]
    sources: Mapping[str, Sequence[str]]

    def by_seed(self, names: Named, metric: str = "mAP", label_set: str = ORIGINAL) -> pd.Series:
        """Seed -> value; an ensemble's seed is 0. Unjudged where the run has none."""
        name = self.results.first_of(names)
        values = self.results.by_seed(name or "", metric, label_set)
        if values.empty:
            wanted = names if isinstance(names, str) else " or ".join(names)
            on = "" if label_set == ORIGINAL else f" on the label set {label_set}"
            raise Unjudged(f"this run has no {wanted}{on}")
        return values

    def score(self, names: Named, metric: str = "mAP", label_set: str = ORIGINAL) -> float:
        """Mean over seeds."""
        return float(self.by_seed(names, metric, label_set).mean())

    def exceeds(
        self, better: Named, worse: Named, metric: str = "mAP", label_set: str = ORIGINAL
    ) -> Test:
        one, other = (self.by_seed(names, metric, label_set) for names in (better, worse))
        return over_seeds(one, other)

    def deviation(self, names: Named) -> float:
        """Standard deviation of mAP over seeds."""
        values = self.by_seed(names)
        if len(values) < 2:
            raise Unjudged("this run has one seed")
        return float(values.std())

    def class_aps(self, names: Named) -> pd.DataFrame:
        """A row a class, a column a network."""
        name = self.results.first_of(names)
        aps = self.results.per_class(name) if name else pd.DataFrame()
        if aps.empty:
            raise Unjudged("this run has no scores by class of it")
        return aps


@dataclass(frozen=True)
class Better:
    """That the first scores above the second, on a label set and by a metric."""

    label: str
    better: Named
    worse: Named
    label_set: str = ORIGINAL
    metric: str = "mAP"


def case(view: Any, pair: Better) -> Case:
    measure = pair.metric, pair.label_set
    one, other = (view.score(names, *measure) for names in (pair.better, pair.worse))
    test = view.exceeds(pair.better, pair.worse, *measure)
    return Case(pair.label, one - other > TIE, f"{other:.4f} to {one:.4f}", test)


def shown(pairs: Sequence[Better] | Callable[[Any], Sequence[Better]]) -> Judge:
    """The judge of a claim on networks of several seeds: by test over seeds, as `by_test`; the
    print by its numbers."""

    def judge(view: Any) -> Judgement:
        found = Each(pairs(view) if callable(pairs) else pairs, case)(view)
        if view.is_print or found.verdict == UNJUDGED:
            return found
        return by_test(found.numbers, found.test)

    return judge


def by_numbers(pairs: Sequence[Better]) -> Judge:
    """The judge of a claim on ensembles, each of which is one."""
    return Each(pairs, case)
