"""The tables and figures that a run makes, as the files of its papers declare them.

A file of `papers/<paper>/tables` is a table: its function `table(sources, **about)`, and what it
says of itself, a literal `TABLE`, which is read without running it. One of `figures/` is a figure
of the run, or of each of its datasets: `figure(sources, style, **about)` and `FIGURE`. Keys:

- label: what it is called; number: the paper's, of a thesis "4.2"; numbers: of a figure, by the
  paper's names of its datasets. category: in the report; without it "Tables" and "Figures", which
  have a number, and "Supplementary".
- needs: name -> path below the run's folder, or several, with a role in braces for each dataset
  that plays it (`Product.roles`). Where nobody plays it, nothing is made; may_lack: names for
  which that is no matter.
- of: of a figure, the role of the datasets that have one each, which it needs as {dataset}.
- networks_of: variants whose networks the roles `varied_networks` and `varied_train` are, where the
  run has them.
- only_with: other parts of the run without which it is not made; any_of: variants, averages and
  ensembles of which the run has at least one, for which it is made; only_on, not_on: paper names of
  the upstream set with which it is, or isn't. on_request: not made by `all`.
- about: values that its function takes besides (`Product.facts`).
- headline: a number; that with the least opens the index, as the table of its paper and with
  three figures (`vipann.plan.front`).
- caption: for the report, a Jinja template of `Product.facts`.
- made_by: a rule of its own that makes it.

The notebooks of a paper are declared by one literal, `NOTEBOOKS` of its module `notebooks`, with
the same keys and `parameters`: what its first cell is given of `Product.facts`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from string import Formatter
from typing import Any, Literal

from vipann.claims.counting import orders_needed
from vipann.evaluation.interval import interval_words
from vipann.parts import feature_settings
from vipann.plan import uncertainty
from vipann.plan.events import localised
from vipann.plan.fold_variants import datasets_of_folds
from vipann.plan.names import in_words, paper_names, shown_names
from vipann.plan.networks import (
    Network,
    networks_of,
    samples_in_words,
    trained_networks,
    transferred_networks,
)
from vipann.plan.run import Run
from vipann.plan.uncertainty.ensembles import costs
from vipann.plan.variants import variant_networks
from vipann.registry import choices, declared, load
from vipann.variants import UPSTREAM_STAGE, names_of

Kind = Literal["table", "figure", "notebook"]
SUFFIXES = {
    "table": ("csv", "md", "tex"),
    "figure": ("png", "pdf", "svg", "csv"),
    "notebook": ("ipynb", "html"),
}
FIGURE_SPACE = "\u2007"
# Blocks of the config whose keys are names of what a run trains and makes of it.
NAMED = ("variants", "averages", "ensembles")


@dataclass(frozen=True, eq=False)
class Product:
    """A table, figure or notebook as it is declared; dataset: the one that it is of, "" where it is
    of the whole run."""

    run: Run
    paper: str
    kind: Kind
    name: str
    declared: Mapping[str, Any]
    dataset: str = ""

    @property
    def module(self) -> str:
        return f"vipann.papers.{self.paper}.{self.kind}s.{self.name}"

    @property
    def made_by(self) -> str:
        """The rule that makes it."""
        return self.declared.get("made_by", self.kind)

    @property
    def stem(self) -> str:
        """Of its files, which lie in one folder with those of other papers."""
        prefix = about_paper(self.paper)["prefix"]
        return f"{prefix}{self.name}_{self.dataset}" if self.dataset else f"{prefix}{self.name}"

    @property
    def files(self) -> list[str]:
        folder = f"{self.run.results}/{self.kind}s"
        return [f"{folder}/{self.stem}.{suffix}" for suffix in SUFFIXES[self.kind]]

    @property
    def is_made(self) -> bool:
        config = self.run.config
        parts = {
            "ood": self.run.ood,
            "scratch": config["scratch"]["strategies"],
            "ensembles": config.get("ensembles"),
        }
        has_parts = all(parts[part] for part in self.declared.get("only_with", ()))
        spared = self.declared.get("may_lack", ())
        patterns = [one for name, several in self._needs for one in several if name not in spared]
        return has_parts and self._has_named and all(map(self._paths, patterns))

    @property
    def _has_named(self) -> bool:
        """Whether the run has the variants, and is on the dataset, that it is of."""
        named = {name for block in NAMED for name in self.run.config.get(block) or {}}
        if "any_of" in self.declared and not named.intersection(self.declared["any_of"]):
            return False
        on = paper_names(self.run).get(self.run.upstream or "")
        only, never = (self.declared.get(key, ()) for key in ("only_on", "not_on"))
        return (not only or on in only) and on not in never

    @property
    def _needs(self) -> list[tuple[str, list[str]]]:
        """Names and their patterns."""
        needs = self.declared.get("needs", {}).items()
        return [(name, [one] if isinstance(one, str) else one) for name, one in needs]

    @property
    def is_of_transfer(self) -> bool:
        """Whether it is made of transfer datasets only."""
        patterns = str(self.declared.get("needs"))
        return "{transfer}" in patterns or self.dataset in self.run.transfer_datasets

    @cached_property
    def roles(self) -> dict[str, list[str]]:
        """Role -> the datasets that play it; `varied`: the upstream set where variants are trained
        on it, `varied_on_folds`: those of transfer where variants are trained on their folds;
        `localised` where events are held against its strong labels; `rated`, `measured`: `varied`
        where it has a list of label quality, and where the cost of their networks is measured;
        `label_set`: names; `transferred`, `trained`: the paths of networks; `varied_networks`,
        `varied_train`: those of predictions of variants' networks; and each part of the block
        `uncertainty`."""
        own = self.declared.get("networks_of", ())
        networks = [one for one in variant_networks(self.run) if one.variant in own]
        return {
            "dataset": [self.dataset],
            "varied_networks": [network.path for network in networks],
            "varied_train": [network.train_path for network in networks],
            **_roles_in(self.run),
        }

    @property
    def sources(self) -> dict[str, list[str]]:
        """The input files, by the names that its function knows them by."""
        return {
            name: [p for one in several for p in self._paths(one)] for name, several in self._needs
        }

    def _paths(self, pattern: str) -> list[str]:
        """The files of a pattern below the run's folder, one for each dataset of its role."""
        path = f"{self.run.results}/{pattern}"
        (role,) = [name for _, name, _, _ in Formatter().parse(pattern) if name] or [""]
        return [path.format(**{role: one}) for one in self.roles[role]] if role else [path]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What functions, captions and notebooks may be told.

        config; upstream, datasets, ood, dataset: keys; names: dataset -> the paper's name or None;
        shown_names: dataset -> what readers call it, shown, shown_ood: of this one; notes: on the
        run's networks; interval, band: over replications, as a setting and in words; variants,
        averages, ensembles,
        label_sets, seeds, events: blocks of the config; recipes: variant -> its whole block of
        pretraining and the settings of its features; costs: of ensembles and what they are held
        against; samples, upstream_samples: how often networks of transfer and upstream ones are
        sampled, in words and as a number; of a dataset is_upstream, folds, orders.
        """
        run, evaluation = self.run, self.run.config["evaluation"]
        is_upstream = bool(self.dataset) and self.dataset == run.upstream
        own = [name for name in (self.dataset, run.ood) if name] if self.dataset else []
        return {
            "config": run.config,
            "upstream": run.upstream,
            "datasets": run.transfer_datasets,
            "ood": run.ood,
            "dataset": self.dataset,
            "names": paper_names(run, *own),
            "shown_names": shown_names(run, *own),
            "shown": self.shown_dataset,
            "shown_ood": shown_names(run).get(run.ood or ""),
            "notes": notes_of(run),
            "interval": evaluation["interval"],
            "band": interval_words(evaluation["replications"], evaluation["interval"]),
            **{key: run.config.get(key) or {} for key in (*NAMED, "label_sets", "seeds")},
            "events": run.config["events"],
            "costs": costs(run),
            "samples": samples_in_words(run),
            "upstream_samples": Network(run, "drop").mc_samples,
            "recipes": {
                name: _recipe(run.of_variant(name)) for name in names_of(run.config, UPSTREAM_STAGE)
            },
            "is_upstream": is_upstream,
            "folds": len(run.folds(self.dataset)) if self.dataset and not is_upstream else 0,
            "orders": random_orders(run, self.dataset) if self.dataset else 0,
        }

    @property
    def settings(self) -> dict[str, Any]:
        """Params of its job."""
        about = {key: self.facts[key] for key in self.declared.get("about", ())}
        values: dict[str, Any] = {"module": self.module, "about": about}
        if self.kind == "figure":
            values["style"] = self.run.config["figures"]
        chosen = (f"{self.module}:{self.kind}",)
        return self.run.settings(f"{self.kind}.py", chosen=chosen, **values)

    @property
    def shown_dataset(self) -> str:
        return shown_names(self.run)[self.dataset] if self.dataset else ""

    @property
    def number(self) -> str:
        """ "Table 4", "Figure 4", for a dataset that is not the paper's "like Figures 4, 7, 10"."""
        if "number" in self.declared:
            return f"{self.kind.capitalize()} {self.declared['number']}"
        numbers = self._figure_numbers
        if not numbers:
            return ""
        if paper_names(self.run).get(self.dataset) in self.declared["numbers"]:
            return f"Figure {numbers[0]}"
        return f"like Figure{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"

    @property
    def _figure_numbers(self) -> list[int]:
        """The paper's, of this dataset or of all that are like it: upstream or not."""
        numbers = self.declared.get("numbers", {})
        own = numbers.get(paper_names(self.run).get(self.dataset))
        upstream = about_paper(self.paper).get("upstream")
        is_upstream = self.dataset == self.run.upstream
        alike = [n for name, n in numbers.items() if (name == upstream) == is_upstream]
        return [own] if own else alike

    @property
    def label(self) -> str:
        """In the report, which sorts labels as text: a figure space before one digit keeps Figure 9
        before Figure 10, where a paper has so many."""
        if self.kind == "notebook":
            return self.stem.replace("_", " ").capitalize()
        if not self.number:
            return self.declared["label"]
        word, _, number = self.number.partition(" ")
        number = number.rjust(2, FIGURE_SPACE) if self._has_many else number
        return f"{word[:1].upper()}{word[1:]} {number}: {self.declared['label']}"

    @property
    def title(self) -> str:
        """What it is called, and the dataset that it is of."""
        return f"{self._called} ({self.shown_dataset})" if self.dataset else self._called

    @property
    def _called(self) -> str:
        return self.label.replace(FIGURE_SPACE, "")

    @property
    def _has_many(self) -> bool:
        """Whether the paper has ten or more of its kind."""
        declarations = _declarations(self.paper, self.kind).values()
        numbers = [[d.get("number", 0), *d.get("numbers", {}).values()] for d in declarations]
        return any(_parts(one)[-1] > 9 for several in numbers for one in several)

    @property
    def section(self) -> str:
        default = f"{self.kind.capitalize()}s" if self.number else "Supplementary"
        return self.declared.get("category", default)

    @property
    def category(self) -> str:
        """The section, with its paper if there are several; a link target, so without a colon."""
        several = len(self.run.config["papers"]) > 1
        return f"{about_paper(self.paper)['short']} – {self.section}" if several else self.section

    @property
    def order(self) -> tuple:
        """As datasets come in the run, and then as in the paper."""
        datasets = [*self.run.tested, ""]
        own = _parts(self.declared["number"]) if "number" in self.declared else self._figure_numbers
        return datasets.index(self.dataset), own or [math.inf]

    def caption(self) -> str:
        """The caption in the report, as reStructuredText."""
        from jinja2 import StrictUndefined, Template

        title = self._called
        if self.dataset and self.number:
            of = " of the paper" if self.number.startswith("like") else ""
            title = f"{self.number[:1].upper()}{self.number[1:]}{of}: {self.shown_dataset}"
        template = Template(self.declared.get("caption", ""), undefined=StrictUndefined)
        text = template.render(self.facts | in_words(self.run, self.dataset))
        return f"**{title}.** " + "\n\n".join(" ".join(p.split()) for p in text.split("\n\n"))


