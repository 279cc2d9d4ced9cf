# The executed notebook that shows the run's results.

NOTEBOOK = multiext(f"{RESULTS}/notebooks/results", ".ipynb", ".html")


localrules:
    notebook,


rule notebook:
    input:
        results=notebook_inputs(),
        notebook=repository_file("notebooks/results.ipynb"),
    output:
        ipynb=f"{RESULTS}/notebooks/results.ipynb",
        html=report(
            f"{RESULTS}/notebooks/results.html",
            caption="../report/notebook.rst",
            category="Notebooks",
        ),
    log:
        log_of("notebooks/results"),
    conda:
        "../../environment.yml"
    params:
        settings=settings(
            "notebook.py",
            notebook="notebooks/results.ipynb",
            run=config["run"],
            datasets=TRANSFER_DATASETS,
            upstream=UPSTREAM,
            ood=OOD,
        ),
    message:
        "notebook results"
    script:
        "../scripts/notebook.py"
