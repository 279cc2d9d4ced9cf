"""New heads of transfer that start as the published code's and as the PANNs', on real ESC-10.

The fixed phase of config/laptop.yaml, det on the published mn04: every clip is tested once, by a
network that was trained on the other four folds, from each start and with several seeds. Run it
with `make bench-head MIRROR=<folder>`.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from fixed_phase import CONFIG, DATASET, Bench
from reporting import command, machine, publish

from vipann.config import merge, read_layer
from vipann.datasets.archives import fetch_archive
from vipann.parts import feature_settings
from vipann.training import stages
from vipann.training.importing import import_weights
from vipann.training.recipe import Transfer
from vipann.training.stages import Job

STARTS = ("pytorch", "xavier")


class Heads(Bench):
    """Trainings of a head from both starts."""

    def prepare(self) -> None:
        self._extract(DATASET)
        entry = self.config["pretrain"]["checkpoints"]["det"]
        weights = self.folder / entry["file"]
        print(fetch_archive(entry, weights, self.arguments.mirror), flush=True)
        features = feature_settings(self.config["features"])
        settings = self.network | {"features": features, "entry": {}}
        import_weights("det", weights, settings, self._upstream("det"))

    def accuracies(self, start: str, seed: int) -> list[float]:
        """Of each fold, by a head that was trained on the others."""
        block, found = self.config["transfer"], []
        changes = block["fixed"], {"head_start": start}
        training = Transfer.settings(self.config["training"], block, *changes)
        settings = self.network | {"training": training, "seed": seed}
        out = self.folder / "fixed.safetensors"
        for fold in range(1, 6):
            upstream, features = self._upstream("det"), self._features(DATASET)
            stages.transfer(Job("det", "fixed", fold, features, upstream, settings, out))
            found.append(self._accuracy(out, fold))
        print(start, seed, found, flush=True)
        return found


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    layers = (read_layer(CONFIG / f"{name}.yaml") for name in ("config", "own", "laptop"))
    short = {"transfer": {"fixed": {"epochs": arguments.epochs}}} if arguments.epochs else {}
    config = merge(*layers, short)
    with tempfile.TemporaryDirectory() as scratch:
        bench = Heads(config, arguments, Path(scratch))
        bench.prepare()
        found = {
            start: {seed: bench.accuracies(start, seed) for seed in arguments.seeds}
            for start in STARTS
        }
    report = {
        "command": command(arguments.mirror),
        "machine": machine("torch", "lightning-fabric"),
        "fixed": config["transfer"]["fixed"],
        "accuracies": found,
    }
    publish(report, _markdown(report), arguments.out)


def _markdown(report: dict) -> str:
    lines = [f"`{report['command']}`", ""]
    lines += [f"- {name}: {value}" for name, value in report["machine"].items()]
    lines += [
        "",
        f"Real ESC-10, mn04, det, fixed phase of config/laptop.yaml, {report['fixed']['epochs']} "
        "epochs. Accuracy on the fold that was left out.",
        "",
        "| head starts as | seed | " + " | ".join(f"fold {n}" for n in range(1, 6)) + " | mean |",
        "|:--|" + "--:|" * 7,
    ]
    for start, seeds in report["accuracies"].items():
        for seed, values in seeds.items():
            cells = [f"{value:.3f}" for value in [*values, np.mean(values)]]
            lines.append(f"| {start} | {seed} | " + " | ".join(cells) + " |")
    pairs = zip(*(report["accuracies"][start].values() for start in STARTS), strict=True)
    gaps = [float(np.mean(first) - np.mean(second)) for first, second in pairs]
    lines += ["", f"pytorch less xavier, by seed: {', '.join(f'{gap:+.4f}' for gap in gaps)}."]
    return "\n".join(lines) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mirror", help="folder with the archives, before the network")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, help="instead of the config's")
    parser.add_argument("--out", type=Path, help="result file, without its ending")
    arguments = parser.parse_args()
    arguments.seed = arguments.seeds[0]
    return arguments


if __name__ == "__main__":
    main()
