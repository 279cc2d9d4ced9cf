"""What a reader opens: notebooks, captions of the report, and the run's index."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vipann.config import in_order
from vipann.errors import UserError
from vipann.plan.advice import PAGE, advising
from vipann.plan.front import front
from vipann.plan.members import ensembles_of
from vipann.plan.names import shown_names
from vipann.plan.networks import samples_in_words, trained_networks
from vipann.plan.products import Product, about_paper, notes_of, products
from vipann.plan.run import Run
from vipann.strategies import BY_NAME, ENSEMBLE
from vipann.variants import FOLD_STAGES, names_of

# Of a paper's products, in the order of the index; other categories come after them.
SECTIONS = ("Tables", "Figures", "Claims", "Training", "Supplementary")
# What the report says, as the index's job knew it; below the run's folder.
RECORD = "report.json"
# What the report's first page takes in of the run: `vipann.report.first_page`.
OPENING = "pages/first_page.html"
METRICS = ("metrics", "retention", "uncertainty")
OF_NOTEBOOKS = """

What the paper says, and what this run found, in words made from the run's numbers. To change a
cell, open ``notebooks/{stem}.ipynb`` of the run's folder in Jupyter and run it again; it reads the
run's result files and nothing else."""


def shown(run: Run) -> list[Product]:
    """Tables, then figures."""
    return [*products(run, "table").values(), *products(run, "figure").values()]


def notebook_file(notebook: Product) -> str:
    """The notebook of the repository that is executed."""
    return f"notebooks/{notebook.stem.removesuffix(f'_{notebook.dataset}')}.ipynb"


def notebook_inputs(notebook: Product) -> list[str]:
    """The result files that it reads, without tables and figures that the run does not make."""
    made = {path for one in shown(notebook.run) for path in one.files}
    metrics = f"{notebook.run.results}/metrics/"
    return [p for p in notebook.sources["results"] if p in made or p.startswith(metrics)]


def notebook_settings(notebook: Product) -> dict[str, Any]:
    """Of its job; parameters: the values of its first code cell, paths as seen from where it will
    lie."""
    facts = notebook.facts
    parameters = {"results_dir": "..", "run": notebook.run.config["run"]}
    parameters |= {key: facts[key] for key in notebook.declared["parameters"]}
    file = notebook_file(notebook)
    return notebook.run.settings("notebook.py", notebook=file, parameters=parameters)


def captions(run: Run) -> dict[str, Any]:
    """First file of each table, figure and notebook -> its caption in the report; notes: sentences
    on the run's networks; papers: what these say of themselves; names, strategies: of datasets and
    strategies; first_page: a file of what it shows, which may not be there yet."""
    notebooks = products(run, "notebook").values()
    return {
        "notes": notes_of(run),
        "papers": [about_paper(paper) for paper in run.config["papers"]],
        "names": shown_names(run),
        "strategies": {name: strategy.label for name, strategy in BY_NAME.items()},
        "first_page": Path(run.results, OPENING),
        **{one.files[0]: one.caption() for one in products(run, "table", on_request=True).values()},
        **{one.files[0]: one.caption() for one in products(run, "figure").values()},
        **{n.files[0]: n.caption() + OF_NOTEBOOKS.format(stem=n.stem) for n in notebooks},
    }


def said_of(run: Run) -> dict[str, Any]:
    """The settings that the report states, on its first page and in captions."""
    config = run.config
    said = {name: config[name] for name in ("upstream", "transfer_datasets", "ood", "model")}
    said["evaluation"] = {k: v for k, v in config["evaluation"].items() if k != "batch_size"}
    said["transfer.strategies"] = config["transfer"]["strategies"]
    said["scratch.strategies"] = config["scratch"]["strategies"]
    said["scratch.epochs"] = config["scratch"]["epochs"]
    for phase in ("fixed", "finetuned"):
        said[f"transfer.{phase}.epochs"] = config["transfer"][phase]["epochs"]
    return json.loads(json.dumps(in_order(said)))


def refuse_report_of_another_config(run: Run, arguments: Sequence[str]) -> None:
    """Stop Snakemake's `--report` alone where the results are of another config.

    arguments: of Snakemake's command line. With `--report-after-run` the results are brought up to
    date first.

    Raises:
        UserError: names what differs.
    """
    asked = [one.partition("=")[0] for one in arguments]
    record = Path(run.results, RECORD)
    if "--report" not in asked or "--report-after-run" in asked or not record.is_file():
        return
    then, now = json.loads(record.read_text(encoding="utf-8")), said_of(run)
    if differing := [key for key in now | then if then.get(key) != now.get(key)]:
        shown = ", ".join(differing[:5]) + (" and others" if len(differing) > 5 else "")
        raise UserError(
            f"the results in {run.results} were made with another config; the report would be "
            f"wrong on {shown}. Run Snakemake with this config and without --report first, or "
            "make the report with the config of the results."
        )


