"""A minute's measurement of the machine at hand: steps, passes and features at the run's sizes."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vipann.cost.table import Rate
from vipann.devices import choose_device, resolved_precision
from vipann.features.kinds import kind_of
from vipann.models.bayesian import is_bayesian, kl_divergence
from vipann.models.complexity import complexity
from vipann.models.flipout import fixed_posteriors
from vipann.models.network import Network
from vipann.models.strategies import build_transferred
from vipann.training.backbone_cache import Head

# In the order of their weight: what comes late may be left out. The backward pass costs two forward
# passes, so a training step three.
_ORDER = (
    ("pass", "det"),
    ("frozen", "det"),
    ("train", "det"),
    ("pass", "flip"),
    ("frozen", "flip"),
    ("train", "flip"),
    ("head", "det"),
    ("head", "flip"),
    ("pass", "drop"),
    ("frozen", "drop"),
    ("train", "drop"),
)
_PASSES = {"pass": "forward pass", "frozen": "forward pass"}
_KINDS = _PASSES | {"train": "training step", "head": "training step of a head"}
_TRAINING = 3
_COPIES = {
    ("head", "drop"): (("head", "det"), "as Det's head"),
    ("head", "det_flip"): (("head", "flip"), "as Flip's head"),
    ("pass", "det_flip"): (("pass", "det"), "as Det: 0.1 % more MACs"),
    ("frozen", "det_flip"): (("frozen", "det"), "as Det: 0.1 % more MACs"),
    ("train", "det_flip"): (("train", "det"), "as Det: 0.1 % more MACs"),
}
_CPU_BATCHES = (1, 2)
_REPEATS = 5
_FIRST_TAKES = 3.0
_FEATURE_SHARE = 0.05


class Probe:
    """Measures rates within `seconds` in all; what does not fit is scaled by MACs from det.

    config: the run's; each kind is measured in the precision in which the run computes it. A full
    batch on a GPU, batches of 1 and 2 clips on a CPU. Times of two batch sizes give the seconds of
    a step and those of a clip.
    """

    def __init__(self, config: Mapping[str, Any], clip_seconds: float, classes: int) -> None:
        self.config = config
        self.clip_seconds = clip_seconds
        self.classes = classes
        self.device = choose_device(config["accelerator"])
        self.deadline = time.monotonic() + config["cost"]["probe_seconds"]
        self.settings = {key: config[key] for key in ("model", "bayesian", "moped", "kl")}
        self.settings["mel_bands"] = config["features"]["mel_bands"]
        self.spectrograms = kind_of(config["features"])
        training = resolved_precision(config["training"]["precision"], self.device)
        # Embeddings that are kept are computed in float32, whatever trains on them.
        kept = config["transfer"]["fixed"]["cache"] == "embeddings"
        self.precisions = {
            "train": training,
            "head": training,
            "frozen": "float32" if kept else training,
            "pass": resolved_precision(config["evaluation"]["precision"], self.device),
        }
        self._built: tuple[str, Any] = ("", None)
        self._macs = cache(self._counted_macs)

    def rates(self) -> dict[tuple[str, str], Rate]:
        """(kind, strategy) -> Rate for the kinds features, frozen, head, pass and train."""
        found: dict[tuple[str, str], Rate] = {("features", ""): self.features()}
        same = self.precisions["frozen"] == self.precisions["pass"]
        for kind, strategy in _ORDER:
            if kind == "frozen" and same:
                found[kind, strategy] = found["pass", strategy]
                continue
            base = found.get(("pass", "det"))
            if base and time.monotonic() + self._guess(base, kind, strategy) > self.deadline:
                found[kind, strategy] = self._by_macs(base, kind, strategy)
            else:
                found[kind, strategy] = self._measured(kind, strategy)
        for key, (model, how) in _COPIES.items():
            found[key] = replace(found[model], scaled=f"{found[model].scaled}; {how}".lstrip("; "))
        return found

    @property
    def where(self) -> str:
        """The device in words."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        threads = torch.get_num_threads()
        return f"CPU, {threads} thread{'s' * (threads > 1)}"

    def features(self) -> Rate:
        """Log-mel of noise in one thread, without decoding and resampling."""
        front_end = self.spectrograms.front_end
        samples = round(self.clip_seconds * self.config["features"]["sample_rate"])
        noise = np.random.default_rng(0).normal(size=samples).astype(np.float32)
        budget = self.config["cost"]["probe_seconds"] * _FEATURE_SHARE
        seconds = _repeat(lambda: front_end(noise), budget)
        return Rate(
            0.0,
            seconds,
            self.clip_seconds,
            f"log-mel of noise, {1 / seconds:.3g} clips/s, one thread",
            "decoding and resampling not counted",
        )

    def _measured(self, kind: str, strategy: str) -> Rate:
        torch.manual_seed(0)
        network = self._network(strategy)
        sizes = self._sizes(kind)
        times = []
        for size in sizes:
            run = self._runner(kind, network, size)
            run()
            # On a CPU a single repetition may be all that fits.
            share = (self.deadline - time.monotonic()) / 20
            times.append(_repeat(run, share, self._synchronise))
        per_step, per_clip = line_through(sizes, times)
        if kind == "head":
            per_step, per_clip = times[-1], 0.0
        measured = ", ".join(
            f"{seconds:.3g} s for {size}" for size, seconds in zip(sizes, times, strict=True)
        )
        what = f"{_KINDS[kind]} of {strategy} in {self.precisions[kind]}"
        source = f"probe: {what}, {self.where}: {measured} clips"
        reduced = self.device.type != "cuda" and kind != "head"
        scaled = "step and clip apart, from batches smaller than the run's" if reduced else ""
        return Rate(per_step, per_clip, self.clip_seconds, source, scaled)

    def _sizes(self, kind: str) -> tuple[int, ...]:
        batch = self.config["transfer"]["batch_size"]
        if kind == "head":
            return (batch,)
        return (batch // 2, batch) if self.device.type == "cuda" else _CPU_BATCHES

    def _runner(self, kind: str, network: Network, size: int) -> Callable[[], None]:
        shape = (size, *self.spectrograms.shape(self.clip_seconds))
        if kind == "head":
            shape = (size, 1, network.fc1.in_features)
        x = torch.randn(shape, device=self.device)
        if kind in _PASSES:
            return lambda: _pass(network, x, self._autocast(kind))
        trained = Head(network) if kind == "head" else network
        optimizer = torch.optim.Adam(trained.parameters(), amsgrad=True, fused=True)
        labels = torch.zeros(size, dtype=torch.long, device=self.device)
        return lambda: self._step(trained.train(), optimizer, x, labels, self._autocast(kind))

    def _step(
        self,
        network: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        x: Tensor,
        labels: Tensor,
        autocast: torch.autocast,
    ) -> None:
        with autocast:
            loss = F.cross_entropy(network(x).float(), labels)
            if is_bayesian(network):
                loss = loss + kl_divergence(network, self.config["kl"]["reduction"])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    def _autocast(self, kind: str) -> torch.autocast:
        lower = self.precisions[kind] == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, lower)

    def _synchronise(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _network(self, strategy: str) -> Network:
        """Built once, and kept until another strategy's turn: a full Flipout takes seconds."""
        if self._built[0] != strategy:
            self._built = ("", None)
            network = build_transferred(strategy, self.classes, self.settings)
            self._built = (strategy, network.to(self.device))
        return self._built[1]

    def _guess(self, base: Rate, kind: str, strategy: str) -> float:
        """Seconds that a measurement takes, if MACs told; `_FIRST_TAKES` has room for building."""
        once = base.per_step + max(_CPU_BATCHES) * base.per_clip
        ratio = self._ratio(kind, strategy)
        return _FIRST_TAKES * (ratio * base.per_clip if kind == "head" else ratio * once)

    def _by_macs(self, base: Rate, kind: str, strategy: str) -> Rate:
        ratio = self._ratio(kind, strategy)
        how = f"not measured, for time: x {ratio:.3g}, by MACs"
        if self.precisions[kind] != self.precisions["pass"]:
            how += f", the run being in {self.precisions[kind]}"
        if kind == "head":
            return Rate(ratio * base.per_clip, 0.0, base.clip_seconds, base.source, how)
        if kind == "train":
            how += ", three forward passes for a step"
        per_step, per_clip = ratio * base.per_step, ratio * base.per_clip
        return Rate(
            per_step, per_clip, base.clip_seconds, base.source, f"{base.scaled}; {how}".lstrip("; ")
        )

    def _ratio(self, kind: str, strategy: str) -> float:
        """MACs of a clip, or of a step of the head, over those of a clip's deterministic pass."""
        if kind == "head":
            embedding = self.config["model"]["width"] * 32
            macs = embedding * (embedding + self.classes) * (2 if strategy == "flip" else 1)
            macs *= self.config["transfer"]["batch_size"]
        else:
            macs = self._macs(strategy)
        return macs * (1 if kind in _PASSES else _TRAINING) / self._macs("det")

    def _counted_macs(self, strategy: str) -> int:
        settings = self.settings | {"features": self.config["features"]}
        found = complexity(strategy, self.classes, self.clip_seconds, settings)
        return found["macs"] - found["stft"] - found["mel"]


def line_through(sizes: tuple[int, ...], seconds: list[float]) -> tuple[float, float]:
    """Seconds per step and per clip of two batch sizes' times; neither is below 0.

    Where the larger batch took no longer, all of its time is put down to its clips.
    """
    if len(sizes) == 2:
        per_clip = (seconds[1] - seconds[0]) / (sizes[1] - sizes[0])
        per_step = seconds[0] - sizes[0] * per_clip
        if per_clip > 0:
            return (per_step, per_clip) if per_step >= 0 else (0.0, seconds[1] / sizes[1])
    return 0.0, seconds[-1] / sizes[-1]


@torch.inference_mode()
def _pass(network: Network, x: Tensor, autocast: torch.autocast) -> None:
    with autocast, fixed_posteriors(network):
        network.eval()(x)


def _repeat(
    run: Callable[[], Any], seconds: float, synchronise: Callable[[], None] = lambda: None
) -> float:
    """Median seconds of `run`, once at least, up to five times while `seconds` last."""
    found: list[float] = []
    end = time.monotonic() + seconds
    while not found or (len(found) < _REPEATS and time.monotonic() < end):
        synchronise()
        started = time.perf_counter()
        run()
        synchronise()
        found.append(time.perf_counter() - started)
    return statistics.median(found)
