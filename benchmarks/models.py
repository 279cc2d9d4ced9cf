"""Cost of the Bayesian networks against the deterministic one and against bayesian-torch's own.

Each contender runs in a process of its own, one after the other, for several rounds; ratios are
taken within a round. Run it with `make bench-models`, on an idle machine.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

MALLOC = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "17179869184"}
FRAMES, MEL_BANDS, CLASSES = 501, 64, 50
DET, LIBRARY, HEAD = "det", "flip, bayesian-torch", "head"
HEAD_SAMPLES = 400
CONTENDERS = (DET, LIBRARY, "flip, element", "flip, channel")
MEASURES = ("inference_s", "training_s", "peak_gib")
BAYESIAN = {
    "prior_mu": 0.0,
    "prior_sigma": 1.0,
    "posterior_mu_init": 0.0,
    "posterior_rho_init": -3.0,
}


def main() -> None:
    arguments = _arguments()
    if arguments.contender:
        measured = measure_head_samples if arguments.contender == HEAD else measure
        print(json.dumps(measured(arguments)))
        return
    rounds = [_round(arguments, number) for number in range(arguments.rounds)]
    head = None if arguments.no_head else _in_process(arguments, HEAD)
    report = {
        "command": "python " + " ".join(sys.argv),
        "machine": _machine(arguments.threads),
        "settings": {k: v for k, v in vars(arguments).items() if k not in ("contender", "out")},
        "rounds": rounds,
        "det_flip_400_samples": head,
    }
    text = _markdown(report)
    print(text)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
        arguments.out.with_suffix(".md").write_text(text)


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """One contender's median seconds of inference and of a training step, and its peak memory."""
    import torch

    from vipann.models.flipout import fixed_posteriors

    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    network, divergence = _build(arguments)
    clips = torch.randn(arguments.batch_size, FRAMES, MEL_BANDS)
    labels = torch.randint(CLASSES, (arguments.batch_size,))
    found = {}
    with fixed_posteriors(network.eval()):
        inference = _inference(network, clips, arguments)
        found["inference_s"] = _median_s(inference, arguments.repeats)
    step = _training_step(network.train(), divergence, clips, labels, arguments)
    found["training_s"] = _median_s(step, arguments.repeats)
    found["peak_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return found


def measure_head_samples(arguments: argparse.Namespace) -> dict[str, float]:
    """Seconds of 400 Monte Carlo samples of Det-Flip and of one deterministic pass, in turn."""
    import torch

    from vipann.evaluation.predict import SamplingPlan, sample
    from vipann.models.draws import clip_keys
    from vipann.models.strategies import build_transferred

    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    model = {"width": arguments.width, "blocks": [3, 4, 6, 3]}
    model["dropout"] = {"conv": 0.2, "linear": 0.5, "block": 0.1, "block_in_monte_carlo": False}
    settings = {"model": model, "bayesian": BAYESIAN, "mel_bands": MEL_BANDS}
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

    from vipann.models.bayesian import kl_divergence, to_flipout
    from vipann.models.resnet54 import ResNet54

    network = ResNet54(CLASSES, width=arguments.width, output_dropout=True)
    contender = arguments.contender
    if contender == LIBRARY:
        library = BAYESIAN | {"type": "Flipout", "moped_enable": True, "moped_delta": 0.5}
        dnn_to_bnn(network, library)
        return network, get_kl_loss
    if contender == DET:
        return network, None
    to_flipout(network, BAYESIAN | {"signs": contender.split(", ")[1]}, 0.5)
    return network, kl_divergence


def _inference(
    network: "nn.Module", clips: "Tensor", arguments: argparse.Namespace
) -> Callable[[], None]:
    import torch

    from vipann.models.draws import clip_keys, draws_of

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


def _round(arguments: argparse.Namespace, number: int) -> dict[str, dict[str, float]]:
    found = {}
    for contender in arguments.contenders:
        found[contender] = _in_process(arguments, contender)
        values = ", ".join(f"{k} {v:.2f}" for k, v in found[contender].items())
        print(f"round {number + 1}: {contender}: {values}", file=sys.stderr, flush=True)
    return found


def _in_process(arguments: argparse.Namespace, contender: str) -> dict[str, float]:
    command = [sys.executable, *sys.argv, "--contender", contender]
    threads = {"OMP_NUM_THREADS": str(arguments.threads)}
    done = subprocess.run(
        command, env=os.environ | MALLOC | threads, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def _machine(threads: int) -> dict[str, str]:
    import bayesian_torch
    import torch

    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        processor = names[0].split(": ")[1] if names else processor
    return {
        "processor": processor,
        "threads": str(threads),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "bayesian-torch": getattr(bayesian_torch, "__version__", None)
        or _version("bayesian-torch"),
        "cpu capability": torch.backends.cpu.get_cpu_capability(),
    }


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def _markdown(report: dict) -> str:
    rounds = report["rounds"]
    lines = [f"`{report['command']}`", ""]
    lines += [f"- {name}: {value}" for name, value in report["machine"].items()]
    lines += [
        "",
        "Median over the rounds and, for ratios to det of the same round, [least, greatest].",
        "",
        "| network | inference, s | x det | training step, s | x det | peak memory, GiB | x det |",
        "|:--|--:|--:|--:|--:|--:|--:|",
    ]
    for contender in rounds[0]:
        cells = [contender]
        for measure_name in MEASURES:
            values = [r[contender][measure_name] for r in rounds]
            ratios = [r[contender][measure_name] / r[DET][measure_name] for r in rounds]
            cells += [
                f"{statistics.median(values):.2f}",
                f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]",
            ]
        lines.append("| " + " | ".join(cells) + " |")
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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="timed runs after one warm-up")
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
