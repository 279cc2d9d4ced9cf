"""The page of a run that says which method to use for what: `results/<run>/uncertainty.md`.

A table of the paper `uncertainty` whose module has a function `advice` adds what that says of the
table's csv: nothing else has to name it.
"""

from typing import Any

from vipann.plan.names import shown_names
from vipann.plan.products import Product, products
from vipann.plan.run import Run
from vipann.plan.uncertainty import PAPER
from vipann.registry import has_function

PAGE = "uncertainty.md"


def advising(run: Run) -> list[Product]:
    """The run's tables that give advice, in their order."""
    tables = products(run, "table").values()
    return [one for one in tables if one.paper == PAPER and has_function(one.module, "advice")]


def advice_files(run: Run) -> dict[str, str]:
    """The page; none where no table gives advice."""
    if not advising(run):
        return {}
    page = f"{run.results}/{PAGE}"
    return {"md": page, "html": page.removesuffix("md") + "html"}


def advice_settings(run: Run) -> dict[str, Any]:
    """tables: (label, module) of each, in the order of the inputs; names: of datasets."""
    tables = [[one.label, one.module] for one in advising(run)]
    chosen = tuple(f"{module}:advice" for _, module in tables)
    names, called = shown_names(run), run.config["run"]
    return run.settings("advice.py", chosen=chosen, tables=tables, names=names, run=called)
