"""Deep ensembles (Lakshminarayanan et al. 2017): the strategy `ens`, whose predictions are the mean
of those of Det networks that differ in their seeds, and the networks that this takes besides Det's.
"""

from dataclasses import dataclass, replace
from typing import Any

from vipann.config import in_order
from vipann.plan.networks import (
    PRETRAINED,
    TRANSFER_PHASES,
    Network,
    networks_of,
    outside_phases,
    scored_out_of_distribution,
)
from vipann.plan.run import Run
from vipann.strategies import ENSEMBLE


@dataclass(frozen=True)
class Member(Network):
    """A Det network of another seed. Those of transfer share Det's upstream network.

    number: among the members, from 2 on, as Det itself is the first.
    """

    number: int | str = ""

    @property
    def name(self) -> str:
        fold = [] if self.dataset is None else [f"fold{self.fold}"]
        return "/".join(["members", str(self.number), *fold, self.phase])

    @property
    def stem(self) -> str:
        return f"upstream/members/{self.number}" if self.dataset is None else self.path

    @property
    def start(self) -> str | list[str]:
        is_last = self.phase == TRANSFER_PHASES[-1]
        return replace(self, phase=TRANSFER_PHASES[0]).checkpoint if is_last else super().start

    @property
    def training_settings(self) -> dict[str, Any]:
        return in_order(super().training_settings | {"strategy": self.strategy})

    @property
    def keeps_frames(self) -> bool:
        return False

    def seed_names(self, job: str) -> tuple[object, ...]:
        return *super().seed_names(job), "member", int(self.number)


def member_networks(run: Run, dataset: str | None, fold: int | str | None, phase: str) -> list:
    """The members of an ensemble, Det first; dataset: None for upstream ones."""
    block = "pretrain" if dataset is None else "transfer"
    numbers = range(2, run.config[block]["ensemble_members"] + 1)
    others = [Member(run, "det", dataset, fold, phase, number=number) for number in numbers]
    return [Network(run, "det", dataset, fold, phase), *others]


def ensembles_of(run: Run, dataset: str) -> list[Network]:
    """The ensembles that are tested on `dataset`, as networks, whose paths they have; none of
    transfer where that is left to variants, or out."""
    if dataset == run.upstream:
        return [Network(run, ENSEMBLE)] * (run.config["pretrain"]["ensemble_members"] > 0)
    block = run.config["transfer"]
    is_made = block["strategies"] and block["ensemble_members"]
    return [
        Network(run, ENSEMBLE, dataset, fold, phase)
        for phase in (TRANSFER_PHASES if is_made else ())
        for fold in run.folds(dataset)
    ]


def scored(run: Run, dataset: str) -> list[Network]:
    """What the metrics of `dataset` are of: networks and ensembles of them."""
    return [*networks_of(run, dataset), *ensembles_of(run, dataset)]


def scored_outside(run: Run, dataset: str) -> list[Network]:
    """Those of `scored` that score the out-of-distribution set too."""
    phases = outside_phases(run)
    ensembles = [one for one in ensembles_of(run, dataset) if run.ood and one.phase in phases]
    return [*scored_out_of_distribution(run, dataset), *ensembles]


def ensemble_settings(
    run: Run, dataset: str | None = None, fold: int | str | None = None, phase: str = PRETRAINED
) -> dict[str, Any]:
    """Of the job that averages the members' predictions."""
    members = [one.path for one in member_networks(run, dataset, fold, phase)]
    return run.settings("seed_ensemble.py", members=members)
