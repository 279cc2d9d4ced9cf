"""Ensembles beside what they are compared with: which datasets have some, and what each costs."""

from collections.abc import Iterator
from typing import Any

from vipann.plan.members import ensembles_of, member_networks
from vipann.plan.networks import PRETRAINED, TRANSFER_PHASES, Network
from vipann.plan.run import Run
from vipann.plan.uncertainty import laplace, swag
from vipann.strategies import CHECKPOINTS, FROM_ONE_TRAINING, LAPLACE


def datasets(run: Run) -> list[str]:
    of_one = swag.datasets(run)
    return [name for name in run.tested if name in of_one or ensembles_of(run, name)]


def faults(run: Run) -> Iterator[tuple[str, str]]:
    yield from ()


def costs(run: Run) -> dict[str, dict[str, list[Any]]]:
    """Dataset -> strategy -> how many trainings it takes, and how many passes of a clip through a
    network, or `AUTO`; going on after fine-tuning is a part of a training, by epochs."""
    return {name: _costs(run, name) for name in datasets(run)}


def _costs(run: Run, dataset: str) -> dict[str, list[Any]]:
    is_upstream = dataset == run.upstream
    place = (None, None, PRETRAINED) if is_upstream else (dataset, 0, TRANSFER_PHASES[-1])
    members = len(member_networks(run, *place))
    found: dict[str, list[Any]] = {"det": [1, 1], "ens": [members, members]}
    found |= {name: [1, Network(run, name, *place).mc_samples] for name in ("drop", "flip")}
    if not is_upstream:
        found["det_flip"] = [1, Network(run, "det_flip", *place).mc_samples]
    if dataset in laplace.datasets(run):
        found[LAPLACE] = [1, 1]
    if dataset in swag.datasets(run):
        block, epochs = run.config["uncertainty"]["swag"], run.config["transfer"]["finetuned"]
        trainings = 1 + block["epochs"] / epochs["epochs"]
        passes = dict.fromkeys(FROM_ONE_TRAINING, block["samples"]) | {CHECKPOINTS: block["epochs"]}
        found |= {method: [trainings, number] for method, number in passes.items()}
    return found