def _recipe(run: Run) -> dict[str, Any]:
    features = feature_settings(run.config["features"])
    return {"pretrain": run.config["pretrain"], "features": features}


@cache  # hundreds of products ask, and a run does not change
def _roles_in(run: Run) -> Mapping[str, list[str]]:
    """The roles that are the same for all products of a run."""
    windows = run.ood_windows
    has_variants = bool(names_of(run.config, UPSTREAM_STAGE))
    varied = [run.upstream] if run.upstream and has_variants else []
    return {
        "upstream": [run.upstream] if run.upstream else [],
        "varied": varied,
        "varied_on_folds": datasets_of_folds(run),
        "localised": [name for name in [localised(run)] if name],
        "rated": [name for name in varied if "label_quality" in run.blocks[name]],
        "measured": varied if run.config["evaluation"]["cost"] else [],
        "label_set": [*(run.config.get("label_sets") or {})],
        "transfer": [name for name in run.transfer_datasets if networks_of(run, name)],
        "tested": run.tested,
        "heard_ood": list(windows),
        "ood_windows": list(windows.values()),
        "transferred": [network.stem for network in transferred_networks(run)],
        "trained": [network.stem for network in trained_networks(run)],
        **uncertainty.roles(run),
    }


def products(run: Run, kind: Kind, on_request: bool = False) -> dict:
    """Stem -> `Product` of the run; with `on_request` those too that `all` does not make."""
    made = [
        one
        for paper in run.config["papers"]
        for name, declaration in _declarations(paper, kind).items()
        for one in _instances(Product(run, paper, kind, name, declaration))
        if one.is_made and (on_request or not declaration.get("on_request"))
    ]
    made = made if kind == "notebook" else sorted(made, key=lambda one: one.order)
    return {one.stem: one for one in made}


