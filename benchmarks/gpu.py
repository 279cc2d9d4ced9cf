"""The full-size networks on a GPU: throughput, share of the matrix rate, memory, and ESC-10.

Each network (det, drop, flip) trains and predicts in float32 (TensorFloat-32 off) and bfloat16
(autocast), with and without torch.compile. The share of the card's rate is 2 operations for each
MAC (three passes for a training step) over what a large bfloat16 matrix product reaches in the same
run. With a mirror, one fold of real ESC-10 is trained from scratch at full size, det and flip. Run
it with `make bench-gpu`; `--tiny` is the same on a CPU with sizes that mean nothing.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from reporting import machine, publish
from torch import nn

from vipann.config import merge, read_layer
from vipann.models.bayesian import is_bayesian, kl_divergence
from vipann.models.complexity import complexity
from vipann.models.flipout import fixed_posteriors
from vipann.models.strategies import build_transferred
from vipann.parts import bands_of, feature_settings

CONFIG = Path(__file__).parents[1] / "config"
CLASSES, CLIP_SECONDS = 50, 5.0
STRATEGIES = ("det", "drop", "flip")
PRECISIONS = ("float32", "bfloat16")
TINY: dict[str, Any] = {
    "model": {"resnet54": {"width": 2, "blocks": [1, 1, 1, 1]}},
    "features": {"logmel": {"hop_length": 3200, "window_length": 4096}},
    "scratch": {"epochs": 1},
    "evaluation": {"mc_samples": 2, "replications": 2},
}


def main() -> None:
    arguments = _arguments()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu" and not arguments.tiny:
        sys.exit("torch sees no GPU here; --tiny runs the same with small sizes on a CPU")
    config = read_layer(CONFIG / "config.yaml")
    config = merge(config, TINY) if arguments.tiny else config
    rate = matrix_rate(device, 256 if arguments.tiny else 8192)
    kinds = [False] if arguments.no_compile else [False, True]
    report: dict[str, Any] = {
        "command": "python " + " ".join(sys.argv),
        "machine": machine("torch", "lightning-fabric", "bayesian-torch"),
        "device": _device_name(device),
        "driver": {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()},
        "settings": {"batch_size": arguments.batch_size, "clip_seconds": CLIP_SECONDS}
        | {"tiny": arguments.tiny, "repeats": arguments.repeats, "model": config["model"]},
        "bfloat16_matrix_operations_per_second": rate,
        "throughput": [
            throughput(config, strategy, precision, compiled, arguments, device, rate)
            for strategy in STRATEGIES
            for precision in PRECISIONS
            for compiled in kinds
        ],
        "scratch": [],
    }
    if arguments.mirror:
        report["scratch"] = scratch_runs(config, arguments)
    publish(report, _markdown(report), arguments.out)


def matrix_rate(device: torch.device, size: int) -> float:
    """Operations a second (2 for each multiply-add) of a square bfloat16 matrix product."""
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * size**3 / seconds_of(lambda: a @ b, 10, device)


def _settings(config: dict) -> dict[str, Any]:
    kept = {key: config[key] for key in ("model", "bayesian", "moped", "kl")}
    return kept | {"bands": bands_of(config["features"])}


def _operations(config: dict, strategy: str) -> int:
    """Operations of one clip's forward pass, two a multiply-accumulate, without the front end."""
    settings = _settings(config) | {"features": config["features"]["logmel"]}
    counted = complexity(strategy, CLASSES, CLIP_SECONDS, settings)
    return 2 * (counted["macs"] - counted["stft"] - counted["mel"])


def _steps(
    network: nn.Module, compiled: bool, config: dict, precision: str, x: torch.Tensor
) -> tuple[Callable[[], None], Callable[[], None]]:
    """One training step and one Monte Carlo pass over the batch `x` (clips, frames, mel bands)."""
    runner = torch.compile(network) if compiled else network
    labels = torch.randint(CLASSES, (len(x),), device=x.device)
    optimizer = torch.optim.Adam(network.parameters(), amsgrad=True, fused=True)
    autocast = torch.autocast(x.device.type, torch.bfloat16, enabled=precision == "bfloat16")

    def train() -> None:
        with autocast:
            loss = F.cross_entropy(runner(x), labels)
        if is_bayesian(network):
            loss = loss + kl_divergence(network, config["kl"]["reduction"]) / 1600
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    @torch.no_grad()
    def predict() -> None:
        with autocast:
            runner(x)

    return train, predict


def throughput(
    config: dict,
    strategy: str,
    precision: str,
    compiled: bool,
    arguments: argparse.Namespace,
    device: torch.device,
    matrix_rate: float,
) -> dict[str, Any]:
    """Clips a second of training and of Monte Carlo passes, with memory; failures are noted."""
    case = {"strategy": strategy, "precision": precision, "compiled": compiled}
    operations = _operations(config, strategy)
    torch.manual_seed(0)
    network = build_transferred(strategy, CLASSES, _settings(config)).to(device)
    features = config["features"]["logmel"]
    frames = 1 + round(CLIP_SECONDS * features["sample_rate"]) // features["hop_length"]
    x = torch.randn(arguments.batch_size, frames, features["mel_bands"], device=device)
    train, predict = _steps(network, compiled, config, precision, x)
    for name, passes, run in (("training", 3, train), ("inference", 1, predict)):
        network.train(name == "training")
        posteriors = fixed_posteriors(network) if name == "inference" else nullcontext()
        try:
            _reset_memory(device)
            with posteriors:
                seconds = seconds_of(run, arguments.repeats, device)
        except RuntimeError as error:
            # What the compiler or the memory refuses is a result too.
            case[f"{name}_error"] = str(error).splitlines()[0][:200]
            continue
        rate = arguments.batch_size / seconds
        case[f"{name}_clips_per_s"] = rate
        case[f"{name}_share"] = rate * operations * passes / matrix_rate
        case[f"{name}_peak_gib"] = _peak_gib(device)
    print(case, file=sys.stderr, flush=True)
    return case


