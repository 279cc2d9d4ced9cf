"""The config's block `uncertainty`: what a run does beyond the paper, a module for each part.

A part's module has two functions: `datasets(run)`, on which of the run's datasets it is, in the
order of the run (none where its key is null), and `faults(run)`, pairs (key, what is wrong) that
stop the plan. The name of the part is a role of datasets in tables and figures
(`vipann.plan.products`): "metrics/{recalibration}.recalibration.parquet".
"""

from vipann.errors import UserError
from vipann.plan.run import Run
from vipann.registry import choices, load


def roles(run: Run) -> dict[str, list[str]]:
    """Part -> the datasets that it is on."""
    return {part: load(f"{__name__}.{part}").datasets(run) for part in choices(__name__)}


def refuse_faults(run: Run) -> None:
    """Stop a plan whose config asks for what its parts cannot do.

    Raises:
        UserError: one line per fault: the key, and what to do.
    """
    parts = [load(f"{__name__}.{part}") for part in choices(__name__)]
    found = [f"{key}: {text}" for part in parts for key, text in part.faults(run)]
    if found:
        raise UserError("the config has faults:\n  " + "\n  ".join(found))
