"""The full-size networks on one GPU, in one call of a few minutes.

Measured, in this order: the card's rate of bfloat16 matrix products; how far its numbers are from
the CPU's; clips a second, share of that rate and peak memory of each strategy in training and
Monte Carlo prediction; clips a second that the loader gives; training with torch.compile. Each
result is printed and written when it is there, and nothing is begun that would not end within
`--minutes`. Run it with `make bench-gpu`; `--tiny` is the same on a CPU with sizes that mean
nothing.
"""

import argparse
import copy
import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import gpu_networks
import h5py
import numpy as np
import torch
from reporting import command, machine, publish
from torch.utils.data import BatchSampler, RandomSampler

from vipann.config import merge, read_layer
from vipann.features.batches import LogmelDataset, batch_loader
from vipann.features.store import FeatureStore
from vipann.models.flipout import fixed_posteriors
from vipann.models.network import Network
from vipann.models.strategies import STRATEGIES

CONFIG = Path(__file__).parents[1] / "config/config.yaml"
TINY: dict[str, Any] = {
    "model": {"resnet54": {"width": 2, "blocks": [1, 1, 1, 1]}},
    "features": {"logmel": {"hop_length": 3200, "window_length": 4096}},
}
# Seconds that have to be left for another measurement to begin, and that its timed runs may take.
EAGER_S, COMPILED_S, LONGEST_S = 20.0, 120.0, 3.0
LOADER_CLIPS, LOADER_WORKERS, READ_AHEAD = 2048, (0, 2, 4, 8), 32


class Bench:
    """The device, the time left, and the report so far."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.started, self.arguments = time.monotonic(), arguments
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        config = read_layer(CONFIG)
        self.config = merge(config, TINY) if arguments.tiny else config
        self.built: dict[str, Network] = {}
        on_gpu = self.device.type == "cuda"
        self.report: dict[str, Any] = {
            "command": command(),
            "machine": machine("torch", "bayesian-torch"),
            "device": torch.cuda.get_device_name(self.device) if on_gpu else "CPU",
            "driver": {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()},
            "settings": {"tiny": arguments.tiny, "clip_seconds": gpu_networks.CLIP_SECONDS}
            | {"samples": self.config["evaluation"]["mc_samples"], "repeats": arguments.repeats},
            "numbers": [],
            "throughput": [],
            "loader": [],
            "skipped": ["processes that share a batch (DDP): one card is measured"],
        }

    def network(self, strategy: Any) -> Network:
        """A fresh copy on the device: drawing that many weights takes seconds."""
        if strategy not in self.built:
            self.built[strategy] = gpu_networks.build(self.config, strategy)
        return copy.deepcopy(self.built[strategy]).to(self.device)

    def may_begin(self, what: str, seconds: float) -> bool:
        """Whether `seconds` are left; if not, `what` is noted as skipped."""
        left = 60 * self.arguments.minutes - (time.monotonic() - self.started)
        if left >= seconds:
            return True
        self.report["skipped"].append(f"{what}: {left:.0f} s were left")
        return False

    def keep(self, section: str, row: dict[str, Any]) -> None:
        """Print a result at once, and write the report as it is now."""
        self.report[section].append(row)
        print(f"{time.monotonic() - self.started:4.0f} s {section}: {json.dumps(row)}", flush=True)
        self.write()

    def write(self) -> None:
        out = self.arguments.out
        if out:
            publish(self.report, markdown(self.report), out / "gpu", show=False)


def main() -> None:
    arguments = _arguments()
    if not torch.cuda.is_available() and not arguments.tiny:
        sys.exit("torch sees no GPU here; --tiny runs the same with small sizes on a CPU")
    bench = Bench(arguments)
    measure_rate(bench)
    for strategy in ("det", "flip"):
        if bench.may_begin(f"numbers of {strategy}", 2 * EAGER_S):
            compare_numbers(bench, strategy)
    first, *others = arguments.batch_sizes
    cases = [(precision, first) for precision in gpu_networks.PRECISIONS]
    for precision, batch in [*cases, *(("bfloat16", other) for other in others)]:
        for strategy in STRATEGIES:
            measure_network(bench, strategy, precision, batch)
    measure_loader(bench, first)
    for strategy in () if arguments.no_compile else STRATEGIES:
        measure_compiled(bench, strategy, first)
    print(markdown(bench.report))
    bench.write()


def measure_rate(bench: Bench) -> None:
    """Operations a second (2 for each multiply-add) of a square bfloat16 matrix product."""
    size = 256 if bench.arguments.tiny else 8192
    pair = [torch.randn(size, size, device=bench.device, dtype=torch.bfloat16) for _ in range(2)]

    def products() -> None:
        for _ in range(10):
            torch.mm(*pair)

    seconds = gpu_networks.measured(products, bench.device, 10, LONGEST_S)["seconds"]
    rate = gpu_networks.operations(products) / seconds
    bench.report["bfloat16_matrix_operations_per_second"] = rate


def compare_numbers(bench: Bench, strategy: Any) -> None:
    clips = 2 if bench.arguments.tiny else 4
    for row in gpu_networks.differences(bench.config, strategy, bench.device, clips):
        bench.keep("numbers", row)


def measure_network(bench: Bench, strategy: Any, precision: str, batch: int) -> None:
    """Prediction before training, so that neither gradients nor Adam's moments are in memory."""
    if not bench.may_begin(f"{strategy} in {precision}, batch {batch}", EAGER_S):
        return
    _free(bench.device)
    config, samples = bench.config, bench.report["settings"]["samples"]
    network = bench.network(strategy)
    row: dict[str, Any] = {"network": strategy, "precision": precision, "batch": batch}
    with gpu_networks.arithmetic(precision):
        with fixed_posteriors(network):
            score = gpu_networks.prediction(config, network, precision, batch, samples)
            row |= _case(bench, "prediction", score, batch)
        step = gpu_networks.training_step(config, network, precision, batch)
        row |= _case(bench, "training", step, batch)
    bench.keep("throughput", row | {"compiled": False})


