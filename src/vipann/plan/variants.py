"""The networks of variants that are trained upstream, what is made of them, and the settings of
those jobs. Those that are trained on folds: `vipann.plan.fold_variants`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from vipann.config import derived_config, in_order
from vipann.parts import bands_of, chosen_parts, frames_of
from vipann.plan.networks import Network, form_of, moped_settings
from vipann.plan.run import Run
from vipann.variants import (
    UPSTREAM_STAGE,
    chosen_epochs,
    is_ensemble_on_folds,
    is_on_folds,
    kept_epochs,
    members_of,
    names_of,
    start_of,
    strategy_of,
)


@dataclass(frozen=True)
class VariantNetwork(Network):
    """The network of a variant and a seed, whose `run` has the variant's departure in its config.

    member: "seed1"; "seed1.epochs/epoch03" as it was after its third epoch; "seed1.late" the
    average `late` of its epochs. With "{variant}" and the like, its paths are patterns of rules.
    """

    variant: str = ""
    member: str = ""

    @classmethod
    def of(cls, run: Run, variant: str, member: str) -> Self:
        strategy = strategy_of(run.config["variants"][variant])
        return cls(run.of_variant(variant), strategy, variant=variant, member=member)

    @property
    def seed(self) -> int:
        return int(self.member.partition(".")[0].removeprefix("seed"))

    @property
    def epoch(self) -> int | None:
        """The one after which it is scored; None for the last, and for averages."""
        number = self.member.partition(".epochs/epoch")[2]
        return int(number) if number else None

    @property
    def keeps_frames(self) -> bool:
        """Not of networks after an epoch: no events are cut of them."""
        return super().keeps_frames and self.epoch is None

    @property
    def average(self) -> str:
        return "" if "/" in self.member else self.member.partition(".")[2]

    @property
    def name(self) -> str:
        """ "mixup/1", "mixup/1/late"; an epoch's is that of its network."""
        return "/".join(filter(None, [self.variant, str(self.seed), self.average]))

    @property
    def path(self) -> str:
        return f"{self.trained_for}/{self.stem}"

    @property
    def stem(self) -> str:
        return f"variants/{self.variant}/{self.member}"

    @property
    def train_path(self) -> str:
        """As `path`, of what it says of the clips that it was trained on."""
        return f"{self.trained_for}/train/{self.variant}/{self.member}"

    @property
    def train_predictions(self) -> str:
        return f"{self.run.results}/predictions/{self.train_path}.h5"

    @property
    def epochs_folder(self) -> str:
        """Of the checkpoints after its epochs."""
        member = self.member.partition(".")[0]
        return f"{self.run.results}/checkpoints/variants/{self.variant}/{member}.epochs"

    @property
    def made_in(self) -> str:
        """Its checkpoint as an output of the job that makes it: of epochs, their folder."""
        return self.checkpoint if self.epoch is None else self.epochs_folder

    @property
    def start(self) -> str | list[str]:
        return self.moped_checkpoint if self.strategy == "flip" else super().start

    @property
    def moped_checkpoint(self) -> str:
        """MOPED's start of a Flipout network."""
        folder = f"{self.run.results}/checkpoints/variants/{self.variant}"
        return f"{folder}/moped/{self.member}.safetensors"

    @property
    def moped_of(self) -> str:
        """The checkpoint that MOPED starts from."""
        variant, seed = start_of(self.run.config["variants"][self.variant], self.seed)
        return VariantNetwork.of(self.run, variant, f"seed{seed}").checkpoint

    @property
    def moped_settings(self) -> dict[str, Any]:
        return moped_settings(self.run)

    def seed_names(self, job: str) -> tuple[object, ...]:
        return job, "variants", *self.name.split("/"), self.epoch or ""

    def predicting(self, task: str, scored: str | None, rows: Mapping[str, Any]) -> dict[str, Any]:
        """With the file of the folder that `made_in` is."""
        file = {} if self.epoch is None else {"file": epoch_file(self.epoch)}
        return in_order(super().predicting(task, scored, rows) | file)

    @property
    def train_prediction_settings(self) -> dict[str, Any]:
        return self.predicting("predict_train", self.trained_for, {"split": "train"})

    @property
    def average_settings(self) -> dict[str, Any]:
        """Of the job that averages it; epochs: the files below `epochs_folder`."""
        block = self.run.config["averages"][self.average]
        pretrain = self.run.config["pretrain"]
        recomputed = block.get("batch_norm", "kept") == "recomputed"
        how = {"batch_size": pretrain["batch_size"]} if recomputed else {}
        return self.run.settings(
            "average.py",
            *(self.seed_names("average") if recomputed else ()),
            chosen=chosen_parts(self.run.config),
            epochs=[epoch_file(number) for number in chosen_epochs(pretrain, block["epochs"])],
            count_start_twice=block.get("count_start_twice", False),
            recompute_batch_norm=recomputed,
            **how,
        )

    @property
    def is_recomputed(self) -> bool:
        """Whether an average hears the train list again."""
        return self.run.config["averages"][self.average].get("batch_norm") == "recomputed"

    def after(self, epoch: int) -> "VariantNetwork":
        file = epoch_file(epoch).removesuffix(".safetensors")
        member = f"seed{self.seed}.epochs/{file}"
        return VariantNetwork(self.run, self.strategy, variant=self.variant, member=member)


def epoch_file(number: int) -> str:
    """The name of the checkpoint after an epoch, counted from 1."""
    return f"epoch{number:02d}.safetensors"


