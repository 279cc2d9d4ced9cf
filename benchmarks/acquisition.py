"""How fast a network learns from clips that a reviewer labels, by the order in which they come.

Real clips of ESC-10, or ESC-50, and a reviewer who knows their labels: a Det-Flip head on the
frozen, published mn04 starts from a few clips, scores the rest of the four folds that are not
tested, and the clips that come first in an order are labelled; then it is trained anew, from the
same start. All orders of a seed begin with the same clips, and the fold that tests them is never
scored for labelling. The order is what the review page has (`vipann.survey.acquisition`).

    python benchmarks/acquisition.py --mirror <folder> --out benchmarks/results/acquisition_esc10
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from fixed_phase import CONFIG, Bench
from reporting import command, machine, publish
from scipy import stats

from vipann.config import merge, read_layer
from vipann.datasets.archives import fetch_archive
from vipann.evaluation.predict import SamplingPlan, sample
from vipann.features.batches import LogmelDataset
from vipann.features.store import FeatureStore
from vipann.models.checkpoints import load_checkpoint
from vipann.models.clip_rng import clip_keys
from vipann.models.network import Network
from vipann.models.strategies import build_transferred, freeze_backbone, load_backbone
from vipann.parts import feature_settings, model_settings
from vipann.seeds import derive_seed
from vipann.survey.acquisition import priorities
from vipann.survey.windows import MEASURES, probability_columns
from vipann.training.backbone_cache import Head, cached
from vipann.training.importing import import_weights
from vipann.training.objective import ClassifierTraining, kl_weight
from vipann.training.recipe import Transfer

ORDERS = ("epistemic", "total", "random")
STRATEGY, SAMPLES, BATCH = "det_flip", 30, 32
ESC50 = {
    "adapter": "esc50",
    "task": "multiclass",
    "clip_seconds": 5.0,
    "padding": "zero",
    "folds": 5,
    "archives": [
        {
            "file": "ESC-50-master.zip",
            "url": "https://github.com/karolpiczak/ESC-50/archive/master.zip",
            "md5": ["7771e4b9d86d0945acce719c7a59305a"],
            "stand_ins": [{"file": "ESC-50-32k.zip", "md5": ["308dacdc369373c655ce7e4ef5d9859c"]}],
        }
    ],
    "options": {"subset": "esc50"},
}


class Clips(NamedTuple):
    """Embedded clips: embeddings (N, 1, E), labels (N, C) multi-hot, folds (N,), names (N,)."""

    embeddings: torch.Tensor
    labels: torch.Tensor
    folds: np.ndarray
    names: np.ndarray


class Rounds(NamedTuple):
    """first: clips of each class that are labelled at the start; step: clips a round; rounds: their
    number; rarest: how many clips there are of the rarest class as a share of the most frequent
    one's, the others between in equal ratios, in random order of the classes."""

    first: int
    step: int
    rounds: int
    rarest: float = 1.0


class Scored(NamedTuple):
    """Of N clips: probability (N, C), total and epistemic (N,) in nats."""

    probability: np.ndarray
    total: np.ndarray
    epistemic: np.ndarray


Learn = Callable[[np.ndarray, int], Callable[[np.ndarray], Scored]]


def simulate(
    clips: Clips, learn: Learn, order: str, seed: int, fold: int, rounds: Rounds
) -> list[float]:
    """Accuracy on `fold` after training on the first clips, and after each round of `step` more.

    learn: positions of labelled clips and a seed to a scorer of positions. The fold that tests has
    all its clips, so that classes count alike there.
    """
    rng = np.random.default_rng(derive_seed(seed, "first clips"))
    target = clips.labels.argmax(dim=1).numpy()
    pool, test = (np.flatnonzero(where) for where in (clips.folds != fold, clips.folds == fold))
    shuffled, classes = rng.permutation(pool), clips.labels.shape[1]
    by_class = [shuffled[target[shuffled] == name] for name in range(classes)]
    shares = rng.permutation(rounds.rarest ** np.linspace(0, 1, classes))
    sizes = [max(rounds.first, round(len(by_class[n]) * shares[n])) for n in range(classes)]
    pool = np.concatenate([one[:size] for one, size in zip(by_class, sizes, strict=True)])
    labelled = np.concatenate([one[: rounds.first] for one in by_class])
    found = []
    for number in range(rounds.rounds + 1):
        scorer = learn(labelled, derive_seed(seed, "training", number))
        right = scorer(test).probability.argmax(axis=1) == target[test]
        found.append(float(right.mean()))
        rest = np.setdiff1d(pool, labelled)
        asked = _first_of(order, rest, scorer, derive_seed(seed, order, number))
        asked = asked[: rounds.step]
        labelled = np.concatenate([labelled, asked])
    return found


