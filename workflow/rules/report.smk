# What a reader opens: executed notebooks, tables as pages of the report, and the run's index.
# They show whatever is in the lists of tables and figures that the rule files before this one have.


SHOWN_TABLES = listed("CLAIMS", "TABLES", "BEYOND_TABLES")
SHOWN_FIGURES = listed("FIGURES", "LEARNING_CURVES", "BEYOND_FIGURES")
NOTEBOOK_NAMES = [
    *(["pretraining"] if UPSTREAM else []),
    *[f"transfer_{dataset}" for dataset in TRANSFER_DATASETS],
    *(["out_of_distribution"] if OOD else []),
    *(["claims"] if f"{RESULTS}/tables/claims.csv" in SHOWN_TABLES else []),
]
NOTEBOOKS = expand(
    f"{RESULTS}/notebooks/{{notebook}}.{{kind}}", notebook=NOTEBOOK_NAMES, kind=["ipynb", "html"]
)
MD_TABLES = [path for path in SHOWN_TABLES if path.endswith(".md")]
MD_SUMMARIES = [path for path in SUMMARIES if path.endswith(".md")]
INDEX = multiext(f"{RESULTS}/index", ".md", ".html")


localrules:
    notebook,
    pages,
    index,


rule notebook:
    input:
        results=notebook_inputs,
        notebook=lambda w: repository_file(notebook_file(w.notebook)),
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
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: settings(
            "notebook.py",
            notebook=notebook_file(w.notebook),
            parameters=notebook_parameters(w.notebook),
        ),
    message:
        "notebook {wildcards.notebook}"
    script:
        "../scripts/notebook.py"


# Snakemake's report offers Markdown as a download only; a page it shows.
rule pages:
    input:
        tables=MD_TABLES,
        summaries=MD_SUMMARIES,
    output:
        tables=[
            report(
                page_of(path),
                caption=caption_of(path),
                category=table_category(Path(path).stem),
                labels={"table": table_label(Path(path).stem)},
            )
            for path in MD_TABLES
        ],
        summaries=[
            report(
                page_of(path),
                caption="../report/dataset.rst",
                category="Datasets",
                labels={"dataset": Path(path).stem.removesuffix(".summary")},
            )
            for path in MD_SUMMARIES
        ],
    log:
        log_of("pages"),
    conda:
        "../../environment.yml"
    params:
        settings=settings("pages.py"),
    message:
        "tables as pages of the report"
    script:
        "../scripts/pages.py"


rule index:
    input:
        tables=SHOWN_TABLES,
        figures=SHOWN_FIGURES,
        notebooks=NOTEBOOKS,
        summaries=SUMMARIES,
        metrics=metric_files(["metrics", "retention", "uncertainty"], TESTED),
    output:
        md=INDEX[0],
        html=INDEX[1],
    log:
        log_of("index"),
    conda:
        "../../environment.yml"
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
                "notes": config["notes"],
            },
        ),
    message:
        "index of the run's results"
    script:
        "../scripts/index.py"
