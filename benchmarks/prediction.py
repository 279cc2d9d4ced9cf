"""Where the time of Monte Carlo prediction goes for frames that another network made: AudioSet's
embeddings, `config/audioset_vggish.yaml`, all layers Flipout.

What a pass is made of takes turns with the whole pass and with its matrix products alone, below
which no pass can come. Processor seconds of one thread count, as they depend less on what else the
machine does. Run it with `make bench-prediction`.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from reporting import machine, publish
from torch import Tensor, nn

from vipann.config import merge, read_layer
from vipann.evaluation.predict import Sampled, SamplingPlan, sample
from vipann.models.clip_rng import clip_keys, draws_of, normal
from vipann.models.flipout import LEAN, LinearFlipout, fixed_posteriors, posteriors
from vipann.models.strategies import build_network

CONFIG = Path(__file__).parents[1] / "config"
FRAMES, BANDS, CLASSES = 10, 128, 527
AUDIOSET_CLIPS, PASSES = 20_371, 60


def main() -> None:
    arguments = _arguments()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    files = ("config.yaml", "audioset_vggish.yaml")
    config = merge(*(read_layer(CONFIG / name) for name in files))
    clips = arguments.clips or config["evaluation"]["batch_size"]
    settings = {key: config[key] for key in ("model", "bayesian", "moped")} | {"bands": BANDS}
    network = build_network("flip", CLASSES, settings).eval()
    dtype = getattr(torch, arguments.precision)
    with (
        torch.inference_mode(),
        fixed_posteriors(network),
        torch.autocast("cpu", torch.bfloat16, dtype == torch.bfloat16),
    ):
        found = _in_turn(_parts(network, clips, dtype), arguments.rounds)
    report = {
        "command": f"make bench-prediction ARGS='--rounds {arguments.rounds} "
        f"--precision {arguments.precision} --clips {clips}'",
        "machine": machine("torch", "bayesian-torch"),
        "load_average": os.getloadavg(),
        "clips": clips,
        "processor_seconds": found,
    }
    publish(report, _markdown(report), arguments.out)


def _parts(network: nn.Module, clips: int, dtype: torch.dtype) -> dict[str, Callable[[], object]]:
    """What is timed, each as often as a pass over the clips does it."""
    layers = [m for m in network.modules() if type(m) in LEAN.values()]
    convolutions = [m for m in layers if not isinstance(m, LinearFlipout)]
    linear = [m for m in layers if isinstance(m, LinearFlipout)]
    keys = clip_keys(0, map(str, range(clips)))
    features, logits = torch.randn(clips, FRAMES, BANDS), torch.randn(clips, CLASSES)
    plan = SamplingPlan(1, 1, 0, str(dtype).removeprefix("torch."))
    inputs = {m: _input(m, clips, dtype) for m in layers}
    weights = {m: posteriors(m)[0].mu.to(dtype) for m in layers}

    def draw_weights() -> None:
        for layer in convolutions:
            layer._draw()

    def draw_outputs() -> None:
        with draws_of(keys):
            for layer in linear:
                normal(clips, torch.empty(clips, len(weights[layer])))

    return {
        "a pass": lambda: sample(network, features, keys, "multilabel", plan),
        "its matrix products": lambda: _products(inputs, weights),
        "its convolutions, two of each": lambda: [
            F.conv2d(inputs[m], weights[m]) for m in convolutions for _ in range(2)
        ],
        "its draws of weights": draw_weights,
        "the head's draws of outputs": draw_outputs,
        "probabilities and entropies": lambda: Sampled("multilabel").count(logits),
    }


def _products(inputs: dict[nn.Module, Tensor], weights: dict[nn.Module, Tensor]) -> None:
    """Two of each layer: with means and with deviations."""
    for layer, x in inputs.items():
        rows = x.movedim(1, -1).reshape(-1, x.shape[1])
        for _ in range(2):
            F.linear(rows, weights[layer].flatten(1))


def _input(layer: nn.Module, clips: int, dtype: torch.dtype) -> Tensor:
    width = posteriors(layer)[0].mu.shape[1]
    if isinstance(layer, LinearFlipout):
        return torch.randn(clips, width).to(dtype)
    x = torch.randn(clips, width, FRAMES, 1).to(dtype)
    return x.contiguous(memory_format=torch.channels_last)


def _in_turn(parts: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Processor seconds of each part in each round, after one that is not counted."""
    found: dict[str, list[float]] = {name: [] for name in parts}
    for number in range(1 + rounds):
        for name, run in parts.items():
            started = time.process_time()
            run()
            if number:
                found[name].append(time.process_time() - started)
    return found


def _markdown(report: dict) -> str:
    about = ", ".join(f"{name} {value}" for name, value in report["machine"].items())
    lines = ["# Monte Carlo prediction of frames", "", f"`{report['command']}`", "", about, ""]
    lines += [f"| one pass over {report['clips']} clips | processor ms | share |", "|:--|--:|--:|"]
    seconds = report["processor_seconds"]
    for name, own in seconds.items():
        ratios = [a / b for a, b in zip(own, seconds["a pass"], strict=True)]
        lines.append(
            f"| {name} | {1e3 * statistics.median(own):.0f} | {statistics.median(ratios):.2f} |"
        )
    whole = statistics.median(seconds["a pass"]) / report["clips"] * AUDIOSET_CLIPS * PASSES
    lines += ["", f"{PASSES} passes over AudioSet's {AUDIOSET_CLIPS} clips: {whole:.0f} s."]
    return "\n".join(lines) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, help="of a pass; default: the config's batch_size")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="result file, without its ending")
    return parser.parse_args()


if __name__ == "__main__":
    main()
