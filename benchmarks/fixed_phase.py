"""The fixed phase of transfer with a backbone that runs every epoch, and with cached embeddings.

On real ESC-10, at the width and settings of config/esc10.yaml: one upstream network per strategy,
pretrained shortly on that config's mixtures of UrbanSound8K (no ESC-10 clip is in them), then the
head is trained for each test fold from the same start both ways, which take turns. One thread, as
a job of the workflow has on a CPU. Run it with `make bench-fixed MIRROR=<folder>`.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from reporting import command, machine, publish

from vipann.config import merge, read_layer
from vipann.datasets.archives import fetch_archive
from vipann.datasets.building import build_manifest, place_audio
from vipann.evaluation.predict import predict
from vipann.evaluation.predictions import read_predictions
from vipann.features.extract import extract_features
from vipann.parts import bands_of, feature_settings
from vipann.training import stages
from vipann.training.importing import initialise_with_moped
from vipann.training.recipe import Pretrain, Transfer
from vipann.training.stages import Job
from vipann.training.validation import Check

CONFIG = Path(__file__).parents[1] / "config"
DATASET = "esc10"
UPSTREAM_OF = {"det": "det", "det_flip": "det", "drop": "drop", "flip": "flip"}
FAITHFUL, EVALUATION, CACHED = "faithful", "faithful, backbone in evaluation mode", "cached"
WAYS: dict[str, dict[str, Any]] = {
    FAITHFUL: {"cache": "none", "backbone_mode": "train"},
    EVALUATION: {"cache": "none", "backbone_mode": "eval"},
    CACHED: {"cache": "embeddings", "backbone_mode": "eval"},
}


class EpochTimes(Check):
    """Wall and processor seconds of each training epoch but the first: a check without scores."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []
        self._before: tuple[float, float] | None = None

    def due(self, done: int, steps: int, steps_per_epoch: int) -> bool:
        return done % steps_per_epoch == 0

    def scores(self, fabric: Any, done: int) -> dict[str, float]:
        now = time.perf_counter(), time.process_time()
        if self._before:
            self.wall.append(now[0] - self._before[0])
            self.cpu.append(now[1] - self._before[1])
        self._before = now
        return {}


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    config = merge(read_layer(CONFIG / "config.yaml"), read_layer(CONFIG / "esc10.yaml"))
    load = [os.getloadavg()]
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(config, arguments, Path(arguments.kept or scratch))
        bench.prepare()
        if not arguments.folds:
            return
        found = {strategy: bench.compare(strategy) for strategy in arguments.strategies}
    load.append(os.getloadavg())
    report = {
        "command": command(arguments.mirror),
        "machine": machine("torch", "lightning-fabric", "bayesian-torch"),
        "load_average_at_start_and_end": load,
        "settings": {
            "model": config["model"],
            "transfer": config["transfer"],
            "evaluation": config["evaluation"],
            **{k: v for k, v in vars(arguments).items() if k not in ("mirror", "out", "kept")},
            "upstream": "kept from before" if arguments.kept else "pretrained by this run",
        },
        "strategies": found,
    }
    publish(report, _markdown(report), arguments.out)


