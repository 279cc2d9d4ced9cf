"""Cost of the Bayesian networks against the deterministic one and against bayesian-torch's own.

Each network lives in a process of its own, and runs in turn with the deterministic one, so that
a machine whose speed drifts changes both. Run it with `make bench-models`, on an idle machine.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from reporting import command, machine, publish

from vipann.config import read_layer

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

MALLOC = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "17179869184"}
FRAMES, MEL_BANDS, CLASSES = 501, 64, 50
DET, LIBRARY, HEAD = "det", "flip, bayesian-torch", "head"
HEAD_SAMPLES = 400
CONTENDERS = (LIBRARY, "flip, element", "flip, channel")
MEASURES = ("inference", "training", "memory")
CONFIG = read_layer(Path(__file__).parents[1] / "config/config.yaml")
MOPED_DELTA = CONFIG["moped"]["delta"]


def main() -> None:
    arguments = _arguments()
    if arguments.contender == HEAD:
        print(json.dumps(measure_head_samples(arguments)))
    elif arguments.contender:
        serve(arguments)
    else:
        compare(arguments)


def compare(arguments: argparse.Namespace) -> None:
    """Run every contender against det, in turn, and write the report."""
    pairs = {name: _pair(arguments, name) for name in arguments.contenders}
    report = {
        "command": command(),
        "machine": machine("torch", "bayesian-torch"),
        "settings": {k: v for k, v in vars(arguments).items() if k not in ("contender", "out")},
        "pairs": pairs,
        "det_flip_400_samples": None if arguments.no_head else _head(arguments),
    }
    publish(report, _markdown(report), arguments.out)


def serve(arguments: argparse.Namespace) -> None:
    """Run what is asked for on standard input, once a line, and answer with seconds or GiB."""
    import torch

    from vipann.models.flipout import fixed_posteriors

    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    network, divergence = _build(arguments)
    clips = torch.randn(arguments.batch_size, FRAMES, MEL_BANDS)
    labels = torch.randint(CLASSES, (arguments.batch_size,))
    inference = _inference(network, clips, arguments)
    training = _training_step(network, divergence, clips, labels, arguments)
    guard = fixed_posteriors(network)
    guard.__enter__()
    network.eval()
    for line in sys.stdin:
        asked = line.strip()
        if asked == "training" and guard is not None:
            guard.__exit__(None, None, None)
            guard = None
            network.train()
        if asked == "peak":
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, flush=True)
            continue
        started = time.perf_counter()
        (inference if asked == "inference" else training)()
        print(time.perf_counter() - started, flush=True)


def _pair(arguments: argparse.Namespace, contender: str) -> dict[str, list[float]]:
    """Seconds of det and of a contender, run after run in turn, and the peak memory of each."""
    workers = {DET: _worker(arguments, DET), contender: _worker(arguments, contender)}
    found: dict[str, list[float]] = {}
    for measure in ("inference", "training"):
        for number in range(1 + arguments.repeats):
            for side, worker in workers.items():
                value = _ask(worker, measure)
                if number > 0:  # the first is a warm-up
                    found.setdefault(f"{measure} {_side(side)}", []).append(value)
    for side, worker in workers.items():
        found[f"memory {_side(side)}"] = [_ask(worker, "peak")]
        worker.stdin.close()
        worker.wait()
    print(f"{contender}: {found}", file=sys.stderr, flush=True)
    return found


def _side(name: str) -> str:
    return "det" if name == DET else "own"


def _worker(arguments: argparse.Namespace, contender: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *sys.argv, "--contender", contender],
        env=os.environ | MALLOC | {"OMP_NUM_THREADS": str(arguments.threads)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _ask(worker: subprocess.Popen, what: str) -> float:
    worker.stdin.write(what + "\n")
    worker.stdin.flush()
    return float(worker.stdout.readline())


def _head(arguments: argparse.Namespace) -> dict[str, float]:
    worker = _worker(arguments, HEAD)
    return json.loads(worker.communicate()[0].splitlines()[-1])


def measure_head_samples(arguments: argparse.Namespace) -> dict[str, float]:
    """Seconds of 400 Monte Carlo samples of Det-Flip and of one deterministic pass, in turn."""
    import torch

    from vipann.evaluation.predict import SamplingPlan, sample
    from vipann.models.clip_rng import clip_keys
    from vipann.models.strategies import build_transferred

    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    model = CONFIG["model"] | {"resnet54": {"width": arguments.width}}
    settings = {"model": model, "bayesian": CONFIG["bayesian"], "bands": MEL_BANDS}
    clips = torch.randn(arguments.head_clips, FRAMES, MEL_BANDS)
    keys = clip_keys(0, map(str, range(len(clips))))

    def scored(strategy: str) -> Callable[[], None]:
        network = build_transferred(strategy, CLASSES, settings).eval()
        plan = SamplingPlan(mc_samples=HEAD_SAMPLES, replications=1, seed=0)
        return lambda: sample(network, clips, keys, "multiclass", plan)

    det, det_flip = scored("det"), scored("det_flip")
    pairs = [(_median_s(det, 1), _median_s(det_flip, 1)) for _ in range(arguments.repeats)]
    ratios = [flip / det for det, flip in pairs]
    return {
        "det_s": statistics.median(d for d, _ in pairs),
        "det_flip_s": statistics.median(f for _, f in pairs),
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
    }


def _build(arguments: argparse.Namespace) -> tuple:
    from bayesian_torch.models.dnn_to_bnn import dnn_to_bnn, get_kl_loss

    from vipann.models.bayesian import bayesian_torch_settings, kl_divergence, to_flipout
    from vipann.models.strategies import network_of

    model = CONFIG["model"] | {"resnet54": {"width": arguments.width}}
    network = network_of(model, MEL_BANDS, CLASSES, output_dropout=True)
    contender = arguments.contender
    if contender == LIBRARY:
        dnn_to_bnn(network, bayesian_torch_settings(CONFIG["bayesian"], MOPED_DELTA))
        return network, get_kl_loss
    if contender == DET:
        return network, None
    to_flipout(network, CONFIG["bayesian"] | {"signs": contender.split(", ")[1]}, MOPED_DELTA)
    return network, kl_divergence


def _inference(
    network: "nn.Module", clips: "Tensor", arguments: argparse.Namespace
) -> Callable[[], None]:
    import torch

    from vipann.models.clip_rng import clip_keys, draws_of

    keys = clip_keys(0, map(str, range(len(clips))))

    def run() -> None:
        with torch.inference_mode(), _precision(arguments), draws_of(keys):
            network(clips)

    return run


def _training_step(
    network: "nn.Module",
    divergence: Callable | None,
    clips: "Tensor",
    labels: "Tensor",
    arguments: argparse.Namespace,
) -> Callable[[], None]:
    import torch
    import torch.nn.functional as F

    optimizer = torch.optim.Adam(network.parameters(), amsgrad=True, fused=not arguments.unfused)

    def step() -> None:
        with _precision(arguments):
            loss = F.cross_entropy(network(clips), labels)
        if divergence is not None:
            loss = loss + divergence(network) / 1600
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def _precision(arguments: argparse.Namespace) -> "torch.autocast":
    import torch

    return torch.autocast("cpu", torch.bfloat16, enabled=arguments.bf16)


def _median_s(run: Callable[[], None], repeats: int) -> float:
    run()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def _markdown(report: dict) -> str:
    lines = [f"`{report['command']}`", ""]
    lines += [f"- {name}: {value}" for name, value in report["machine"].items()]
    lines += [
        "",
        "Each network ran in turn with det, run after run. Medians; of the ratios to the det run "
        "just before, [first quartile, third quartile] too.",
        "",
        "| network | inference, s | x det | training step, s | x det | peak memory, GiB | x det |",
        "|:--|--:|--:|--:|--:|--:|--:|",
    ]
    for contender, found in report["pairs"].items():
        cells = [contender]
        for measure in ("inference", "training", "memory"):
            own, det = found[f"{measure} own"], found[f"{measure} det"]
            ratios = [a / b for a, b in zip(own, det, strict=True)]
            cells += [f"{statistics.median(own):.2f}", _spread(ratios)]
        lines.append("| " + " | ".join(cells) + " |")
    det = {m: [x for f in report["pairs"].values() for x in f[f"{m} det"]] for m in MEASURES}
    cells = [f"{statistics.median(values):.2f} | 1" for values in det.values()]
    lines.append("| det | " + " | ".join(cells) + " |")
    head = report["det_flip_400_samples"]
    if head:
        lines += [
            "",
            f"Det-Flip with {HEAD_SAMPLES} Monte Carlo samples: {head['det_flip_s']:.2f} s; one "
            f"deterministic pass over the same {report['settings']['head_clips']} clips: "
            f"{head['det_s']:.2f} s; ratio {head['ratio']:.2f} "
            f"[{head['ratio_min']:.2f}, {head['ratio_max']:.2f}].",
        ]
    return "\n".join(lines) + "\n"


def _spread(ratios: list[float]) -> str:
    median = f"{statistics.median(ratios):.2f}"
    if len(ratios) < 4:
        return median
    low, _, high = statistics.quantiles(ratios, n=4)
    return f"{median} [{low:.2f}, {high:.2f}]"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="timed runs after one warm-up")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--width", type=int, default=64, help="64 is the paper's network")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bf16", action="store_true", help="bfloat16 autocast for all")
    parser.add_argument("--unfused", action="store_true", help="Adam of many small steps")
    parser.add_argument("--contenders", nargs="+", default=CONTENDERS, choices=CONTENDERS)
    parser.add_argument("--head-clips", type=int, default=32)
    parser.add_argument("--no-head", action="store_true", help="without the Det-Flip measurement")
    parser.add_argument("--out", type=Path, help="result file, without its ending")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