def measure_compiled(bench: Bench, strategy: Any, batch: int) -> None:
    """Training as `training.compile: true` has it; the first run is what compiling costs."""
    if not bench.may_begin(f"compiled training of {strategy}", COMPILED_S):
        return
    _free(bench.device)
    torch.compiler.reset()
    row: dict[str, Any] = {"network": strategy, "precision": "bfloat16", "batch": batch}
    network = bench.network(strategy)
    asked = bench.config, network, "bfloat16", batch
    try:
        counted = gpu_networks.operations(gpu_networks.training_step(*asked))
        step = gpu_networks.training_step(*asked, compiled=True)
        row["compile_s"] = gpu_networks.timed(step, bench.device, 1, 0.0)[0]
        row |= _case(bench, "training", step, batch, counted)
    except RuntimeError as error:
        row["training_error"] = gpu_networks.first_line(error)
    bench.keep("throughput", row | {"compiled": True})


def _case(
    bench: Bench, name: str, run: Callable[[], None], batch: int, counted: int | None = None
) -> dict[str, Any]:
    """What is kept of a training step or a prediction; `counted` are its operations, if known."""
    try:
        counted = counted or gpu_networks.operations(run)
        found = gpu_networks.measured(run, bench.device, bench.arguments.repeats, LONGEST_S)
    except RuntimeError as error:
        return {f"{name}_error": gpu_networks.first_line(error)}
    rate = bench.report["bfloat16_matrix_operations_per_second"]
    values = {
        "clips_per_s": batch / found["seconds"],
        "share": counted / found["seconds"] / rate,
        "operations": counted,
        "peak_gib": found["peak_gib"],
        "runs": found["runs"],
    }
    return {f"{name}_{key}": value for key, value in values.items()}


