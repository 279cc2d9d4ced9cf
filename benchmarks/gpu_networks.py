"""What `gpu.py` times and compares: the networks, trained and sampled as the workflow does it."""

import copy
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.utils.flop_counter import FlopCounterMode

from vipann.evaluation.predict import SamplingPlan, sample
from vipann.models.bayesian import is_bayesian, kl_divergence
from vipann.models.clip_rng import clip_keys, draws_of
from vipann.models.encoders.resnet54 import Bottleneck
from vipann.models.flipout import fixed_posteriors
from vipann.models.network import Network
from vipann.models.strategies import Strategy, build_transferred
from vipann.parts import bands_of
from vipann.training.objective import ClassifierTraining, kl_weight
from vipann.training.recipe import Transfer

# Of the transfer to ESC-50: four of five folds of 2,000 clips of 5 s.
CLASSES, CLIP_SECONDS, TRAINING_CLIPS = 50, 5.0, 1600
# tf32 is torch's own setting for float32: convolutions in TensorFloat-32, matrix products not.
PRECISIONS = ("bfloat16", "tf32", "float32")
_WARM_UP = 3

Config = Mapping[str, Any]


def frame_shape(config: Config) -> tuple[int, int]:
    """Frames and mel bands of a clip of `CLIP_SECONDS`."""
    logmel = config["features"]["logmel"]
    samples = round(CLIP_SECONDS * logmel["sample_rate"])
    return 1 + samples // logmel["hop_length"], logmel["mel_bands"]


def build(config: Config, strategy: Strategy) -> Network:
    """The network of `strategy` for a transfer dataset, at random, on the CPU."""
    settings = {key: config[key] for key in ("model", "bayesian", "moped", "kl")}
    torch.manual_seed(0)
    return build_transferred(strategy, CLASSES, settings | {"bands": bands_of(config["features"])})


