"""The config's block `uncertainty`: what a run does beyond the paper, a module for each part.

A part's module has two functions: `datasets(run)`, on which of the run's datasets it is, in the
order of the run (none where its key is null), and `faults(run)`, pairs (key, what is wrong) that
stop the plan. The name of the part is a role of datasets in tables and figures
(`vipann.plan.products`): "metrics/{recalibration}.recalibration.parquet".
"""

from collections.abc import Collection, Iterator
from typing import Any

from vipann.errors import UserError
from vipann.plan.members import scored
from vipann.plan.networks import PRETRAINED, Network
from vipann.plan.run import Run
from vipann.plan.selections import Selection
from vipann.registry import choices, load

PAPER = "uncertainty"


def roles(run: Run) -> dict[str, list[str]]:
    """Part -> the datasets that it is on."""
    return {part: load(f"{__name__}.{part}").datasets(run) for part in choices(__name__)}


def block_of(run: Run, part: str) -> dict[str, Any] | None:
    """What the config says of a part; None where the run goes without."""
    return run.config["uncertainty"][part]


def networks_in(run: Run, dataset: str, phases: Collection[str]) -> list[Network]:
    """The networks of `dataset`, and ensembles of them, in these phases; upstream, all of them."""
    return [one for one in scored(run, dataset) if one.phase in (PRETRAINED, *phases)]


def by_form(networks: list[Network]) -> list[list[Network]]:
    """The folds of each strategy and phase together."""
    forms: dict[tuple[str, str], list[Network]] = {}
    for network in networks:
        forms.setdefault((network.strategy, network.phase), []).append(network)
    return list(forms.values())


def refuse_faults(run: Run) -> None:
    """Stop a plan whose config asks for what its parts cannot do.

    Raises:
        UserError: one line per fault: the key, and what to do.
    """
    parts = [load(f"{__name__}.{part}") for part in choices(__name__)]
    found = [
        *_unread(run),
        *_of_all_clips(run),
        *(fault for part in parts for fault in part.faults(run)),
    ]
    if found:
        lines = [f"{key}: {text}" for key, text in found]
        raise UserError("the config has faults:\n  " + "\n  ".join(lines))


def _of_all_clips(run: Run) -> Iterator[tuple[str, str]]:
    """Parts that read the clips of a training, where the run's own trainings leave some out."""
    parts = [part for part in ("laplace", "ood_scores", "swag") if block_of(run, part)]
    left_out = [name for name in run.transfer_datasets if not Selection(run, name).is_all]
    if left_out:
        text = (
            f"the run's own networks of {', '.join(left_out)} learn from a part of the clips: "
            "give transfer.train_fraction and transfer.held_out_classes to variants, or set null"
        )
        yield from ((f"uncertainty.{part}", text) for part in parts)


def _unread(run: Run) -> Iterator[tuple[str, str]]:
    """Parts that nothing would be made of."""
    if PAPER in run.config["papers"]:
        return
    for part in choices(__name__):
        if run.config["uncertainty"].get(part):
            text = f"needs {PAPER!r} among `papers`, or nothing is made of it; or set null"
            yield f"uncertainty.{part}", text