def scratch_runs(config: dict, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Fold 1 of real ESC-10 from scratch, det and flip: seconds and accuracy."""
    from vipann.datasets.archives import fetch_archive
    from vipann.datasets.building import build_manifest
    from vipann.datasets.registry import adapter
    from vipann.evaluation.predict import predict
    from vipann.evaluation.predictions import read_predictions
    from vipann.features.extract import extract_features
    from vipann.training.launch import Runtime
    from vipann.training.stages import Job, train_from_scratch

    block = read_layer(CONFIG / "esc10.yaml")["datasets"]["esc10"]
    training = {k: v for k, v in config["scratch"].items() if k != "strategies"}
    training |= {"validation": {"split": "none"}}
    if arguments.epochs:
        training["epochs"] = arguments.epochs
    keys = ("model", "bayesian", "moped", "kl")
    settings = {key: config[key] for key in keys} | {"training": training, "seed": 1}
    settings |= {"bands": bands_of(config["features"])}
    scoring = {key: config["evaluation"][key] for key in ("mc_samples", "replications")}
    scoring |= {"seed": 1, "dataset": "esc10", "scored_dataset": "esc10"}
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        audio, archive = folder / "audio", folder / block["archives"][0]["file"]
        manifest, features = folder / "m.parquet", folder / "f.h5"
        audio.mkdir()
        fetch_archive(block["archives"][0], archive, arguments.mirror, None)
        adapter(block["adapter"]).place_audio([archive], audio, block, 1)
        build_manifest(block["adapter"], audio, block, 1, manifest, folder / "missing.csv")
        extract_features(
            manifest, audio, block, feature_settings(config["features"]), features, workers=2
        )
        for strategy in ("det", "flip"):
            out, scores = folder / "c.safetensors", folder / "p.h5"
            started = time.perf_counter()
            job = Job(strategy, "scratch", 1, features, None, settings, out)
            train_from_scratch(job, Runtime(accelerator="auto"))
            trained = time.perf_counter()
            predict(out, features, {"folds": [1]}, scoring, "auto", 80, scores)
            predictions = read_predictions(scores)
            found.append(
                {
                    "strategy": strategy,
                    "fold": 1,
                    "epochs": training["epochs"],
                    "training_s": trained - started,
                    "prediction_s": time.perf_counter() - trained,
                    "accuracy": float((predictions.predicted == predictions.targets).mean()),
                }
            )
    return found


def seconds_of(run: Callable[[], Any], repeats: int, device: torch.device) -> float:
    """Median seconds of `run`, after three runs to warm up."""
    found = []
    for number in range(3 + repeats):
        _synchronise(device)
        started = time.perf_counter()
        run()
        _synchronise(device)
        if number >= 3:
            found.append(time.perf_counter() - started)
    return statistics.median(found)


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _reset_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _peak_gib(device: torch.device) -> float | None:
    return torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def _markdown(report: dict) -> str:
    lines = [f"`{report['command']}`", "", f"- device: {report['device']}"]
    lines += [f"- {name}: {value}" for name, value in report["machine"].items()]
    lines += [f"- {name}: {value}" for name, value in report["driver"].items()]
    rate = report["bfloat16_matrix_operations_per_second"]
    lines += [
        "",
        f"Batches of {report['settings']['batch_size']} clips of "
        f"{report['settings']['clip_seconds']:g} s. A bfloat16 matrix product reached "
        f"{rate / 1e12:.3g} TFLOP/s; `share` is of that. float32 is without TensorFloat-32.",
        "",
        "| network | precision | compiled | training, clips/s | share | GiB "
        "| prediction, passes/s | share | GiB |",
        "|:--|:--|:--|--:|--:|--:|--:|--:|--:|",
    ]
    for case in report["throughput"]:
        cells = [case["strategy"], case["precision"], "yes" if case["compiled"] else "no"]
        for name in ("training", "inference"):
            if f"{name}_error" in case:
                cells += [f"failed: {case[f'{name}_error']}", "", ""]
                continue
            peak = case[f"{name}_peak_gib"]
            share = case[f"{name}_share"]
            cells += [f"{case[f'{name}_clips_per_s']:.1f}", f"{share:.1%}"]
            cells.append("–" if peak is None else f"{peak:.2f}")
        lines.append("| " + " | ".join(cells) + " |")
    for run in report["scratch"]:
        lines += [
            "",
            f"ESC-10 from scratch, {run['strategy']}, fold {run['fold']}, {run['epochs']} epochs: "
            f"accuracy {run['accuracy']:.3f}; training {run['training_s']:.0f} s, "
            f"prediction {run['prediction_s']:.0f} s.",
        ]
    return "\n".join(lines) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=20, help="timed runs, after three")
    parser.add_argument("--no-compile", action="store_true", help="without torch.compile")
    parser.add_argument("--mirror", help="folder with ESC-10, for the run from scratch")
    parser.add_argument("--epochs", type=int, default=200, help="of the run from scratch")
    parser.add_argument("--tiny", action="store_true", help="small sizes, to try the script out")
    parser.add_argument("--out", type=Path, help="result file, without its ending")
    return parser.parse_args()


if __name__ == "__main__":
    main()
