"""A run and the print as claims see them: scores by the names of `vipann.papers.psla.names`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from scipy import stats

from vipann.claims.judgement import Unjudged
from vipann.claims.testing import Test
from vipann.claims.variants import Named, VariantView
from vipann.papers.psla import names as n
from vipann.papers.psla.printed import BALANCED, FSD50K, SETS, paper_value
from vipann.papers.psla.sampler import train_labels

SD = "standard deviation"


@dataclass(frozen=True)
class RunView(VariantView):
    """A run's upstream dataset; sources: files, see `claims.read_views`."""

    @cached_property
    def train_labels(self) -> list[Sequence[str]]:
        """Labels of each clip of the train list."""
        return train_labels(self.sources["manifests"][0])


@dataclass(frozen=True)
class PrintView:
    """What the paper prints of a training set; paper_name: a key of `SETS`."""

    is_print = True

    paper_name: str

    @property
    def column(self) -> str:
        return SETS[self.paper_name]

    def score(self, names: Named, metric: str = "mAP", label_set: str = n.ORIGINAL) -> float:
        return self._number(names, label_set, "")

    def deviation(self, names: Named) -> float:
        return self._number(names, n.ORIGINAL, SD)

    def exceeds(
        self, better: Named, worse: Named, metric: str = "mAP", label_set: str = n.ORIGINAL
    ) -> Test:
        """Welch t from means and standard deviations over three runs, where these are printed."""
        try:
            spreads = [self._number(names, label_set, SD) for names in (better, worse)]
        except Unjudged:
            return Test(None, "no test: no standard deviations are printed")
        means = [self.score(names, label_set=label_set) for names in (better, worse)]
        sides = zip(means, spreads, (3, 3), strict=True)
        numbers = [value for side in sides for value in side]
        tested = [
            stats.ttest_ind_from_stats(*numbers, equal_var=False, alternative=side).pvalue
            for side in ("greater", "less")
        ]
        method = "Welch t of the printed means and deviations over 3 runs"
        return Test(float(tested[0]), method, float(tested[1]))

    def _number(self, names: Named, label_set: str, suffix: str) -> float:
        for name in [names] if isinstance(names, str) else names:
            for place in self._places(name, label_set, suffix):
                if (value := paper_value(*place)) is not None:
                    return value
        raise Unjudged("not printed, or in a figure only")

    def _places(self, name: str, label_set: str, suffix: str) -> list[tuple[int, str, str]]:
        """Where the paper may print it."""
        here, more = self.column, f", {suffix}" if suffix else ""
        if label_set != n.ORIGINAL:
            shown = next(s for s, one in n.LABEL_SETS.items() if one == label_set)
            named = [row for row, known in n.THRESHOLDS.items() if name in known]
            return [] if suffix else [(9, row, f"{here}/{shown}") for row in named]
        found = [(10, row, here + more) for row, one in _AVERAGING.items() if one == name]
        full = "" if here == BALANCED else ", full"
        found += [(8, f"mAP{full}{more}", kind) for kind, known in _TYPES.items() if name in known]
        if suffix:
            return found
        table = 14 if here == FSD50K else 12
        for number, rows in ((3, _STARTS), (4, _STEPS), (table, n.ABLATIONS)):
            found += [(number, row, here) for row, known in rows.items() if name in known]
        if here == BALANCED:
            for number, mixed in ((5, n.MIXUP_RATES), (6, n.MIXUP_ALPHAS)):
                found += [(number, row, here) for row, known in mixed.items() if name in known]
        found += [
            (9, row, f"{here}/Original") for row, known in n.THRESHOLDS.items() if name in known
        ]
        found += [
            (11, row, f"{here}/Ensemble mAP") for row, one in n.COMMITTEES.items() if one == name
        ]
        for row in n.ARCHITECTURES:
            kinds = zip(("No PSLA", "PSLA", "Single"), n.with_and_without(row), strict=True)
            found += [(13, row, f"{here}/{kind}") for kind, one in kinds if one == name]
        return found


View = RunView | PrintView
_AVERAGING = {"Without Weight Averaging": n.SINGLE, "With Weight Averaging": n.AVERAGED}
_TYPES = {"No LE": n.AUGMENTED[:1], **{kind: names[:1] for kind, names in n.TYPES.items()}}
_STARTS = {
    "w/o Pretraining": (n.BASELINE,),
    "w/ Pretraining": n.PRETRAIN[:1],
    "120 epochs, w/o Pretraining": (n.LONG,),
}
_STEPS = {
    "Pretraining": n.PRETRAIN[:1],
    "+ Masking": n.MASKING,
    "+ Mix-up": n.AUGMENTED[:1],
}