def index_settings(run: Run) -> dict[str, Any]:
    """sections: see `sections`, paths below the run's folder; facts: what is said of the run; said:
    see `said_of`."""
    evaluation = run.config["evaluation"]
    facts = {
        "run": run.config["run"],
        "upstream": run.upstream,
        "transfer_datasets": run.transfer_datasets,
        "ood": run.ood,
        "strategies": _strategies(run),
        "sampled": samples_in_words(run, "times"),
        "replications": evaluation["replications"],
        "names": _names(run),
        "front": front(run),
        "notes": notes_of(run),
    }
    if on_folds := names_of(run.config, *FOLD_STAGES):
        facts["variants_on_folds"] = on_folds
    if advising(run):
        facts["advice"] = PAGE
    if on_request := _on_request(run):
        facts["on_request"] = on_request
    if terms := _terms(run):
        facts["terms"] = terms
    if one_label := _one_label(run):
        facts["one_label"] = one_label
    if run.synthetic:
        facts["synthetic"] = True
    return run.settings("index.py", sections=sections(run), facts=facts, said=said_of(run))


def _strategies(run: Run) -> list[str]:
    """Of transfer, with the ensemble of Det networks, as tables and figures call them."""
    own = run.config["transfer"]["strategies"]
    has_ensembles = any(ensembles_of(run, name) for name in run.transfer_datasets)
    return [BY_NAME[name].label for name in ([*own, ENSEMBLE] if has_ensembles else own)]


def _terms(run: Run) -> list[str]:
    """The strategies and phases of the networks that are trained, with the ensemble of Det ones."""
    networks = trained_networks(run)
    names = {name for one in networks for name in (one.strategy, one.phase)}
    if any(ensembles_of(run, name) for name in run.tested):
        names.add(ENSEMBLE)
    return sorted(names)


def _one_label(run: Run) -> list[str]:
    """The datasets of transfer whose clips have one label each, of classes that networks know."""
    held_out = run.config["transfer"].get("held_out_classes") or {}
    datasets = [name for name in run.transfer_datasets if not held_out.get(name)]
    return [name for name in datasets if run.blocks[name]["task"] == "multiclass"]


def _names(run: Run) -> dict[str, str]:
    """Of datasets, also of the out-of-distribution set in windows."""
    return shown_names(run) | shown_names(run, *run.ood_windows.values())


def pages_settings(run: Run) -> dict[str, Any]:
    """Of the report's pages of Markdown."""
    return run.settings("pages.py", names=_names(run))


def summarised(run: Run, path: str) -> str:
    """The name of the dataset that a file <dataset>.summary.md is of."""
    dataset = path.rpartition("/")[2].removesuffix(".summary.md")
    return shown_names(run, dataset)[dataset]


def _on_request(run: Run) -> list[str]:
    """Below the run's folder, the files of tables that `all` does not make."""
    tables = products(run, "table", on_request=True).values()
    asked_for = [one for one in tables if one.declared.get("on_request")]
    return [path.removeprefix(f"{run.results}/") for one in asked_for for path in one.files]


def sections(run: Run) -> list[list[Any]]:
    """[category, [[title, files], ...]] of the index, in its order."""
    categories: dict[str, list] = {}
    for one in sorted(shown(run), key=_place):
        files = [path.removeprefix(f"{run.results}/") for path in one.files]
        categories.setdefault(one.category, []).append([one.title, files])
    return [[category, items] for category, items in categories.items()]


def _place(one: Product) -> tuple[int, int, bool]:
    """By paper and category; within one, what has no number of the run comes last."""
    place = SECTIONS.index(one.section) if one.section in SECTIONS else len(SECTIONS)
    return one.run.config["papers"].index(one.paper), place, not _is_of_run(one)


def _is_of_run(one: Product) -> bool:
    """Whether it is made from files of the run's datasets, or is of its network: the paper's, on
    datasets of the paper."""
    run = one.run
    if "{" in str(one.declared.get("needs", {}).values()):
        return True
    has_papers_data = any(run.blocks[name].get("paper_name") for name in run.transfer_datasets)
    return has_papers_data and run.config["model"] == run.paper_config["model"]


def metric_files(run: Run, datasets: list[str]) -> list[str]:
    """Of each dataset whose scores a table, figure or notebook of the run reads."""
    made = [*shown(run), *products(run, "notebook").values()]
    read = {path for one in made for paths in one.sources.values() for path in paths}
    files = {
        name: [f"{run.results}/metrics/{name}.{kind}.parquet" for kind in METRICS]
        for name in datasets
    }
    return [path for paths in files.values() if read & {*paths} for path in paths]


def page_of(run: Run, path: str) -> str:
    """The page of a Markdown file."""
    return f"{run.results}/pages/{path.rpartition('/')[2].removesuffix('.md')}.html"