class Bench:
    """Features and upstream networks in `folder`, and the comparison of the ways on them."""

    def __init__(
        self, config: Mapping[str, Any], arguments: argparse.Namespace, folder: Path
    ) -> None:
        self.config, self.arguments, self.folder = config, arguments, folder
        self.network = {key: config[key] for key in ("model", "bayesian", "moped", "kl")}
        self.network |= {"bands": bands_of(config["features"]), "seed": arguments.seed}

    def prepare(self) -> None:
        """Features of both datasets, and each upstream network that is needed."""
        upstream = self.config["upstream"]
        for dataset in (upstream, DATASET):
            self._extract(dataset)
        block = self.config["pretrain"]
        needed = {UPSTREAM_OF[strategy] for strategy in self.arguments.strategies}
        for strategy in ("det", "drop", "flip"):
            if strategy not in needed and not (strategy == "det" and "flip" in needed):
                continue
            if self._upstream(strategy).exists():
                continue
            start = None
            if strategy == "flip":
                start = self._upstream("moped")
                initialise_with_moped(self._upstream("det"), self.network, start)
            steps = {"steps": self.arguments.pretraining_steps}
            training = Pretrain.settings(self.config["training"], block, steps)
            settings = self.network | {"training": training}
            out = self._upstream(strategy)
            features = self._features(upstream)
            job = Job(strategy, "pretrained", 0, features, start, settings, out)
            stages.pretrain(job)

    def compare(self, strategy: str) -> dict[str, Any]:
        """Seconds of every epoch, and the accuracy on each test fold, by way."""
        found: dict[str, Any] = {
            way: {"wall": [], "cpu": [], "whole_job": [], "accuracy": []} for way in WAYS
        }
        for fold in self.arguments.folds:
            for way, changes in WAYS.items():
                times, whole, accuracy = self._train(strategy, fold, changes)
                found[way]["wall"] += times.wall
                found[way]["cpu"] += times.cpu
                found[way]["whole_job"].append(whole)
                found[way]["accuracy"].append(accuracy)
                print(strategy, fold, way, statistics.median(times.wall), accuracy, flush=True)
        return found

    def _train(
        self, strategy: str, fold: int, changes: Mapping[str, Any]
    ) -> tuple[EpochTimes, float, float]:
        block = self.config["transfer"]
        changes = {"views": self.arguments.views, **changes}
        recipe = Transfer.settings(self.config["training"], block, block["fixed"], changes)
        start, out = self._upstream(UPSTREAM_OF[strategy]), self.folder / "fixed.safetensors"
        times, training = EpochTimes(), stages.Training
        started = time.perf_counter()
        try:
            # The check comes before the files of epochs.
            stages.Training = lambda *all: training(*all[:-2], times, all[-1])
            settings = self.network | {"training": recipe}
            features = self._features(DATASET)
            stages.transfer(Job(strategy, "fixed", fold, features, start, settings, out))
        finally:
            stages.Training = training
        whole = time.perf_counter() - started
        return times, whole, self._accuracy(out, fold)

    def _accuracy(self, checkpoint: Path, fold: int) -> float:
        """As Table 4 counts: the mean over replications of the accuracy on the test fold."""
        keys = ("mc_samples", "replications")
        settings = {key: self.config["evaluation"][key] for key in keys}
        settings |= {"seed": 1, "dataset": DATASET, "scored_dataset": DATASET}
        out = self.folder / "predictions.h5"
        predict(checkpoint, self._features(DATASET), {"folds": [fold]}, settings, "cpu", 80, out)
        found = read_predictions(out)
        return float((found.predicted == found.targets).mean())

    def _extract(self, dataset: str) -> None:
        if self._features(dataset).exists():
            return
        folder, block = self.folder / dataset, self.config["datasets"][dataset]
        (folder / "audio").mkdir(parents=True)
        archives = []
        for entry in block["archives"]:
            archives.append(folder / entry["file"])
            print(fetch_archive(entry, archives[-1], self.arguments.mirror, None), flush=True)
        seed = self.config["seed"]
        place_audio(archives, folder / "audio", block, seed)
        manifest = folder / "manifest.parquet"
        missing = folder / "missing.csv"
        build_manifest(block["adapter"], folder / "audio", block, seed, manifest, missing)
        features = feature_settings(self.config["features"])
        extract_features(
            manifest, folder / "audio", block, features, self._features(dataset), workers=2
        )

    def _features(self, dataset: str) -> Path:
        return self.folder / f"{dataset}.h5"

    def _upstream(self, strategy: str) -> Path:
        return self.folder / f"upstream_{strategy}.safetensors"


def _markdown(report: dict) -> str:
    settings = report["settings"]
    lines = [f"`{report['command']}`", ""]
    lines += [f"- {name}: {value}" for name, value in report["machine"].items()]
    load = ", ".join(f"{at[0]:.1f}" for at in report["load_average_at_start_and_end"])
    lines += [
        f"- load average at the start and end: {load}",
        "",
        f"Real ESC-10, width {settings['model']['resnet54']['width']}, "
        f"batches of {settings['transfer']['batch_size']}, "
        f"{settings['transfer']['fixed']['epochs']} epochs, {settings['threads']} thread(s), "
        f"{settings['views']} view(s) cached, upstream of {settings['pretraining_steps']} steps "
        f"({settings['upstream']}), "
        f"test folds {', '.join(map(str, settings['folds']))}. Seconds are medians over epochs; "
        "accuracy is the mean over folds.",
        "",
        "| network | way | s per epoch | faithful / it | processor s | faithful / it "
        "| whole job, s | accuracy |",
        "|:--|:--|--:|--:|--:|--:|--:|--:|",
    ]
    for strategy, ways in report["strategies"].items():
        base = {clock: statistics.median(ways[FAITHFUL][clock]) for clock in ("wall", "cpu")}
        for way, found in ways.items():
            cells = [strategy, way]
            for clock in ("wall", "cpu"):
                median = statistics.median(found[clock])
                cells += [f"{median:.3f}", f"{base[clock] / median:.1f}"]
            cells.append(f"{statistics.mean(found['whole_job']):.1f}")
            cells.append(f"{statistics.mean(found['accuracy']):.3f}")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mirror", help="folder with the archives, before the network")
    strategies = list(UPSTREAM_OF)
    parser.add_argument("--strategies", nargs="+", default=strategies, choices=strategies)
    parser.add_argument("--folds", nargs="*", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--pretraining-steps", type=int, default=150)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kept", help="folder of features and upstream networks, used again")
    parser.add_argument("--out", type=Path, help="result file, without its ending")
    return parser.parse_args()


if __name__ == "__main__":
    main()
