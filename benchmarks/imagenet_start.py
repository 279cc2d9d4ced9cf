"""One encoder from ImageNet's weights and from a random start, by the same recipe, on real ESC-10.

Every clip is tested once, by a network that was trained on the other four folds. Both networks of a
fold see the same clips in the same order. Run it with `make bench-imagenet MIRROR=<folder>`; with
--kept it goes on where it was.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fixed_phase import CONFIG, DATASET, Bench
from reporting import command, machine, publish

from vipann.config import merge, read_layer
from vipann.datasets.archives import fetch_archive
from vipann.evaluation.predictions import read_predictions
from vipann.parts import imagenet_entry
from vipann.training import stages
from vipann.training.stages import Job

STARTS = ("random", "imagenet")
SETTINGS: dict[str, Any] = {
    "features": {"front_end": "kaldi_fbank", "kaldi_fbank": {"hop_length": 320, "frames": 256}},
    "model": {
        "encoder": "efficientnet_lite0",
        "pooling": "mean",
        "pooled": "frames",
        "head": "linear",
        "linear": {"dropout": 0.2},
    },
    "scratch": {
        "batch_size": 32,
        "epochs": 20,
        "learning_rate": 0.001,
        "learning_rate_schedule": "cosine",
        "mixup_alpha": 0.0,
        "spec_augment": {"time_stripes": 2, "time_width": 16, "mel_stripes": 2, "mel_width": 16},
        # Runs of some hundred steps: with slower statistics they would test at chance.
        "batch_norm_momentum": 0.1,
        "imagenet_stem": "sum",
    },
    "evaluation": {"mc_samples": 1, "replications": 1},
}


class Starts(Bench):
    """Trainings of one fold from both starts."""

    def prepare(self) -> None:
        self._extract(DATASET)
        entry = imagenet_entry(self.config["model"])
        assert entry is not None
        self.weights = self.folder / entry["file"]
        print(fetch_archive(entry, self.weights, self.arguments.mirror), flush=True)

    def compare(self, fold: int) -> dict[str, Any]:
        """By start: accuracy on the fold, whether each clip was right, and seconds of training."""
        found = {}
        for start in STARTS:
            seconds = self._train_from(start, fold)
            accuracy = self._accuracy(self._trained(start, fold), fold)
            predictions = read_predictions(self.folder / "predictions.h5")
            right = (predictions.predicted == predictions.targets)[0].tolist()
            found[start] = {"accuracy": accuracy, "right": right, "seconds": seconds}
            print(fold, start, f"{accuracy:.4f}", f"{seconds:.0f} s", flush=True)
        return found

    def _train_from(self, start: str, fold: int) -> float:
        out, began = self._trained(start, fold), time.perf_counter()
        if out.exists():
            return 0.0
        keys = ("strategies", "gpus")
        block = {k: v for k, v in self.config["scratch"].items() if k not in keys}
        training = block | {"start": start}
        if self.arguments.epochs:
            training["epochs"] = self.arguments.epochs
        settings = self.network | {"training": training}
        weights = self.weights if start == "imagenet" else None
        job = Job("det", "scratch", fold, self._features(DATASET), weights, settings, out)
        stages.train_from_scratch(job)
        return time.perf_counter() - began

    def _trained(self, start: str, fold: int) -> Path:
        return self.folder / f"{start}_fold{fold}.safetensors"


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    layers = (read_layer(CONFIG / name) for name in ("config.yaml", "esc10.yaml"))
    config = merge(*layers, SETTINGS)
    with tempfile.TemporaryDirectory() as scratch:
        bench = Starts(config, arguments, Path(arguments.kept or scratch))
        bench.prepare()
        found = {fold: bench.compare(fold) for fold in arguments.folds}
    report = {
        "command": command(arguments.mirror),
        "machine": machine("torch", "torchvision", "lightning-fabric"),
        "settings": SETTINGS | {"epochs": arguments.epochs, "seed": arguments.seed},
        "folds": found,
    }
    publish(report, _markdown(report), arguments.out)


def _markdown(report: dict) -> str:
    folds, recipe = report["folds"], report["settings"]["scratch"]
    epochs = report["settings"]["epochs"] or recipe["epochs"]
    lines = [f"`{report['command']}`", ""]
    lines += [f"- {name}: {value}" for name, value in report["machine"].items()]
    lines += [
        "",
        f"Real ESC-10, {report['settings']['model']['encoder']}, {epochs} epochs in batches of "
        f"{recipe['batch_size']}; the first convolution is the {recipe['imagenet_stem']} of three "
        "channels' where the start is ImageNet's. Accuracy on the fold that was left out.",
        "",
        "| start | " + " | ".join(f"fold {fold}" for fold in folds) + " | mean | s a fold |",
        "|:--|" + "--:|" * (len(folds) + 2),
    ]
    for start in STARTS:
        accuracies = [fold[start]["accuracy"] for fold in folds.values()]
        seconds = np.mean([fold[start]["seconds"] for fold in folds.values()])
        cells = [f"{a:.3f}" for a in [*accuracies, np.mean(accuracies)]]
        lines.append(f"| {start} | " + " | ".join(cells) + f" | {seconds:.0f} |")
    right = {s: np.concatenate([fold[s]["right"] for fold in folds.values()]) for s in STARTS}
    only = {s: int((right[s] & ~right[o]).sum()) for s, o in zip(STARTS, STARTS[::-1], strict=True)}
    lines += [
        "",
        f"Of {len(right['random'])} clips {only['imagenet']} are right from ImageNet's start only, "
        f"{only['random']} from the random one only.",
    ]
    return "\n".join(lines) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mirror", help="folder with the archives, before the network")
    parser.add_argument("--folds", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kept", help="folder of features and trained networks, used again")
    parser.add_argument("--out", type=Path, help="result file, without its ending")
    return parser.parse_args()


if __name__ == "__main__":
    main()
