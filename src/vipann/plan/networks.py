"""The networks of a run: what each is trained on, where it starts, what it scores, and where all of
that lies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from vipann.config import in_order, trained_upstream
from vipann.folds import fold_numbers, share_out
from vipann.parts import bands_of, chosen_front_end, chosen_parts, imagenet_entry, model_settings
from vipann.plan.datasets import audio_of, features_of, manifest_of
from vipann.plan.run import Run
from vipann.plan.selections import Selection
from vipann.recipes import block_of
from vipann.strategies import BY_NAME
from vipann.training.recipe import Pretrain, Scratch, Transfer

UPSTREAM_STRATEGIES = ("det", "drop", "flip")
TRANSFER_PHASES = ("fixed", "finetuned")
PRETRAINED, SCRATCH = "pretrained", "scratch"
# Of `evaluation.mc_samples`: as many samples as a validation fold asks for.
AUTO = "auto"


@dataclass(frozen=True)
class Network:
    """One network of a run; of the upstream set unless a dataset, a fold and a phase are given.

    phase: pretrained, fixed, finetuned or scratch. With "{dataset}" and the like in the place of
    values, the paths are the patterns of rules.
    """

    run: Run = field(repr=False)
    strategy: str
    dataset: str | None = None
    fold: int | str | None = None
    phase: str = PRETRAINED

    @property
    def trained_for(self) -> str | None:
        """The dataset whose clips it is tested on."""
        return self.run.upstream if self.dataset is None else self.dataset

    @property
    def name(self) -> str:
        """What it is called among those of one dataset: "det/pretrained", "flip/fold1/fixed"."""
        fold = [] if self.dataset is None else [f"fold{self.fold}"]
        return "/".join([self.strategy, *fold, self.phase])

    @property
    def path(self) -> str:
        """Where its predictions lie below the folder of all predictions."""
        return f"{self.trained_for}/{self.name}"

    @property
    def stem(self) -> str:
        """Where its checkpoint lies below that of all: upstream ones are of any upstream set."""
        return f"upstream/{self.strategy}" if self.dataset is None else self.path

    @property
    def checkpoint(self) -> str:
        return f"{self.run.results}/checkpoints/{self.stem}.safetensors"

    @property
    def sidecar(self) -> str:
        return f"{self.run.results}/checkpoints/{self.stem}.json"

    @property
    def curves(self) -> str:
        return f"{self.run.results}/curves/{self.stem}.csv"

    @property
    def predictions(self) -> str:
        """What it says of its own test clips."""
        return f"{self.run.results}/predictions/{self.path}.h5"

    @property
    def ood_predictions(self) -> str:
        """What it says of the out-of-distribution set."""
        return f"{self.run.results}/ood/{self.path}.h5"

    @property
    def validation_predictions(self) -> str:
        """What it says of the clips of its validation fold, which its training left out."""
        return f"{self.run.results}/validation/{self.path}.h5"

    @property
    def features(self) -> str:
        """All clips of its dataset."""
        assert self.trained_for, "a plan without upstream data has no upstream networks"
        return features_of(self.run, self.trained_for)

    @property
    def selection(self) -> Selection | None:
        """Of the clips that it is trained on and tested with; None where these are all."""
        if self.dataset is None or self.phase not in TRANSFER_PHASES:
            return None
        chosen = Selection(self.run, self.dataset)
        return None if chosen.is_all else chosen

    @property
    def learnt_features(self) -> str:
        """What it is trained on."""
        return self.selection.features("learnt") if self.selection else self.features

    @property
    def heard_recordings(self) -> list[str]:
        """The manifest and the audio of what it is trained on, where its recipe has its clips heard
        anew; [] elsewhere."""
        assert self.trained_for
        if not _hears_anew(self._stage_and_training()[1]):
            return []
        return [manifest_of(self.run, self.trained_for), audio_of(self.run, self.trained_for)]

    @property
    def tested_features(self) -> str:
        """What it is tested with."""
        return self.selection.features("tested") if self.selection else self.features

    @property
    def ood_features(self) -> str | list[str]:
        """What it hears of the out-of-distribution set; [] where there is none."""
        windows = self.run.ood_windows.get(self.trained_for or "")
        return features_of(self.run, windows) if windows else []

    @property
    def start(self) -> str | list[str]:
        """What its training starts from: a checkpoint, or weights trained on ImageNet; [] for a
        random start."""
        if self.phase == "finetuned":
            return Network(self.run, self.strategy, self.dataset, self.fold, "fixed").checkpoint
        if self.phase == "fixed":
            return Network(self.run, BY_NAME[self.strategy].backbone).checkpoint
        if self.phase == PRETRAINED and self.strategy == "flip":
            return Network(self.run, "moped").checkpoint
        block = self.run.config["scratch" if self.phase == SCRATCH else "pretrain"]
        return imagenet_weights(self.run) if block["start"] == "imagenet" else []

    @property
    def labels(self) -> str | list[str]:
        """The label set that it learns; [] for the labels of its features."""
        chosen = self.run.config["pretrain"].get("label_set") if self.phase == PRETRAINED else None
        return f"{self.run.results}/label_sets/{chosen}.parquet" if chosen else []

    @property
    def training_settings(self) -> dict[str, Any]:
        """Those of the job that trains it."""
        run = self.run
        stage, training = self._stage_and_training()
        seed_names = self.seed_names(stage)
        form = form_of(run, self.strategy)
        if _hears_anew(training):
            form["chosen"] += chosen_front_end(run.config)
        if stage == "pretrain":
            form["strategy"] = self.strategy
        return run.settings(f"{stage}.py", *seed_names, training=training, **form)

    def _stage_and_training(self) -> tuple[str, dict[str, Any]]:
        """The stage in which it is trained, and what that is asked to do."""
        if self.phase == PRETRAINED:
            return "pretrain", _pretraining(self.run, self.strategy)
        if self.phase == SCRATCH:
            return "scratch", _scratch(self.run)
        return "transfer", _transfer(self.run, self.phase)

    def seed_names(self, job: str) -> tuple[object, ...]:
        """What the seed of a job of this network is derived from; job: what it does."""
        if job == "pretrain":
            return job, self.strategy
        if job == "scratch":
            return job, self.dataset, self.strategy, self.fold
        if job == "transfer":
            return job, self.dataset, self.strategy, self.fold, self.phase
        tested = [] if self.dataset is None else [self.fold, self.phase]
        return job, self.trained_for, self.strategy, *tested

    @property
    def prediction_settings(self) -> dict[str, Any]:
        """With the scores of frames where they are kept."""
        rows = {"split": "eval"} if self.fold is None else {"folds": [int(self.fold)]}
        settings = self.predicting("predict", self.trained_for, rows)
        return in_order(settings | {"frame_scores": True}) if self.keeps_frames else settings

    @property
    def keeps_frames(self) -> bool:
        """Whether its predictions hold the scores of frames: of the upstream set's clips."""
        return self.fold is None and self.run.config["evaluation"]["frame_scores"]

    @property
    def validation_fold(self) -> int | None:
        """The fold that its training left out to validate on; None without
        validation.split: next_fold."""
        assert self.dataset is not None, "upstream networks have no folds"
        assert self.fold is not None
        folds = fold_numbers(self.run.config["datasets"][self.dataset]["folds"])
        return share_out(folds, int(self.fold), self.run.config["validation"]["split"])[1]

    @property
    def validation_settings(self) -> dict[str, Any]:
        """Of the job that scores its validation fold."""
        return self.predicting("validation", self.dataset, {"folds": [self.validation_fold]})

    @property
    def unknown_predictions(self) -> str:
        """What it says of the clips of the classes that were held out."""
        return f"{self.run.results}/unknown/{self.path}.h5"

    @property
    def unknown_settings(self) -> dict[str, Any]:
        return self.predicting("unknown", f"{self.dataset}_unknown", {})

    @property
    def ood_settings(self) -> dict[str, Any]:
        return self.predicting("ood", self.run.ood, {})

    @property
    def chosen_samples_file(self) -> str:
        return f"{self.run.results}/samples/{self.path}.json"

    @property
    def chosen_samples(self) -> str | list[str]:
        """The file that says how often it is sampled, where a validation fold decides that; [] with
        a number in the config, and for networks without such a fold or without samples."""
        is_chosen = self.run.config["evaluation"]["mc_samples"] == AUTO
        is_asked = self.dataset is not None and self.strategy != "det"
        return self.chosen_samples_file if is_chosen and is_asked else []

    @property
    def mc_samples(self) -> int | str:
        """As the config says; where `auto` cannot be decided, as many as the paper's config."""
        chosen = self.run.config["evaluation"]["mc_samples"]
        own = chosen != AUTO or self.chosen_samples
        return chosen if own else self.run.paper_config["evaluation"]["mc_samples"]

    def predicting(self, task: str, scored: str | None, rows: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of a job that scores the `rows` of the features of `scored`."""
        evaluation = self.run.config["evaluation"]
        return self.run.settings(
            "predict.py",
            *self.seed_names(task),
            chosen=chosen_parts(self.run.config),
            dataset=self.trained_for,
            scored_dataset=scored,
            rows=rows,
            mc_samples=self.mc_samples,
            **{key: evaluation[key] for key in ("replications", "precision")},
        )


def samples_in_words(run: Run, of: str = "Monte Carlo samples") -> str:
    """How often the run's networks of transfer are sampled: "10 Monte Carlo samples"."""
    chosen = run.config["evaluation"]["mc_samples"]
    if chosen != AUTO:
        return f"{chosen} {of}"
    return f"as many {of} as each network's validation fold asks for"


def networks_of(run: Run, dataset: str) -> list[Network]:
    """Those that are tested on `dataset`: the upstream ones, or all trained for it."""
    if dataset == run.upstream:
        return [Network(run, strategy) for strategy in UPSTREAM_STRATEGIES]
    transferred = [(s, p) for s in run.config["transfer"]["strategies"] for p in TRANSFER_PHASES]
    scratch = [(s, SCRATCH) for s in run.config["scratch"]["strategies"]]
    return [
        Network(run, strategy, dataset, fold, phase)
        for strategy, phase in transferred + scratch
        for fold in run.folds(dataset)
    ]


def scored_out_of_distribution(run: Run, dataset: str) -> list[Network]:
    """The networks of `dataset` that score the out-of-distribution set."""
    phases = outside_phases(run)
    return [n for n in networks_of(run, dataset) if run.ood is not None and n.phase in phases]


def outside_phases(run: Run) -> tuple[str, ...]:
    """The phases whose networks score the out-of-distribution set, where there is one."""
    return PRETRAINED, *run.config["evaluation"]["ood_phases"]


def transferred_networks(run: Run) -> list[Network]:
    """All networks of the run but the upstream ones."""
    return [network for name in run.transfer_datasets for network in networks_of(run, name)]


def trained_networks(run: Run) -> list[Network]:
    """All networks that the run trains."""
    trained = trained_upstream(run.config["pretrain"])
    upstream = [Network(run, name) for name in UPSTREAM_STRATEGIES if name in trained]
    return [*upstream, *transferred_networks(run)]


def form_of(run: Run, strategy: str = "flip") -> dict[str, Any]:
    """The config values that decide the form of the network of `strategy`."""
    blocks = {key: run.config[key] for key in BY_NAME[strategy].blocks}
    return blocks | _parts_of(run)


@cache  # each of a run's hundreds of networks asks, and the parts' files are read for it
def _parts_of(run: Run) -> dict[str, Any]:
    return {
        "model": model_settings(run.config["model"]),
        "bands": bands_of(run.config["features"]),
        "chosen": chosen_parts(run.config),
    }


def moped_settings(run: Run) -> dict[str, Any]:
    return run.settings("moped.py", **form_of(run))


def selection_settings(run: Run) -> dict[str, Any]:
    names = [network.dataset for network in transferred_networks(run)]
    return run.settings("selection.py", datasets=names)


def metrics_settings(run: Run, orders: int) -> dict[str, Any]:
    """orders: how many random orders of the clips retention curves are held against."""
    return run.settings("metrics.py", "metrics", orders=orders, **scoring_settings(run))


def scoring_settings(run: Run) -> dict[str, Any]:
    """What `vipann.evaluation.metrics.MetricSettings` takes of the config."""
    keys = ("retained_fractions", "calibration_bins", "bootstrap_resamples")
    return {key: run.config["evaluation"][key] for key in keys}


def _hears_anew(training: Mapping[str, Any]) -> bool:
    return training.get("waveform_augmentation") is not None


def _pretraining(run: Run, strategy: str) -> dict[str, Any]:
    block = run.config["pretrain"]
    steps = {} if block.get("epochs") else {"steps": block["steps"][strategy]}
    block = {key: value for key, value in block.items() if key != "steps"}
    return Pretrain.settings(run.config["training"], block, steps)


def _transfer(run: Run, phase: str) -> dict[str, Any]:
    """The transfer block as one phase sees it: with its own keys, without the other's."""
    block = block_of(run.config, f"transfer.{phase}")
    return Transfer.settings(run.config["training"], block, _validation(run))


def _scratch(run: Run) -> dict[str, Any]:
    return Scratch.settings(run.config["training"], run.config["scratch"], _validation(run))


def _validation(run: Run) -> dict[str, Any]:
    """The validation block, or no more of it than that nothing is validated."""
    block = run.config["validation"]
    return {"validation": dict(block) if block["split"] != "none" else {"split": "none"}}


def imagenet_weights(run: Run) -> str:
    """The file of ImageNet weights of the run's encoder."""
    entry = imagenet_entry(run.config["model"])
    assert entry is not None
    return f"{run.data}/imagenet/{entry['file']}"
