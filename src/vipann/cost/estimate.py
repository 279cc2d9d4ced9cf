"""From a config to its cost table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vipann.cost.probe import Probe
from vipann.cost.table import cost_frame, write_cost
from vipann.cost.work import size_of, work_of
from vipann.models.complexity import complexity


def estimate(
    config: Mapping[str, Any], manifests: Path, benchmarks: Path, csv: Path | str, md: Path | str
) -> None:
    """Write the cost of the run of `config` to `csv` and `md`.

    manifests, benchmarks: the run's folders; what is in them counts, the rest is estimated.
    """
    names = [config["upstream"], *config["transfer_datasets"], config["ood"]]
    sizes = {name: size_of(config, name, manifests) for name in names}
    front_end = config["features"]
    network = {key: config[key] for key in ("model", "bayesian")} | {"features": front_end}

    def frames(seconds: float) -> int:
        return 1 + round(seconds * front_end["sample_rate"]) // front_end["hop_length"]

    def parameters(strategy: str, classes: int) -> int:
        return complexity(strategy, classes, 1.0, network)["parameters"]

    first = config["transfer_datasets"][0]
    probe = Probe(config, config["datasets"][first]["clip_seconds"], sizes[first].classes)
    efficiency = config["cost"]["data_parallel_efficiency"]
    work = work_of(config, sizes, frames, parameters)
    frame = cost_frame(work, probe.rates(), benchmarks, efficiency)
    counted = "; ".join(f"{name}: {s.clips:,} ({s.source})" for name, s in sizes.items())
    notes = [
        f"One GPU stands for one device like the one measured: {probe.where}.",
        "Stages count one after the other. Jobs of transfer, scratch and prediction take a GPU "
        "each and run side by side, strategy by strategy. Pretraining shares all GPUs at "
        f"{efficiency:.0%} efficiency, an assumption (cost.data_parallel_efficiency).",
        "The fixed phase counts forward passes of the backbone and steps of its head; prediction "
        "of Det and Det-Flip one pass a clip.",
        "GB: features, checkpoints (4 bytes a trainable parameter) and predictions. Not counted: "
        "archives, audio, and what an unfinished training job keeps to go on.",
        f"Clips: {counted}.",
    ]
    write_cost(frame, notes, csv, md)