def _parts(number: int | str) -> list[int]:
    """Of a table's or figure's number: [7], or [4, 2]."""
    return [int(part) for part in str(number).split(".")]


@cache
def _declarations(paper: str, kind: Kind) -> dict[str, Mapping[str, Any]]:
    package = f"vipann.papers.{paper}"
    if kind == "notebook":
        has_some = "notebooks" in choices(package)
        return declared(f"{package}.notebooks", "NOTEBOOKS") if has_some else {}
    names = choices(f"{package}.{kind}s")
    return {name: declared(f"{package}.{kind}s.{name}", kind.upper()) for name in names}


def _instances(whole: Product) -> list[Product]:
    """What is declared at once: the product itself, or one for each dataset."""
    role = whole.declared.get("of")
    return [replace(whole, dataset=name) for name in whole.roles[role]] if role else [whole]


@cache
def about_paper(paper: str) -> Mapping[str, Any]:
    """What a paper says of itself: `short`, `prefix`, `upstream`, `beyond` (no paper's text)."""
    return declared(f"vipann.papers.{paper}", "PAPER")


def notes_of(run: Run) -> list[str]:
    """Where the run's networks differ in kind from those of its papers, in sentences."""
    modules = [f"vipann.papers.{paper}" for paper in run.config["papers"]]
    with_notes = [f"{module}.notes" for module in modules if "notes" in choices(module)]
    return [note for module in with_notes for note in load(module).notes_of(run.config)]


def random_orders(run: Run, dataset: str) -> int:
    """How many random orders of the clips its networks' retention curves are held against: none
    where a clip has one label."""
    if run.blocks[dataset]["task"] != "multilabel":
        return 0
    names = paper_names(run, *run.tested)
    return orders_needed(run.upstream, run.transfer_datasets, names, run.config["papers"])
