# What a reader opens: executed notebooks, pages of the report, and the run's index.

NOTEBOOKS = products(RUN, "notebook")
# Pages of the report for Markdown that other rules write, which it offers as a download only.
MD_CLAIMS = [
    f"{RESULTS}/tables/{stem}.md" for stem, one in TABLES.items() if one.made_by == "claims"
]
MD_SUMMARIES = [path for path in SUMMARIES if path.endswith(".md")]
# Captions of the report see nothing but the config; jobs need none.
FIRST_PAGE = f"{RESULTS}/{OPENING}"
config["captions"] = captions(RUN) if workflow.is_main_process else {}
try:
    refuse_report_of_another_config(RUN, sys.argv if workflow.is_main_process else [])
except UserError as error:
    raise WorkflowError(str(error)) from None


localrules:
    notebook,
    pages,
    index,


rule notebook:
    input:
        results=lambda w: notebook_inputs(NOTEBOOKS[w.notebook]),
        notebook=lambda w: repository_file(notebook_file(NOTEBOOKS[w.notebook])),
    output:
        ipynb=f"{RESULTS}/notebooks/{{notebook}}.ipynb",
        html=report(
            f"{RESULTS}/notebooks/{{notebook}}.html",
            caption="../report/caption.rst",
            category="Notebooks",
            labels=lambda w: {"notebook": NOTEBOOKS[w.notebook].label},
        ),
    log:
        log_of("notebooks/{notebook}"),
    wildcard_constraints:
        notebook=one_of(list(NOTEBOOKS)),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: notebook_settings(NOTEBOOKS[w.notebook]),
    message:
        "notebook {wildcards.notebook}"
    script:
        "../scripts/notebook.py"


rule pages:
    input:
        claims=MD_CLAIMS,
        ledgers=[path.removesuffix("md") + "csv" for path in MD_CLAIMS],
        summaries=MD_SUMMARIES,
    output:
        claims=[
            report(
                page_of(RUN, path),
                caption="../report/claims.rst",
                category="Claims",
                labels={"table": TABLES[Path(path).stem].label},
            )
            for path in MD_CLAIMS
        ],
        summaries=[
            report(
                page_of(RUN, path),
                caption="../report/dataset.rst",
                category="Datasets",
                labels={"dataset": summarised(RUN, path)},
            )
            for path in MD_SUMMARIES
        ],
    log:
        log_of("pages"),
    conda:
        "../../environment.yml"
    params:
        settings=pages_settings(RUN),
    message:
        "pages of the report"
    script:
        "../scripts/pages.py"


rule index:
    input:
        shown=[path for one in shown(RUN) for path in one.files],
        notebooks=[path for one in NOTEBOOKS.values() for path in one.files],
        summaries=SUMMARIES,
        metrics=metric_files(RUN, RUN.tested),
    output:
        md=f"{RESULTS}/index.md",
        html=f"{RESULTS}/index.html",
        said=f"{RESULTS}/{RECORD}",
        first_page=FIRST_PAGE,
    log:
        log_of("index"),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: index_settings(RUN),
    message:
        "index of the run's results"
    script:
        "../scripts/index.py"