def _first_of(
    order: str, rest: np.ndarray, scorer: Callable[[np.ndarray], Scored], seed: int
) -> np.ndarray:
    if order == "random":
        return np.random.default_rng(seed).permutation(rest)
    scored = scorer(rest)
    names = [str(number) for number in range(scored.probability.shape[1])]
    windows = pd.DataFrame(scored.probability, columns=probability_columns(names))
    windows = windows.assign(**dict.fromkeys(MEASURES, np.nan))
    windows = windows.assign(total=scored.total, epistemic=scored.epistemic)
    priority = priorities(windows, names, np.full(len(names), np.inf))[order]
    return rest[np.argsort(-priority, kind="stable")]


class Reviewed(Bench):
    """Embeddings of a dataset by mn04, and heads trained on some of them."""

    def prepare(self, dataset: str) -> Clips:
        self._extract(dataset)
        entry = self.config["pretrain"]["checkpoints"]["det"]
        weights, start = self.folder / entry["file"], self.folder / "upstream.safetensors"
        print(fetch_archive(entry, weights, self.arguments.mirror), flush=True)
        features = feature_settings(self.config["features"])
        network = {**self.network, "model": model_settings(self.config["model"])}
        import_weights("det", weights, network | {"features": features, "entry": {}}, start)
        self.state, _ = load_checkpoint(start)
        with FeatureStore(self._features(dataset)) as store:
            self.classes = list(store.classes)
            rows = LogmelDataset(store, np.arange(len(store.clip_ids)))
            seed, device = self.arguments.seed, torch.device("cpu")
            made = cached(self._fresh(seed), rows, 1, None, BATCH, seed, device)
            folds = np.asarray(store.fold)
            return Clips(made.embeddings, made.labels, folds, np.asarray(store.clip_ids))

    def _fresh(self, seed: int) -> Network:
        torch.manual_seed(seed)
        network = build_transferred(STRATEGY, len(self.classes), self.network)
        load_backbone(network, self.state)
        freeze_backbone(network)
        return network

    def learn(self, clips: Clips, labelled: np.ndarray, seed: int) -> Callable:
        """Train a new head, as the fixed phase does, for the arguments' number of steps."""
        network = self._fresh(seed)
        head, block = Head(network), self.config["transfer"]
        recipe = Transfer.of(
            {
                "training": Transfer.settings(
                    self.config["training"], block, block["fixed"], {"views": 1}
                )
            }
        )
        weight = kl_weight(self.config["kl"], len(labelled), len(self.classes), "multiclass")
        reduction = self.config["kl"]["reduction"]
        training = ClassifierTraining(head, recipe, "multiclass", weight, reduction).train()
        steps, rng = self.arguments.steps, np.random.default_rng(seed)
        optimizer, schedule = training.optimizer(steps, steps)
        for _ in range(steps):
            chosen = torch.from_numpy(rng.permutation(labelled)[:BATCH])
            optimizer.zero_grad()
            training((clips.embeddings[chosen], clips.labels[chosen]))["objective"].backward()
            optimizer.step()
            schedule.step()
        network.eval()
        plan = SamplingPlan(SAMPLES, 1, seed)
        return lambda rows: _scores(network, clips, rows, plan)


class _HeadOnly:
    """A network whose clips come embedded, as `sample` takes it."""

    def __init__(self, network: Network) -> None:
        self.classify, self.pooled = network.classify, network.pooled
        self._modules = list(network.renewed().values())

    def stages(self) -> list:
        return [(self.classify, self._modules)]


