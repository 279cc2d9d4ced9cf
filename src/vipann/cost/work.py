"""The work of a run, stage by stage: jobs, optimizer steps, clips through a network, bytes.

Imports neither torch nor Snakemake: it is arithmetic on the config and the datasets' sizes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from vipann.config import folds_of, trained_upstream
from vipann.datasets.left_out import read_list
from vipann.datasets.windows import dataset_blocks, windows_of
from vipann.errors import UserError
from vipann.folds import fold_numbers
from vipann.papers.vi_pann.printed import PRETRAINING_CLASSES, paper_value

RANDOM_BACKBONE = ("drop", "flip")
_FLOAT, _HALF = 4, 2

# Of the paper's datasets that its Table 2 does not count. AudioSet: section 4.1 and the length of
# its evaluation list. ShipsEar: 90 recordings, taken to last two minutes on average.
_PAPER_CLIPS = {"AudioSet": 1_700_000}
_PAPER_SECONDS = {"ShipsEar": 90 * 120}
_PAPER_EVAL_CLIPS = {"AudioSet": 20_371}


@dataclass(frozen=True)
class Size:
    """A dataset: clips in all and in its evaluation split, classes, and where that is from."""

    clips: int
    eval_clips: int
    classes: int
    source: str


@dataclass(frozen=True)
class Work:
    """Jobs of one kind in one stage; quantities are of one job, `gigabytes` of all of them.

    kind: which throughput it takes: `train`, `head` (optimizer steps of a head on embeddings),
    `pass` (one forward pass of prediction), `frozen` (one of the fixed phase's backbone) or
    `features`. strategy: of which network. shared: several GPUs work on one job. benchmarks: the
    jobs' own benchmark files, a pattern, of jobs that had `gpus` each. join: the benchmark file of
    the job that puts the results of all of them together, if there is one.
    """

    stage: str
    name: str
    jobs: int
    kind: str
    strategy: str
    steps: float
    clips: float
    clip_seconds: float
    gigabytes: float
    benchmarks: str
    shared: bool = False
    head_steps: float = 0.0
    gpus: int = 1
    join: str = ""


def size_of(config: Mapping[str, Any], dataset: str, manifests: Path) -> Size:
    """The dataset's size from its manifest, else, for the paper's own, as the paper gives it.

    Clips that are left out as other datasets hold them too are not counted.

    Raises:
        UserError: there is neither.
    """
    path = manifests / f"{dataset}.parquet"
    if path.is_file():
        return _counted(path)
    block = dataset_blocks(config)[dataset]
    name = block.get("paper_name")
    clips = _PAPER_CLIPS.get(name) or paper_value(2, name or "", "Num Clips")
    clips = clips or _PAPER_SECONDS.get(name, 0) / block["clip_seconds"]
    if not clips:
        raise UserError(
            f"the size of {dataset} is not known before its manifest is there: run "
            f"`snakemake ... {path}` first"
        )
    classes = paper_value(2, name, "Num Classes") or PRETRAINING_CLASSES
    return Size(int(clips), _PAPER_EVAL_CLIPS.get(name, 0), int(classes), f"the paper's {name}")


def work_of(
    config: Mapping[str, Any],
    sizes: Mapping[str, Size],
    frames: Callable[[float], int],
    parameters: Callable[[str, int], int],
) -> list[Work]:
    """All work of a run in the order of its stages.

    frames: seconds of a clip -> T; parameters: (strategy, classes) -> trainable parameters.
    """
    config = {**config, "datasets": dataset_blocks(config)}
    run = _Run(config, sizes, frames, parameters)
    return [*run.features(), *run.pretraining(), *run.transfer(), *run.prediction()]


@dataclass(frozen=True)
class _Run:
    config: Mapping[str, Any]
    sizes: Mapping[str, Size]
    frames: Callable[[float], int]
    parameters: Callable[[str, int], int]

    def seconds(self, dataset: str) -> float:
        return self.config["datasets"][dataset]["clip_seconds"]

    def features(self) -> Iterator[Work]:
        mel = self.config["features"]["mel_bands"]
        for dataset, size in self.sizes.items():
            seconds = self.seconds(dataset)
            bytes_ = size.clips * self.frames(seconds) * mel * _HALF
            shards, file = self.config["datasets"][dataset].get("shards", 1), f"{dataset}.tsv"
            yield Work(
                "features",
                dataset,
                shards,
                "features",
                "",
                0,
                size.clips / shards,
                seconds,
                bytes_ / 1e9,
                f"features/{dataset}/shard*of{shards}.tsv" if shards > 1 else f"features/{file}",
                join=f"features/{file}" if shards > 1 else "",
            )

    def gpus(self, block: Mapping[str, Any]) -> int:
        """GPUs of a job: a CPU's have none, whatever they ask for."""
        return 1 if self.config["accelerator"] == "cpu" else block["gpus"]

    def folds(self, dataset: str) -> int:
        """Folds that the dataset has, tested or not."""
        return len(fold_numbers(self.config["datasets"][dataset]["folds"]))

    def weights_gb(self, strategy: str, dataset: str, count: int = 1) -> float:
        return self.parameters(strategy, self.sizes[dataset].classes) * _FLOAT * count / 1e9

    def pretraining(self) -> Iterator[Work]:
        block, upstream = self.config["pretrain"], self.config["upstream"]
        for strategy in trained_upstream(block):
            steps = block["steps"][strategy]
            copies = 2 if strategy == "flip" else 1  # MOPED's start is kept too
            yield Work(
                "pretrain",
                strategy,
                1,
                "train",
                strategy,
                steps,
                steps * block["batch_size"],
                self.seconds(upstream),
                self.weights_gb(strategy, upstream, copies),
                f"pretrain/{strategy}.tsv",
                shared=True,
                gpus=self.gpus(block),
            )

    def transfer(self) -> Iterator[Work]:
        transfer, scratch = self.config["transfer"], self.config["scratch"]
        for dataset in self.config["transfer_datasets"]:
            for strategy in transfer["strategies"]:
                yield self._fixed(dataset, strategy)
                yield self._trained("finetuned", dataset, strategy, transfer, transfer["finetuned"])
            for strategy in scratch["strategies"]:
                yield self._trained("scratch", dataset, strategy, scratch, scratch)

    def _training_clips(self, dataset: str) -> float:
        """Clips that a fold's job trains on, on average over equal folds."""
        folds = self.folds(dataset)
        left_out = 1 if self.config["validation"]["split"] == "none" else 2
        return self.sizes[dataset].clips * (folds - left_out) / folds

    def _fixed(self, dataset: str, strategy: str) -> Work:
        block = self.config["transfer"]["fixed"]
        clips = self._training_clips(dataset)
        steps = block["epochs"] * clips / self.config["transfer"]["batch_size"]
        runs = block["views"] if block["cache"] == "embeddings" else block["epochs"]
        return self._of_folds("fixed", dataset, strategy, "frozen", 0, clips * runs, steps)

    def _trained(
        self, stage: str, dataset: str, strategy: str, block: Mapping, phase: Mapping
    ) -> Work:
        clips = self._training_clips(dataset) * phase["epochs"]
        steps = clips / block["batch_size"]
        return self._of_folds(stage, dataset, strategy, "train", steps, clips)

    def _of_folds(
        self,
        stage: str,
        dataset: str,
        strategy: str,
        kind: str,
        steps: float,
        clips: float,
        head_steps: float = 0.0,
    ) -> Work:
        jobs = len(folds_of(self.config, dataset))
        folder = "scratch" if stage == "scratch" else "transfer"
        end = ".tsv" if stage == "scratch" else f"/{stage}.tsv"
        return Work(
            stage,
            f"{dataset} {strategy}",
            jobs,
            kind,
            strategy,
            steps,
            clips,
            self.seconds(dataset),
            self.weights_gb(strategy, dataset, jobs),
            f"{folder}/{dataset}/{strategy}/fold*{end}",
            head_steps=head_steps,
            gpus=self.gpus(self.config[folder]),
        )

    def prediction(self) -> Iterator[Work]:
        upstream, windows = self.config["upstream"], windows_of(self.config)
        for strategy in ("det", "drop", "flip") if upstream else ():
            file, clips = f"{strategy}.tsv", self.sizes[upstream].eval_clips
            yield self._scored("predict", upstream, strategy, 1, clips, upstream, file)
            if upstream in windows:
                heard = windows[upstream]
                clips = self.sizes[heard].clips
                yield self._scored("ood", upstream, strategy, 1, clips, heard, file)
        phases = ("fixed", "finetuned")
        for dataset in self.config["transfer_datasets"]:
            folds = len(folds_of(self.config, dataset))
            own = self.sizes[dataset].clips / self.folds(dataset)
            models = [(s, p) for s in self.config["transfer"]["strategies"] for p in phases]
            baselines = [(s, "scratch") for s in self.config["scratch"]["strategies"]]
            for strategy, phase in models + baselines:
                files = f"{strategy}/fold*/{phase}.tsv"
                yield self._scored("predict", dataset, strategy, folds, own, dataset, files, phase)
                if dataset in windows and phase in self.config["evaluation"]["ood_phases"]:
                    heard = windows[dataset]
                    clips = self.sizes[heard].clips
                    yield self._scored("ood", dataset, strategy, folds, clips, heard, files, phase)

    def _scored(
        self,
        stage: str,
        trained_on: str,
        strategy: str,
        jobs: int,
        clips: float,
        scored: str,
        files: str,
        phase: str = "",
    ) -> Work:
        evaluation = self.config["evaluation"]
        replications = 1 if strategy == "det" else evaluation["replications"]
        # A deterministic backbone runs once; its head's samples are small beside it.
        samples = evaluation["mc_samples"] * replications if strategy in RANDOM_BACKBONE else 1
        values = self.sizes[trained_on].classes + 3
        folder = "ood" if stage == "ood" else "predictions"
        return Work(
            stage,
            f"{trained_on} {strategy} {phase}".strip(),
            jobs,
            "pass",
            strategy,
            0,
            clips * samples,
            self.seconds(scored),
            jobs * replications * clips * values * _FLOAT / 1e9,
            f"{folder}/{trained_on}/{files}",
        )


def _counted(path: Path) -> Size:
    table = pq.read_table(path, columns=["split", "labels"])
    splits = table.column("split").to_pylist()
    classes = {label for labels in table.column("labels").to_pylist() for label in labels}
    listed = path.with_suffix(".shared.csv")
    left_out = read_list(listed).query("left_out")["split"].tolist() if listed.is_file() else []
    eval_clips = splits.count("eval") - left_out.count("eval")
    return Size(len(splits) - len(left_out), eval_clips, len(classes), path.name)
