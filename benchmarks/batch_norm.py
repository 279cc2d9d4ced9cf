"""Batch norm with statistics in blocks against PyTorch's own: errors, and the cost of a training.

Errors are of the variance of float32 values with channels last, against float64. Costs are seconds
of the processor for a training step, of networks that users train on a CPU, with either batch norm
in turn. Run it with `make bench-batch-norm`.
"""

import argparse
import copy
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from reporting import command, machine, publish
from torch import nn

from vipann.config import merge, read_layer
from vipann.models.batch_norm import BatchNorm2d
from vipann.models.strategies import network_of

CONFIG = Path(__file__).parents[1] / "config"
SMALL = {"width": 16, "blocks": [1, 1, 1, 1]}
# Changes to a config's model, clips in a batch, frames, bands.
CASES: dict[str, tuple[str, dict[str, Any], tuple[int, int, int]]] = {
    "ResNet-54 of width 16, 5 s": ("config", {"resnet54": SMALL}, (32, 501, 64)),
    "mn04, 5 s": ("laptop", {}, (32, 501, 128)),
    "frame_mlp, released embeddings": ("audioset_vggish", {}, (256, 10, 128)),
}
SECONDS = (1, 5, 10, 30)  # of 32 clips, 100 frames a second, 64 bands


def main() -> None:
    arguments = _arguments()
    report = {
        "command": command(),
        "machine": machine("torch"),
        "errors": [error(seconds, threads) for seconds in SECONDS for threads in (1, 2)],
        "costs": {name: cost(*case, arguments.repeats) for name, case in CASES.items()},
    }
    publish(report, _markdown(report), arguments.out)


def error(seconds: int, threads: int) -> dict[str, float]:
    """Mean relative errors of the variance of four channels, by PyTorch and by blocks."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    x = torch.randn(32, 4, 100 * seconds + 1, 64).to(memory_format=torch.channels_last)
    right = x.double().var((0, 2, 3))
    found: dict[str, float] = {"seconds": seconds, "threads": threads, "values": x.numel() / 4}
    for name, kind in (("torch", nn.BatchNorm2d), ("blocks", BatchNorm2d)):
        norm = kind(4, momentum=1.0)
        with torch.no_grad():
            norm(x)
        assert norm.running_var is not None
        found[name] = float(((norm.running_var.double() - right) / right).mean())
    return found


def cost(
    config: str, changes: dict[str, Any], shape: tuple[int, int, int], repeats: int
) -> dict[str, list[float]]:
    """Seconds of steps of the network with either batch norm, run after run, on one thread."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    merged = merge(read_layer(CONFIG / "config.yaml"), read_layer(CONFIG / f"{config}.yaml"))
    ours = network_of(merged["model"] | changes, shape[-1], 50).train()
    torchs = copy.deepcopy(ours)
    for module in torchs.modules():
        if type(module) is BatchNorm2d:
            module.__class__ = nn.BatchNorm2d
    x, labels = torch.randn(shape), torch.randint(50, shape[:1])
    steps = {name: _step(n, x, labels) for name, n in (("torch", torchs), ("blocks", ours))}
    found: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(2 + repeats):
        for name, step in steps.items():
            started = time.process_time()
            step()
            if number > 1:
                found[name].append(time.process_time() - started)
    print(found, file=sys.stderr, flush=True)
    return found


def _step(network: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> Callable[[], None]:
    optimizer = torch.optim.Adam(network.parameters(), amsgrad=True, fused=True)

    def step() -> None:
        F.cross_entropy(network(x), labels).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def _markdown(report: dict) -> str:
    lines = [f"`{report['command']}`", ""]
    lines += [f"- {name}: {value}" for name, value in report["machine"].items()]
    lines += [
        "",
        "Mean error of the variance of float32 values with channels last, 32 clips of 100 frames "
        "a second and 64 bands.",
        "",
        "| clips of | values a channel | threads | PyTorch | in blocks |",
        "|:--|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {row['seconds']} s | {row['values']:,.0f} | {row['threads']} "
        f"| {row['torch']:.1e} | {row['blocks']:.1e} |"
        for row in report["errors"]
    ]
    lines += [
        "",
        "Processor seconds of a training step on one thread, either in turn: medians, and the "
        "quartiles of the ratios.",
        "",
        "| network | PyTorch, s | in blocks, s | ratio |",
        "|:--|--:|--:|--:|",
    ]
    for name, found in report["costs"].items():
        ratios = [b / a for a, b in zip(found["torch"], found["blocks"], strict=True)]
        medians = [f"{statistics.median(seconds):.3f}" for seconds in found.values()]
        low, middle, high = statistics.quantiles(ratios, n=4)
        lines.append(
            f"| {name} | " + " | ".join(medians) + f" | {middle:.3f} [{low:.3f}, {high:.3f}] |"
        )
    return "\n".join(lines) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9, help="timed steps of each, after two")
    parser.add_argument("--out", type=Path, help="result file, without its ending")
    return parser.parse_args()


if __name__ == "__main__":
    main()