@dataclass(frozen=True)
class Ensemble:
    """A mean of predictions, as the config names it."""

    run: Run
    name: str

    @property
    def members(self) -> list[VariantNetwork]:
        block = self.run.config["ensembles"][self.name]
        found = [
            VariantNetwork.of(self.run, variant, f"seed{seed}")
            for variant, seed in members_of(self.run.config, block["members"])
        ]
        if "epochs" not in block:
            return found
        return [
            one.after(epoch)
            for one in found
            for epoch in chosen_epochs(one.run.config["pretrain"], block["epochs"])
        ]

    @property
    def predictions(self) -> str:
        return f"{self.run.results}/predictions/{self.run.upstream}/ensembles/{self.name}.h5"

    @property
    def train_predictions(self) -> str:
        folder = f"{self.run.results}/predictions/{self.run.upstream}/train"
        return f"{folder}/ensembles/{self.name}.h5"

    @property
    def settings(self) -> dict[str, Any]:
        return self.run.settings("ensemble.py", members=[one.path for one in self.members])


def keeping(run: Run) -> list[str]:
    """The variants of which checkpoints of epochs are kept."""
    return [
        name
        for name in names_of(run.config, UPSTREAM_STAGE)
        if kept_epochs(derived_config(run.config, name)["pretrain"])
    ]


def variant_networks(run: Run) -> list[VariantNetwork]:
    """Of all variants that are trained upstream, and all seeds."""
    return [
        VariantNetwork.of(run, variant, f"seed{seed}")
        for variant, seed in members_of(run.config, "*")
        if not is_on_folds(run.config["variants"][variant])
    ]


def averages(run: Run) -> list[VariantNetwork]:
    return [
        VariantNetwork.of(run, variant, f"seed{seed}.{name}")
        for name, block in run.config["averages"].items()
        for variant, seed in members_of(run.config, block["of"])
    ]


def ensembles(run: Run) -> list[Ensemble]:
    """Of networks that are trained upstream."""
    names = run.config["ensembles"]
    return [Ensemble(run, name) for name in names if not is_ensemble_on_folds(run.config, name)]


def predictions_of(run: Run, name: str, of_train: bool = False) -> str:
    """The file of a network ("mixup/1") or an ensemble, of the evaluation or the train list."""
    variant, _, seed = name.partition("/")
    one = VariantNetwork.of(run, variant, f"seed{seed}") if seed else Ensemble(run, name)
    return one.train_predictions if of_train else one.predictions


def scored(run: Run) -> list[tuple[dict[str, Any], str]]:
    """What the metrics are of: what says which it is (see `vipann.evaluation.variant_metrics`), and
    its predictions. Networks after an epoch are those that ensembles need."""
    own = [
        ({"kind": "ensemble", "name": one.name, "variant": "", "seed": None, "epoch": None}, one)
        for one in ensembles(run)
    ]
    members = [one for _, ensemble in own for one in ensemble.members]
    after = {one.path: one for one in members if one.epoch is not None}
    networks = [*variant_networks(run), *after.values(), *averages(run)]
    found = [(_facts(one), one.predictions) for one in networks]
    return found + [(facts, one.predictions) for facts, one in own]


def _facts(one: VariantNetwork) -> dict[str, Any]:
    kind = "average" if one.average else "network"
    facts = {"kind": kind, "name": one.name, "variant": one.variant}
    return facts | {"seed": one.seed, "epoch": one.epoch}


def label_sets(run: Run) -> dict[str, str]:
    """Name -> file of those that have other labels of the evaluation list: metrics are taken
    against them too."""
    blocks = run.config.get("label_sets", {}).items()
    names = [name for name, block in blocks if block.get("split") == "eval"]
    return {name: f"{run.results}/label_sets/{name}.parquet" for name in names}


def variant_metric_files(run: Run) -> dict[str, str]:
    """Kind -> file; none where no variants are trained upstream."""
    stem = f"{run.results}/metrics/{run.upstream}"
    files = {"variants": f"{stem}.variants.parquet"}
    files["per_class"] = f"{stem}.variants_per_class.parquet"
    return files if names_of(run.config, UPSTREAM_STAGE) else {}


def variant_metrics_settings(run: Run) -> dict[str, Any]:
    evaluation = run.config["evaluation"]
    return run.settings(
        "variant_metrics.py",
        networks=[facts for facts, _ in scored(run)],
        label_sets=list(label_sets(run)),
        **{key: evaluation[key] for key in ("calibration_bins", "retained_fractions")},
    )


def cost_settings(run: Run, dataset: str) -> dict[str, Any]:
    """Of the job that measures what the networks of variants that are trained on `dataset`, the
    upstream set, cost on its clips: with where they run, which no other result hangs on."""
    networks, chosen = [], []
    for variant in names_of(run.config, UPSTREAM_STAGE):
        own, strategy = run.of_variant(variant), strategy_of(run.config["variants"][variant])
        form = form_of(own, strategy)
        chosen += form.pop("chosen")
        frames = frames_of(own.config["features"], run.blocks[dataset]["clip_seconds"])
        shape = [frames, form["bands"]] if bands_of(own.config["features"]) else [frames]
        networks.append({"variant": variant, "strategy": strategy, "shape": shape, **form})
    return run.settings(
        "variant_cost.py",
        chosen=tuple(dict.fromkeys(chosen)),
        networks=networks,
        accelerator=run.config["accelerator"],
        **run.config["evaluation"]["cost"],
    )
