# What a reader opens: executed notebooks, tables as pages of the report, and the run's index.
# They show whatever TABLES, FIGURES and SUMMARIES list.

NOTEBOOK_NAMES = [
    "pretraining",
    *[f"transfer_{dataset}" for dataset in TRANSFER_DATASETS],
    "out_of_distribution",
    *(["claims"] if f"{RESULTS}/tables/claims.csv" in TABLES else []),
]
NOTEBOOKS = expand(
    f"{RESULTS}/notebooks/{{notebook}}.{{kind}}", notebook=NOTEBOOK_NAMES, kind=["ipynb", "html"]
)
SHOWN_TABLES = [path for path in TABLES if path.endswith(".md")]
SHOWN_SUMMARIES = [path for path in SUMMARIES if path.endswith(".md")]
INDEX = multiext(f"{RESULTS}/index", ".md", ".html")


def metric_files(kinds: list[str], datasets: list[str]) -> list[str]:
    return [f"{RESULTS}/metrics/{name}.{kind}.parquet" for name in datasets for kind in kinds]


def pictures_of(datasets: list[str]) -> list[str]:
    shown = [path for path in FIGURES if path.endswith(".png")]
    own = {p: kind_and_dataset(Path(p).stem, [UPSTREAM, *TRANSFER_DATASETS])[1] for p in shown}
    return [path for path in shown if own[path] in datasets]


def notebook_inputs(wildcards) -> list[str]:
    """The result files that a notebook reads."""
    if wildcards.notebook == "claims":
        return [f"{RESULTS}/tables/claims.csv"]
    if wildcards.notebook == "out_of_distribution":
        datasets = [UPSTREAM, *TRANSFER_DATASETS]
        return metric_files(["uncertainty"], datasets) + pictures_of(datasets)
    if wildcards.notebook == "pretraining":
        table = [f"{RESULTS}/tables/table3.{kind}" for kind in ("csv", "md")]
        return metric_files(["retention"], [UPSTREAM]) + pictures_of([UPSTREAM]) + table
    dataset = wildcards.notebook.removeprefix("transfer_")
    return metric_files(["metrics", "retention"], [dataset]) + pictures_of([dataset])


def notebook_source(wildcards) -> str:
    name = "transfer" if wildcards.notebook.startswith("transfer_") else wildcards.notebook
    return str(ROOT / f"notebooks/{name}.ipynb")


def notebook_parameters(notebook: str) -> dict:
    """The values of the notebook's first code cell; paths as seen from where it will lie."""
    parameters = {"results_dir": "..", "run": config["run"]}
    if notebook.startswith("transfer_"):
        return parameters | {"dataset": notebook.removeprefix("transfer_")}
    if notebook == "pretraining":
        return parameters | {"upstream": UPSTREAM}
    if notebook == "out_of_distribution":
        return parameters | {"datasets": TRANSFER_DATASETS, "upstream": UPSTREAM, "ood": OOD}
    return parameters


def page_of(path: str) -> str:
    return f"{RESULTS}/pages/{Path(path).stem}.html"


def caption_of(path: str) -> str:
    """The caption of a table's page: its own, else the one of all that have none."""
    own = f"report/tables/{Path(path).stem}.rst"
    return f"../{own if (ROOT / 'workflow' / own).exists() else 'report/tables/other.rst'}"


localrules:
    notebook,
    pages,
    index,


rule notebook:
    input:
        results=notebook_inputs,
        notebook=notebook_source,
    output:
        ipynb=f"{RESULTS}/notebooks/{{notebook}}.ipynb",
        html=report(
            f"{RESULTS}/notebooks/{{notebook}}.html",
            caption="../report/notebook.rst",
            category="Notebooks",
            labels=lambda w: {"notebook": w.notebook.replace("_", " ").capitalize()},
        ),
    log:
        log_of("notebooks/{notebook}"),
    wildcard_constraints:
        notebook="|".join(NOTEBOOK_NAMES),
    params:
        settings=lambda w: settings("notebook.py", parameters=notebook_parameters(w.notebook)),
    message:
        "notebook {wildcards.notebook}"
    script:
        "../scripts/notebook.py"


# Snakemake's report offers Markdown as a download only; a page it shows.
rule pages:
    input:
        tables=SHOWN_TABLES,
        summaries=SHOWN_SUMMARIES,
    output:
        tables=[
            report(
                page_of(path),
                caption=caption_of(path),
                category=table_category(Path(path).stem),
                labels={"table": table_label(Path(path).stem)},
            )
            for path in SHOWN_TABLES
        ],
        summaries=[
            report(
                page_of(path),
                caption="../report/dataset.rst",
                category="Datasets",
                labels={"dataset": Path(path).stem.removesuffix(".summary")},
            )
            for path in SHOWN_SUMMARIES
        ],
    log:
        log_of("pages"),
    params:
        settings=settings("pages.py"),
    message:
        "tables as pages of the report"
    script:
        "../scripts/pages.py"


rule index:
    input:
        tables=TABLES,
        figures=FIGURES,
        notebooks=NOTEBOOKS,
        summaries=SUMMARIES,
        metrics=metric_files(
            ["metrics", "retention", "uncertainty"], [UPSTREAM, *TRANSFER_DATASETS]
        ),
    output:
        md=INDEX[0],
        html=INDEX[1],
    log:
        log_of("index"),
    params:
        settings=settings(
            "index.py",
            facts={
                "run": config["run"],
                "upstream": UPSTREAM,
                "transfer_datasets": TRANSFER_DATASETS,
                "ood": OOD,
                "strategies": config["transfer"]["strategies"],
                "mc_samples": config["evaluation"]["mc_samples"],
                "replications": config["evaluation"]["replications"],
                "paper_names": paper_names(),
            },
        ),
    message:
        "index of the run's results"
    script:
        "../scripts/index.py"
