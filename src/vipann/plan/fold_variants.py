"""The networks of variants that are trained on the folds of the transfer datasets, from scratch or
by transfer; what is made of them, and the settings of those jobs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from vipann.config import in_order
from vipann.parts import chosen_parts
from vipann.plan.networks import SCRATCH, TRANSFER_PHASES, Network
from vipann.plan.run import Run
from vipann.plan.variants import VariantNetwork
from vipann.variants import (
    FOLD_STAGES,
    is_ensemble_on_folds,
    is_on_folds,
    members_of,
    names_of,
    stage_of,
    start_of,
    strategy_of,
)


@dataclass(frozen=True)
class FoldNetwork(Network):
    """The network of a variant and a seed for one fold and phase, whose `run` has the variant's
    departure in its config. With "{variant}" and the like, its paths are patterns of rules."""

    variant: str = ""
    seed: int | str = ""

    @classmethod
    def of(
        cls, run: Run, variant: str, seed: int | str, dataset: str, fold: int | str, phase: str
    ) -> Self:
        strategy = strategy_of(run.config["variants"][variant])
        own = run.of_variant(variant)
        return cls(own, strategy, dataset, fold, phase, variant=variant, seed=seed)

    @property
    def name(self) -> str:
        member = f"variants/{self.variant}/seed{self.seed}"
        return f"{member}/fold{self.fold}/{self.phase}"

    @property
    def start(self) -> str | list[str]:
        """Transfer starts from the upstream variant that its own names, or from the run's."""
        if self.phase == "finetuned":
            return replace(self, phase="fixed").checkpoint
        departure = self.run.config["variants"][self.variant]
        if self.phase == SCRATCH or "start" not in departure:
            return super().start
        variant, seed = start_of(departure, self.seed)
        return VariantNetwork.of(self.run, variant, f"seed{seed}").checkpoint

    @property
    def training_settings(self) -> dict[str, Any]:
        return in_order(super().training_settings | {"strategy": self.strategy})

    def seed_names(self, job: str) -> tuple[object, ...]:
        own = (self.variant, int(self.seed), self.dataset, int(self.fold or 0), self.phase)
        return job, "variants", *own

    @property
    def chosen_samples(self) -> str | list[str]:
        """None: only the run's own networks are asked how many samples are enough."""
        return []

    @property
    def hears_outside(self) -> bool:
        """Whether it scores the out-of-distribution set."""
        phases = (SCRATCH, *self.run.config["evaluation"]["ood_phases"])
        return self.run.ood is not None and self.phase in phases

    @property
    def facts(self) -> dict[str, Any]:
        """Which it is, for `vipann.evaluation.variant_metrics.Scored`."""
        facts = {"kind": "network", "name": f"{self.variant}/{self.seed}"}
        return facts | {"variant": self.variant, "seed": int(self.seed), "epoch": None}


@dataclass(frozen=True)
class FoldEnsemble:
    """A mean of predictions of one fold, each member's after its last phase."""

    run: Run
    name: str
    dataset: str
    fold: int | str

    @property
    def members(self) -> list[FoldNetwork]:
        config = self.run.config
        return [
            FoldNetwork.of(
                self.run, variant, seed, self.dataset, self.fold, _phases(config, variant)[-1]
            )
            for variant, seed in members_of(config, config["ensembles"][self.name]["members"])
        ]

    @property
    def path(self) -> str:
        return f"{self.dataset}/ensembles/{self.name}/fold{self.fold}"

    @property
    def predictions(self) -> str:
        return f"{self.run.results}/predictions/{self.path}.h5"

    @property
    def ood_predictions(self) -> str:
        return f"{self.run.results}/ood/{self.path}.h5"

    @property
    def hears_outside(self) -> bool:
        return self.run.ood is not None

    @property
    def settings(self) -> dict[str, Any]:
        return self.run.settings("ensemble.py", members=[one.path for one in self.members])

    @property
    def facts(self) -> dict[str, Any]:
        nobody = {"variant": "", "seed": None, "epoch": None}
        return {"kind": "ensemble", "name": self.name} | nobody


def datasets_of_folds(run: Run) -> list[str]:
    """The transfer datasets on whose folds variants are trained: all of them, or none."""
    return run.transfer_datasets if names_of(run.config, *FOLD_STAGES) else []


def fold_networks(run: Run, dataset: str) -> list[FoldNetwork]:
    """Of all variants that are trained on folds: of each seed, phase and tested fold."""
    return [
        FoldNetwork.of(run, variant, seed, dataset, fold, phase)
        for variant, seed in members_of(run.config, "*")
        if _is_trained_on(run.config["variants"][variant], dataset)
        for phase in _phases(run.config, variant)
        for fold in run.folds(dataset)
    ]


def fold_ensembles(run: Run, dataset: str) -> list[FoldEnsemble]:
    return [
        FoldEnsemble(run, name, dataset, fold)
        for name in run.config["ensembles"]
        if is_ensemble_on_folds(run.config, name)
        for fold in run.folds(dataset)
    ]


def fold_scored(run: Run, dataset: str) -> list[FoldNetwork | FoldEnsemble]:
    """What the metrics of a dataset are of."""
    return [*fold_networks(run, dataset), *fold_ensembles(run, dataset)]


def fold_metrics_of(run: Run, dataset: str) -> str:
    return f"{run.results}/metrics/{dataset}.variants_on_folds.parquet"


def fold_metrics_settings(run: Run, dataset: str) -> dict[str, Any]:
    """networks, outside, trained: who the predictions, those of out-of-distribution clips and the
    trainings are of, as `Scored` and in the order of the files."""
    scored, trained = fold_scored(run, dataset), fold_networks(run, dataset)
    parts = {part for one in trained for part in chosen_parts(one.run.config)}
    evaluation = run.config["evaluation"]
    return run.settings(
        "fold_metrics.py",
        chosen=tuple(sorted(parts)),
        networks=[one.facts for one in scored],
        outside=[one.facts for one in scored if one.hears_outside],
        trained=[one.facts for one in trained],
        **{key: evaluation[key] for key in ("calibration_bins", "retained_fractions")},
    )


def other_front_ends(run: Run) -> dict[str, Run]:
    """Front end of variants (`Run.front_end`) -> the run with it in its config."""
    runs = [run.of_variant(name) for name in run.config["variants"]]
    return {one.front_end: one for one in runs if one.front_end}


def _is_trained_on(departure: Mapping[str, Any], dataset: str) -> bool:
    """A variant that holds out classes is trained on the datasets whose classes it names."""
    held_out = departure.get("transfer", {}).get("held_out_classes")
    return is_on_folds(departure) and (not held_out or dataset in held_out)


def _phases(config: Mapping[str, Any], variant: str) -> tuple[str, ...]:
    departure = config["variants"][variant]
    if stage_of(departure) != "transfer":
        return (SCRATCH,)
    chosen = departure.get("phases", TRANSFER_PHASES)
    return tuple(phase for phase in TRANSFER_PHASES if phase in chosen)