def _scores(network: Network, clips: Clips, rows: np.ndarray, plan: SamplingPlan) -> Scored:
    keys = clip_keys(plan.seed, clips.names[rows])
    embedded = clips.embeddings[torch.from_numpy(rows), 0]
    one: Any = _HeadOnly(network)
    (found,) = sample(one, embedded, keys, "multiclass", plan)
    arrays = (found.mean_probability, found.total, found.epistemic)
    return Scored(*(array.numpy() for array in arrays))


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    config = merge(*(read_layer(CONFIG / f"{n}.yaml") for n in ("config", "own", "laptop")))
    config = merge(config, {"datasets": {"esc50": ESC50}})
    with tempfile.TemporaryDirectory() as scratch:
        bench = Reviewed(config, arguments, Path(arguments.kept or scratch))
        clips = bench.prepare(arguments.dataset)

        learned: dict[tuple, Callable] = {}

        def learn(labelled: np.ndarray, seed: int) -> Callable:
            # All orders of a seed begin alike.
            key = (seed, *labelled.tolist())
            if key not in learned:
                learned[key] = bench.learn(clips, labelled, seed)
            return learned[key]

        found: dict[str, list] = {order: [] for order in ORDERS}
        for seed in range(1, arguments.seeds + 1):
            for order in ORDERS:
                names = ("first", "step", "rounds", "rarest")
                rounds = Rounds(*(getattr(arguments, name) for name in names))
                fold = (seed - 1) % 5 + 1
                found[order].append(simulate(clips, learn, order, seed, fold, rounds))
                print(seed, order, *(f"{one:.3f}" for one in found[order][-1]), flush=True)
    report = {
        "command": command(arguments.mirror),
        "machine": machine("torch"),
        "load_average_at_the_end": os.getloadavg(),
        "settings": {
            k: str(v) for k, v in vars(arguments).items() if k not in ("mirror", "out", "kept")
        },
        "classes": len(bench.classes),
        "accuracy": found,
    }
    publish(report, _markdown(report, arguments), arguments.out)


def _markdown(report: Mapping[str, Any], arguments: argparse.Namespace) -> str:
    first, step, rounds = arguments.first, arguments.step, arguments.rounds
    start = first * report["classes"]
    sizes = [start + step * number for number in range(rounds + 1)]
    accuracy = {order: np.array(values) for order, values in report["accuracy"].items()}
    lines = [f"`{report['command']}`", ""]
    lines += [f"- {name}: {value}" for name, value in report["machine"].items()]
    lines += [
        "",
        f"Real {arguments.dataset} on mn04's frozen embeddings, a {STRATEGY} head of {SAMPLES} "
        f"Monte Carlo samples, {arguments.steps} steps a training; {first} clip(s) of each class "
        f"at the start, then {rounds} rounds of {step} clips by the order{_rarity(arguments)}. "
        "Accuracy on all clips of the fold "
        f"that was left out, mean over {arguments.seeds} seeds, each with its fold.",
        "",
        "| order | " + " | ".join(f"{size} clips" for size in sizes) + " | mean after the start |",
        "|:--|" + "--:|" * (len(sizes) + 1),
    ]
    for order, values in accuracy.items():
        cells = [f"{one:.3f}" for one in values.mean(axis=0)] + [f"{values[:, 1:].mean():.3f}"]
        lines.append(f"| {order} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Less random, seed by seed, with the 95 % interval of the mean (Student's t):",
        "",
    ]
    lines += ["| order | mean after the start | after the last round |", "|:--|--:|--:|"]
    for order in ORDERS[:-1]:
        gain = accuracy[order] - accuracy["random"]
        cells = [_interval(gain[:, 1:].mean(axis=1)), _interval(gain[:, -1])]
        lines.append(f"| {order} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _rarity(arguments: argparse.Namespace) -> str:
    if arguments.rarest == 1:
        return ""
    return (
        f", of a pool in which the rarest class has {arguments.rarest:g} of the largest one's clips"
    )


def _interval(values: np.ndarray) -> str:
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return f"{values.mean():+.3f} ± {half:.3f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mirror", help="folder with the archives, before the network")
    parser.add_argument("--dataset", choices=("esc10", "esc50"), default="esc10")
    parser.add_argument("--first", type=int, default=1, help="clips of each class at the start")
    parser.add_argument("--step", type=int, default=10, help="clips that are labelled in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rarest", type=float, default=1.0, help="share of the rarest class")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=150, help="of each training")
    parser.add_argument("--seed", type=int, default=1, help="of the embeddings")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--kept", help="folder of features, used again")
    parser.add_argument("--out", type=Path, help="result file, without its ending")
    return parser.parse_args()


if __name__ == "__main__":
    main()