def _free(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def measure_loader(bench: Bench, batch: int) -> None:
    """Clips a second of random batches, from a file that the system holds in memory, to the
    device: what training could take at most."""
    clips, batches = (8 * batch, 64) if bench.arguments.tiny else (LOADER_CLIPS, 1024)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.h5"
        _write_features(path, clips, gpu_networks.frame_shape(bench.config))
        for workers in LOADER_WORKERS[:2] if bench.arguments.tiny else LOADER_WORKERS:
            if not bench.may_begin(f"loader with {workers} workers", EAGER_S):
                continue
            with closing(FeatureStore(path)) as store:
                dataset = LogmelDataset(store, np.arange(clips))
                drawn = RandomSampler(dataset, replacement=True, num_samples=batches * batch)
                order = BatchSampler(drawn, batch, drop_last=True)
                loader = batch_loader(dataset, order, workers, bench.device.type == "cuda")
                rate = batch * _batches_a_second(loader, bench.device)
            bench.keep("loader", {"workers": workers, "batch": batch, "clips_per_s": rate})


def _write_features(path: Path, clips: int, shape: tuple[int, int]) -> None:
    """A features file of noise, laid out as `vipann.features.extract` does."""
    names = [f"clip{number}" for number in range(clips)]
    rows = np.random.default_rng(0).normal(-40, 20, (64, *shape)).astype(np.float16)
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("logmel", (clips, *shape), "float16", chunks=(1, *shape))
        for number in range(clips):
            stored.id.write_direct_chunk((number, 0, 0), rows[number % len(rows)])
        file["labels"] = np.eye(gpu_networks.CLASSES, dtype=np.uint8)[np.arange(clips) % 50]
        file["fold"] = np.ones(clips, dtype=np.int16)
        for name in ("clip_id", "split", "recording"):
            file.create_dataset(name, data=names, dtype=h5py.string_dtype())
        classes = json.dumps([str(number) for number in range(gpu_networks.CLASSES)])
        file.attrs.update(task="multiclass", padding="zero", classes=classes, features="{}")
        file.attrs.update(clip_seconds=gpu_networks.CLIP_SECONDS, manifest_sha256="")


def _batches_a_second(loader: Iterable, device: torch.device) -> float:
    """Of one pass, to the device, without the first `READ_AHEAD`: while the workers start."""
    count = 0
    for features, labels in loader:
        count += 1
        if count == READ_AHEAD:
            gpu_networks.synchronise(device)
            started = time.perf_counter()
        for part in (features, labels):
            part.to(device, non_blocking=True)
    gpu_networks.synchronise(device)
    return (count - READ_AHEAD) / (time.perf_counter() - started)


def markdown(report: dict) -> str:
    lines = [f"`{report['command']}`", "", f"- device: {report['device']}"]
    lines += [f"- {name}: {value}" for name, value in report["machine"].items()]
    lines += [f"- {name}: {value}" for name, value in report["driver"].items()]
    rate = report["bfloat16_matrix_operations_per_second"]
    settings = report["settings"]
    lines += [
        "",
        f"Clips of {settings['clip_seconds']:g} s. A bfloat16 matrix product reached "
        f"{rate / 1e12:.3g} TFLOP/s; `share` is of that. Prediction is one replication: "
        f"{settings['samples']} Monte Carlo samples, of det one pass. tf32: torch's own float32, "
        "with TensorFloat-32 in convolutions.",
        "",
        "| network | precision | batch | compiled | training, clips/s | share | GiB "
        "| prediction, clips/s | share | GiB |",
        "|:--|:--|--:|:--|--:|--:|--:|--:|--:|--:|",
    ]
    lines += ["| " + " | ".join(_cells(row)) + " |" for row in report["throughput"]]
    lines += [*_numbers(report["numbers"]), *_loader(report["loader"], report["throughput"])]
    lines += ["", *(f"Skipped: {what}." for what in report["skipped"])]
    return "\n".join(lines) + "\n"


def _cells(row: dict) -> Iterator[str]:
    yield from (row["network"], row["precision"], str(row["batch"]))
    yield f"in {row['compile_s']:.0f} s" if "compile_s" in row else "no"
    for name in ("training", "prediction"):
        if f"{name}_clips_per_s" not in row:
            yield from (row.get(f"{name}_error", ""), "", "")
            continue
        peak = row[f"{name}_peak_gib"]
        yield f"{row[f'{name}_clips_per_s']:.1f}"
        yield f"{row[f'{name}_share']:.1%}"
        yield "–" if peak is None else f"{peak:.2f}"


def _numbers(rows: list[dict]) -> Iterator[str]:
    yield from (
        "",
        "Against the CPU in float32, same weights, clips and draws: the largest difference of the "
        "logits beside the largest logit, and norms of differences over norms.",
        "",
        "| network | precision | largest difference | largest logit | logits | gradients |",
        "|:--|:--|--:|--:|--:|--:|",
    )
    for row in rows:
        cells = [row["network"], row["precision"]]
        keys = ("largest", "logit", "logits", "gradients")
        cells += ["", "", row["error"], ""] if "error" in row else [f"{row[k]:.2g}" for k in keys]
        yield "| " + " | ".join(cells) + " |"


def _loader(rows: list[dict], cases: list[dict]) -> Iterator[str]:
    fastest = max((case.get("training_clips_per_s", 0.0) for case in cases), default=0.0)
    yield from (
        "",
        f"The loader's limit; the fastest training above takes {fastest:.0f} clips/s.",
        "",
        "| workers | clips/s |",
        "|--:|--:|",
    )
    yield from (f"| {row['workers']} | {row['clips_per_s']:.0f} |" for row in rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--batch-sizes",
        type=int,
        nargs="+",
        default=[32, 128],
        help="all precisions at the first, bfloat16 at the others too",
    )
    parser.add_argument("--repeats", type=int, default=20, help="timed runs, after three")
    parser.add_argument("--minutes", type=float, default=8.0, help="when to stop measuring")
    parser.add_argument("--no-compile", action="store_true", help="without torch.compile")
    parser.add_argument("--tiny", action="store_true", help="small sizes, to try the script out")
    parser.add_argument("--out", type=Path, help="folder for gpu.md and gpu.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