@contextmanager
def arithmetic(precision: str) -> Iterator[None]:
    """Convolutions of float32 in TensorFloat-32 for "tf32", in float32 otherwise."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=precision == "tf32"):
        yield


def autocast(device: torch.device, precision: str) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def training_step(
    config: Config, network: Network, precision: str, batch: int, compiled: bool = False
) -> Callable[[], None]:
    """A step of the fine-tuning of `network` on one batch that lies on its device already."""
    device = next(network.parameters()).device
    blocks = config["training"], config["transfer"], config["transfer"]["finetuned"]
    recipe = Transfer(**Transfer.settings(*blocks))
    kl = {}
    if is_bayesian(network):
        weight = kl_weight(config["kl"], TRAINING_CLIPS, CLASSES, "multiclass")
        kl = {"kl_weight": weight, "kl_reduction": config["kl"]["reduction"]}
    module = ClassifierTraining(network.train(), recipe, "multiclass", **kl)
    optimizer, _ = module.optimizer(1000, 50)
    if compiled:
        module.compile()
    x = torch.randn(batch, *frame_shape(config), device=device)
    labels = F.one_hot(torch.randint(CLASSES, (batch,), device=device), CLASSES).float()

    def step() -> None:
        with autocast(device, precision):
            losses = module((x, labels))
        losses["objective"].backward()
        norm = get_total_norm([p.grad for p in network.parameters() if p.grad is not None])
        torch.stack([losses["loss"], losses["kl"], norm]).tolist()  # as the loop looks at them
        optimizer.step()
        optimizer.zero_grad()

    return step


def prediction(
    config: Config, network: Network, precision: str, batch: int, samples: int
) -> Callable[[], None]:
    """Scoring of one batch, which lies on the network's device, with `samples` Monte Carlo samples.

    A network without random layers is run once.
    """
    device = next(network.parameters()).device
    plan = SamplingPlan(samples, 1, 0, "bfloat16" if precision == "bfloat16" else "float32")
    x = torch.randn(batch, *frame_shape(config), device=device)
    keys = clip_keys(0, map(str, range(batch))).to(device)
    network.eval()

    def score() -> None:
        for found in sample(network, x, keys, "multiclass", plan):
            found.mean_probability.cpu()

    return score


def operations(run: Callable[[], None]) -> int:
    """Of the convolutions and matrix products in one call of `run`, 2 for each multiply-add."""
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def measured(
    run: Callable[[], None], device: torch.device, repeats: int, limit_s: float
) -> dict[str, Any]:
    """Median `seconds` of `run` and its `peak_gib` of memory, on a GPU.

    After three runs to warm up it runs `repeats` times, or until `limit_s` is over.
    """
    for _ in range(_WARM_UP):
        run()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    seconds = timed(run, device, repeats, limit_s)
    peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None
    return {"seconds": statistics.median(seconds), "runs": len(seconds), "peak_gib": peak}


def timed(
    run: Callable[[], None], device: torch.device, repeats: int, limit_s: float
) -> list[float]:
    """Seconds of each of at most `repeats` runs; no new one begins after `limit_s`."""
    seconds: list[float] = []
    while len(seconds) < repeats and (not seconds or sum(seconds) < limit_s):
        synchronise(device)
        started = time.perf_counter()
        run()
        synchronise(device)
        seconds.append(time.perf_counter() - started)
    return seconds


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@torch.no_grad()
def settled(network: Network, x: Tensor) -> Network:
    """`network` with residual branches that count and batch norm's statistics of `x`, (B, T, M).

    At its random start each branch ends in a scale of 0, which would hide what is in it.
    """
    for module in network.modules():
        if isinstance(module, Bottleneck):
            nn.init.ones_(module.bn3.weight)
    network.weigh_latest_batch(1.0)
    network.train()(x)
    return network.eval()


def outcome(
    network: Network, x: Tensor, labels: Tensor, config: Config, precision: str = "float32"
) -> tuple[Tensor, list[Tensor]]:
    """Logits (B, classes) of the clips x (B, T, M), and the gradients of the loss, on the CPU.

    Whatever the device and the type, the draws are the same: what is drawn for clips follows from
    their keys, and the weights' noise is drawn on the CPU here.
    """
    device, generator = x.device, torch.Generator()
    keys = clip_keys(0, map(str, range(len(x)))).to(device)
    network.zero_grad()

    def fill(flat: Tensor) -> None:
        flat.copy_(torch.randn(len(flat), generator=generator))

    with mock.patch("vipann.models.gaussian.fill_normal", fill), arithmetic(precision):
        generator.manual_seed(1)
        cast = autocast(device, precision)
        with torch.no_grad(), fixed_posteriors(network), draws_of(keys), cast:
            logits = network(x)
        generator.manual_seed(1)
        with draws_of(keys), cast:
            loss = F.cross_entropy(network(x).to(x.dtype), labels)
        if is_bayesian(network):
            loss = loss + kl_divergence(network, config["kl"]["reduction"]) / TRAINING_CLIPS
        loss.backward()
    gradients = [p.grad.cpu() for p in network.parameters() if p.grad is not None]
    return logits.cpu().double(), gradients


def differences(
    config: Config, strategy: Strategy, device: torch.device, clips: int
) -> Iterator[dict[str, Any]]:
    """How far the device's numbers are from the CPU's in float32, a row for each arithmetic.

    `largest` is that of the logits, whose own largest is `logit`; `logits` and `gradients` are
    norms of differences over norms. Of det, float64 on the device tells how far the CPU's float32
    itself is off. Flipout's signs depend on the width of the floats: only float32 has the same.
    """
    torch.manual_seed(1)
    x = 20 * torch.randn(clips, *frame_shape(config)) - 40  # dB
    labels = torch.arange(clips) % CLASSES
    network = settled(build(config, strategy), x)
    reference = outcome(network, x, labels, config)
    same_draws = ["float32", "tf32"] if is_bayesian(network) else ["float64", *PRECISIONS[::-1]]
    for precision in same_draws:
        dtype = torch.float64 if precision == "float64" else torch.float32
        row: dict[str, Any] = {"network": strategy, "precision": precision}
        try:
            moved = copy.deepcopy(network).to(device, dtype)
            found = outcome(moved, x.to(device, dtype), labels.to(device), config, precision)
        except RuntimeError as error:
            yield row | {"error": first_line(error)}
            continue
        yield row | {
            "largest": float((found[0] - reference[0]).abs().max()),
            "logit": float(reference[0].abs().max()),
            "logits": _relative([found[0]], [reference[0]]),
            "gradients": _relative(found[1], reference[1]),
        }


def _relative(found: list[Tensor], reference: list[Tensor]) -> float:
    pairs = list(zip(found, reference, strict=True))
    off = sum(float((a.double() - b.double()).square().sum()) for a, b in pairs)
    return (off / sum(float(b.double().square().sum()) for _, b in pairs)) ** 0.5


def first_line(error: BaseException) -> str:
    """What the compiler or the memory refused is a result too: its first line, shortened."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160]
