"""Recalibration on a validation fold: what it is on, and the settings of its jobs."""

from collections.abc import Iterator

from vipann.plan.run import Run


def datasets(run: Run) -> list[str]:
    return run.tested if run.config["uncertainty"]["recalibration"] else []


def faults(run: Run) -> Iterator[tuple[str, str]]:
    yield from ()
