# The executed notebook that shows the run's results.

NOTEBOOK = multiext(f"{RESULTS}/notebooks/results", ".ipynb", ".html")


def notebook_inputs() -> list[str]:
    kinds = ("metrics", "retention", "uncertainty")
    metrics = [f"{RESULTS}/metrics/{name}.{kind}.parquet" for name in TESTED for kind in kinds]
    return [*metrics, *TABLES, *FIGURES]


localrules:
    notebook,


rule notebook:
    input:
        results=notebook_inputs(),
        notebook=str(ROOT / "notebooks/results.ipynb"),
    output:
        ipynb=f"{RESULTS}/notebooks/results.ipynb",
        html=report(
            f"{RESULTS}/notebooks/results.html",
            caption="../report/notebook.rst",
            category="Notebooks",
        ),
    log:
        log_of("notebooks/results"),
    params:
        settings=settings(
            "notebook.py",
            run=config["run"],
            datasets=TRANSFER_DATASETS,
            upstream=UPSTREAM,
            ood=OOD,
        ),
    message:
        "notebook results"
    script:
        "../scripts/notebook.py"
