"""From a config to its cost table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vipann.cost.probe import Probe
from vipann.cost.table import cost_frame, write_cost
from vipann.cost.work import size_of, work_of
from vipann.datasets.windows import windows_of
from vipann.errors import UserError
from vipann.features.kinds import kind_of
from vipann.models.complexity import complexity


def estimate(
    config: Mapping[str, Any], manifests: Path, benchmarks: Path, csv: Path | str, md: Path | str
) -> None:
    """Write the cost of the run of `config` to `csv` and `md`.

    manifests, benchmarks: the run's folders; what is in them counts, the rest is estimated.

    Raises:
        UserError: the network is not the ResNet-54 on spectrograms, or a dataset's size is unknown.
    """
    _check_network(config)
    trained_on = [name for name in [*config["transfer_datasets"], config["upstream"]] if name]
    scored = sorted(set(windows_of(config).values()))
    sizes = {name: size_of(config, name, manifests) for name in trained_on + scored}
    network = {key: config[key] for key in ("model", "bayesian", "features")}
    features = kind_of(config["features"])

    def frames(seconds: float) -> int:
        return features.shape(seconds)[0]

    def parameters(strategy: str, classes: int) -> int:
        return complexity(strategy, classes, 1.0, network)["parameters"]

    first = trained_on[0]
    probe = Probe(config, config["datasets"][first]["clip_seconds"], sizes[first].classes)
    efficiency = config["cost"]["data_parallel_efficiency"]
    work = work_of(config, sizes, frames, parameters)
    frame = cost_frame(work, probe.rates(), benchmarks, efficiency)
    counted = "; ".join(f"{name}: {s.clips:,} ({s.source})" for name, s in sizes.items())
    notes = [
        f"One GPU stands for one device like the one measured: {probe.where}.",
        "Stages count one after the other. Jobs of transfer, scratch and prediction take a GPU "
        "each and run side by side, strategy by strategy. Pretraining shares all GPUs at "
        f"{efficiency:.0%} efficiency, an assumption (cost.data_parallel_efficiency), by which the "
        "times of jobs that ran on several GPUs become those of one.",
        "The fixed phase counts forward passes of the backbone and steps of its head; prediction "
        "of Det and Det-Flip one pass a clip.",
        "GB: features, checkpoints (4 bytes a trainable parameter) and predictions. Not counted: "
        "archives, audio, and what an unfinished training job keeps to go on.",
        f"Clips: {counted}.",
    ]
    write_cost(frame, notes, csv, md)


def _check_network(config: Mapping[str, Any]) -> None:
    architecture, kind = config["model"]["architecture"], config["features"]["kind"]
    if architecture != "resnet54" or kind == "embedding":
        raise UserError(
            "cost can be estimated for model.architecture resnet54 alone, on spectrograms; the "
            f"config has model.architecture: {architecture} and features.kind: {kind}. Run a part "
            "of the workflow (fewer folds or steps) instead: the seconds of its jobs are in "
            f"results/{config['run']}/benchmarks"
        )
