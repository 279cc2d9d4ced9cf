"""Recalibration: its networks, and the settings of its jobs."""

from collections.abc import Iterator
from typing import Any

from vipann.plan.networks import Network
from vipann.plan.run import Run
from vipann.plan.uncertainty import block_of, by_form, networks_in

KEY = "uncertainty.recalibration"


def networks(run: Run, dataset: str) -> list[Network]:
    """Those of `dataset` that are recalibrated."""
    block = block_of(run, "recalibration")
    return networks_in(run, dataset, block["phases"]) if block else []


def datasets(run: Run) -> list[str]:
    return [name for name in run.tested if networks(run, name)]


def faults(run: Run) -> Iterator[tuple[str, str]]:
    on_folds = [name for name in datasets(run) if name != run.upstream]
    if on_folds and run.config["validation"]["split"] == "none":
        text = (
            f"networks of {', '.join(on_folds)} are recalibrated on a fold that their training "
            "leaves out, and validation.split is 'none'. Set validation.split: next_fold (they are "
            f"trained anew, on a fold less), or {KEY}: null"
        )
        yield KEY, text


def scores_of(run: Run, dataset: str) -> str:
    """A row for each number."""
    return f"{run.results}/metrics/{dataset}.recalibration.parquet"


def reliability_of(run: Run, dataset: str) -> str:
    """How often a stated probability comes true, before and after."""
    return f"{run.results}/metrics/{dataset}.recalibration_reliability.parquet"


def files(run: Run, dataset: str) -> dict[str, list[str]]:
    """What its job reads; of upstream networks, half of whose evaluation list calibrates, no
    validation."""
    own = networks(run, dataset)
    validated = [] if dataset == run.upstream else own
    return {
        "predictions": [network.predictions for network in own],
        "validation": [network.validation_predictions for network in validated],
    }


def settings(run: Run, dataset: str) -> dict[str, Any]:
    """folds: how many files in a row are of one strategy and phase."""
    evaluation = run.config["evaluation"]
    return run.settings(
        "recalibrate.py",
        "recalibration",
        folds=[len(folds) for folds in by_form(networks(run, dataset))],
        bins=evaluation["calibration_bins"],
        resamples=evaluation["bootstrap_resamples"],
    )
