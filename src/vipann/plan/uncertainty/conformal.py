"""Conformal sets: their networks, and the settings of their jobs."""

from collections.abc import Iterator
from typing import Any

from vipann.plan.networks import Network
from vipann.plan.run import Run
from vipann.plan.uncertainty import block_of, by_form, networks_in


def networks(run: Run, dataset: str) -> list[Network]:
    """Those of `dataset` whose predictions become sets."""
    block = block_of(run, "conformal")
    return networks_in(run, dataset, block["phases"]) if block else []


def datasets(run: Run) -> list[str]:
    return [name for name in run.tested if networks(run, name)]


def faults(run: Run) -> Iterator[tuple[str, str]]:
    """How many recordings there are, a manifest says: see `recordings_of`."""
    yield from ()


def sets_of(run: Run, dataset: str) -> str:
    """A row for each number."""
    return f"{run.results}/metrics/{dataset}.conformal.parquet"


def recordings_of(run: Run, dataset: str) -> str:
    """How many recordings each fold has, once these are found to be enough."""
    return f"{run.results}/manifests/{dataset}.calibration_recordings.csv"


def recordings_settings(run: Run, dataset: str) -> dict[str, Any]:
    """folds: none where there is one evaluation list."""
    block = block_of(run, "conformal") or {}
    folds = [] if dataset == run.upstream else run.folds(dataset)
    return run.settings("calibration_recordings.py", folds=folds, alphas=block["alpha"])


def settings(run: Run, dataset: str) -> dict[str, Any]:
    """folds: how many files in a row are of one strategy and phase."""
    block = block_of(run, "conformal") or {}
    return run.settings(
        "conformal.py",
        "conformal",
        folds=[len(folds) for folds in by_form(networks(run, dataset))],
        sets={key: block[key] for key in ("splits", "penalty", "free")},
        alphas=block["alpha"],
        resamples=run.config["evaluation"]["bootstrap_resamples"],
    )
