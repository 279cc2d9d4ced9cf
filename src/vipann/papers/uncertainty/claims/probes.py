"""Claims on what the two parts of the uncertainty answer to: more to learn from, noise, unknown
classes, another channel. The literature doubts that methods tell them apart in practice."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from vipann.claims.judgement import Case, Each, Judge, Judgement, Unjudged, by_test
from vipann.claims.testing import Test, all_of, over_folds
from vipann.conditions import CLEAN, KINDS
from vipann.evaluation.probes import ALL, CORRELATION, FRACTION, UNKNOWN_CLASSES
from vipann.papers import Sources
from vipann.papers.uncertainty import probing
from vipann.papers.uncertainty.names import PHASE_NAMES, STRATEGY_NAMES
from vipann.papers.uncertainty.probing import Kind

# Of its value: within it an uncertainty counts as unchanged.
UNCHANGED = 0.1
# Spearman's, from which on two uncertainties order the clips alike.
ALIKE = 0.8
STAGES = {
    "probes": "networks that learn from less, or not from all classes",
    "robustness": "degraded test clips",
}


@dataclass(frozen=True)
class ProbeView:
    """One dataset of a run; rows: `vipann.papers.uncertainty.probing.read`; training_folds: of each
    of its networks."""

    dataset: str
    paper_name: str | None
    training_folds: int
    rows: pd.DataFrame

    def kinds(self, probe: str, bayesian: bool = True) -> list[Kind]:
        """Strategies and phases with this probe; bayesian: without Det, which has no epistemic
        uncertainty.

        Raises Unjudged where there are none.
        """
        own = self.rows[self.rows["probe"] == probe]
        pairs = own[["strategy", "phase"]].drop_duplicates().itertuples(index=False, name=None)
        found = [pair for pair in pairs if pair[0] != "det" or not bayesian]
        if not found:
            raise Unjudged(f"this run has no network of that kind with {probe.replace('_', ' ')}")
        return sorted(found, key=lambda pair: (list(STRATEGY_NAMES).index(pair[0]), pair[1]))

    def settings(self, probe: str, kind: Kind) -> pd.DataFrame:
        """Columns setting, label, amount of a probe of these networks, by amount."""
        own = self._of(kind)
        own = own[own["probe"] == probe].drop_duplicates("setting")
        return own.sort_values("amount", kind="stable")[["setting", "label", "amount"]]

    def by_fold(self, probe: str, setting: str, kind: Kind, measure: str) -> pd.Series:
        """Fold -> value. Unjudged where the run has none."""
        own = self._of(kind)
        chosen = (own["probe"] == probe) & (own["setting"] == setting)
        own = own[chosen & (own["measure"] == measure) & (own["fold"] != ALL)]
        values = own.set_index("fold")["value"]
        if values.empty or values.isna().any():
            raise Unjudged(f"this run has no {measure} of {named(kind)} in the setting {setting}")
        return values

    def change(
        self, kind: Kind, measure: str, before: tuple[str, str], after: tuple[str, str]
    ) -> tuple[pd.Series, pd.Series]:
        """Values by fold in two settings, each (probe, setting), of the folds that both have."""
        one, other = (self.by_fold(*place, kind, measure) for place in (before, after))
        both = one.index.intersection(other.index)
        return one[both], other[both]

    def above(self, differences: pd.Series, margin: float = 0.0) -> Test:
        """Test over folds that the mean difference is above a margin."""
        return over_folds(differences.to_list(), self.training_folds, margin)

    def _of(self, kind: Kind) -> pd.DataFrame:
        strategy, phase = kind
        return self.rows[(self.rows["strategy"] == strategy) & (self.rows["phase"] == phase)]


def named(kind: Kind) -> str:
    strategy, phase = kind
    return f"{STRATEGY_NAMES[strategy]} {PHASE_NAMES[phase].lower()}"


def views(sources: Sources, settings: Mapping[str, Any]) -> dict[str, Sequence[ProbeView]]:
    """By scope; sources: `probes` and `robustness`, where the run has these."""
    found: dict[str, Sequence[ProbeView]] = {}
    for scope in STAGES:
        rows = probing.read(sources.get(scope, ()))
        datasets = rows["dataset"].unique() if len(rows) else []
        found[scope] = [
            ProbeView(name, **settings["datasets"][name], rows=rows[rows["dataset"] == name])
            for name in datasets
        ]
    return found


def rises(
    view: ProbeView, kind: Kind, measure: str, before: tuple[str, str], after: tuple[str, str]
) -> Case:
    """Whether a score is higher in the second setting."""
    one, other = view.change(kind, measure, before, after)
    difference = other - one
    numbers = f"{one.mean():.3g} to {other.mean():.3g}"
    return Case(f"{named(kind)}:", bool(difference.mean() > 0), numbers, view.above(difference))


def falls(
    view: ProbeView, kind: Kind, measure: str, before: tuple[str, str], after: tuple[str, str]
) -> Case:
    """Whether a score is lower in the second setting."""
    one, other = view.change(kind, measure, before, after)
    numbers = f"{one.mean():.3g} to {other.mean():.3g}"
    test = view.above(one - other)
    return Case(f"{named(kind)}:", bool((one - other).mean() > 0), numbers, test)


def of_networks(
    probe: str, case: Callable[[ProbeView, Kind], Case], bayesian: bool = True
) -> Judge:
    """The judge of a claim on every strategy and phase that the run has of a probe."""
    return lambda view: Each(view.kinds(probe, bayesian), case, shown=6)(view)


def ends_of_learning(view: ProbeView, kind: Kind) -> list[tuple[str, str]]:
    """The least and the largest share of the recordings."""
    settings = view.settings(FRACTION, kind)["setting"]
    if len(settings) < 2:
        raise Unjudged(f"this run has one share of the recordings only of {named(kind)}")
    return [(FRACTION, settings.iloc[0]), (FRACTION, settings.iloc[-1])]


def lowers_epistemic(view: ProbeView, kind: Kind) -> Case:
    return falls(view, kind, "mean_epistemic", *ends_of_learning(view, kind))


def leaves_aleatoric(view: ProbeView) -> Judgement:
    """Shown by the test that the change is within a tenth of the value, either way; refuted by that
    of the contrary."""
    numbers, tests = [], []
    for kind in view.kinds(FRACTION, bayesian=False):
        ends = ends_of_learning(view, kind)
        least, most = view.change(kind, "mean_aleatoric", *ends)
        margin = UNCHANGED * float(most.mean())
        difference = most - least
        tests += [view.above(one, -margin) for one in (difference, -difference)]
        numbers.append(f"{named(kind)}: {least.mean():.3g} to {most.mean():.3g}")
    return by_test(", ".join(numbers), all_of(tests))


def noise_of(view: ProbeView, kind: Kind) -> tuple[str, str]:
    """White noise, or another that the run has, at its lowest ratio."""
    for noise in (name for name, about in KINDS.items() if about.is_noise):
        settings = view.settings(noise, kind)["setting"]
        if len(settings):
            return noise, settings.iloc[0]
    raise Unjudged("this run adds no noise to its test clips")


def noise_raises_aleatoric(view: ProbeView, kind: Kind) -> Case:
    return rises(view, kind, "mean_aleatoric", (CLEAN, CLEAN), noise_of(view, kind))


def noise_lowers_accuracy(view: ProbeView, kind: Kind) -> Case:
    return falls(view, kind, "accuracy", (CLEAN, CLEAN), noise_of(view, kind))


def unknown_raises_epistemic(view: ProbeView, kind: Kind) -> Case:
    known, unknown = ((UNKNOWN_CLASSES, setting) for setting in ("known", "unknown"))
    return rises(view, kind, "mean_epistemic", known, unknown)


def channel_raises_epistemic(view: ProbeView) -> Judgement:
    """In every channel that the run has, at its lowest amount."""
    items = []
    for kind in view.kinds(CLEAN):
        for channel in (name for name, about in KINDS.items() if about.is_channel):
            settings = view.settings(channel, kind)
            if len(settings):
                items.append((kind, (channel, settings["setting"].iloc[0]), settings.iloc[0]))
    if not items:
        raise Unjudged("this run passes its test clips through no other channel")

    def case(view: ProbeView, item: tuple[Kind, tuple[str, str], pd.Series]) -> Case:
        kind, place, about = item
        found = rises(view, kind, "mean_epistemic", (CLEAN, CLEAN), place)
        return Case(f"{named(kind)}, {about['label']}:", found.holds, found.numbers, found.test)

    return Each(items, case, shown=6)(view)


def parts_go_together(view: ProbeView, kind: Kind) -> Case:
    values = view.by_fold(CLEAN, CLEAN, kind, CORRELATION)
    holds, numbers = bool(values.mean() >= ALIKE), f"{values.mean():.2f}"
    return Case(f"{named(kind)}:", holds, numbers, view.above(values - ALIKE))


JUDGES: dict[str, Judge] = {
    "data_lowers_epistemic": of_networks(FRACTION, lowers_epistemic),
    "data_leaves_aleatoric": leaves_aleatoric,
    "noise_raises_aleatoric": of_networks(CLEAN, noise_raises_aleatoric, bayesian=False),
    "noise_lowers_accuracy": of_networks(CLEAN, noise_lowers_accuracy, bayesian=False),
    "unknown_classes_raise_epistemic": of_networks(UNKNOWN_CLASSES, unknown_raises_epistemic),
    "channel_raises_epistemic": channel_raises_epistemic,
    "parts_go_together": of_networks(CLEAN, parts_go_together),
}
