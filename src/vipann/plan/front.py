"""What the index of a run opens with: its headline tables, three figures, and its claims."""

from typing import Any

from vipann.plan.products import Product, about_paper, products
from vipann.plan.run import Run

FIGURES = 3


def front(run: Run) -> dict[str, Any]:
    """What the run's products declare as `headline`, the least first; files below its folder.

    tables: [title, files] of one of each paper that declares some; figures: [title, files] of at
    most three, each of another declaration as far as there are such; claims: [the paper's short
    name, files] of each ledger.
    """
    tables, figures = products(run, "table").values(), headline_figures(run)
    heads = [_headline_table(paper, tables) for paper in run.config["papers"]]
    ledgers = [one for one in tables if one.made_by == "claims"]
    return {
        "tables": [[one.label, _files(one)] for one in heads if one],
        "figures": [[one.title, _files(one)] for one in figures],
        "claims": [[about_paper(one.paper)["short"], _files(one)] for one in ledgers],
    }


def headline_figures(run: Run) -> list[Product]:
    """At most three; of figures of several datasets that of the first of transfer before others."""
    own = [one for one in products(run, "figure").values() if "headline" in one.declared]
    datasets = [*run.transfer_datasets, run.upstream or "", ""]
    own.sort(key=lambda one: (datasets.index(one.dataset), one.declared["headline"]))
    firsts = {(one.paper, one.name): one for one in reversed(own)}
    first = sorted(firsts.values(), key=lambda one: one.declared["headline"])
    return [*first, *(one for one in own if one not in first)][:FIGURES]


def _headline_table(paper: str, tables: Any) -> Product | None:
    own = [one for one in tables if one.paper == paper and "headline" in one.declared]
    return min(own, key=lambda one: one.declared["headline"], default=None)


def _files(one: Product) -> list[str]:
    return [path.removeprefix(f"{one.run.results}/") for path in one.files]
