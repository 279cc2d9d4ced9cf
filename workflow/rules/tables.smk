# Tables 3, 4 and 5: ours beside the paper's.

TABLES = expand(
    f"{RESULTS}/tables/table{{number}}.{{kind}}", number=[3, 4, 5], kind=["csv", "md", "tex"]
)


def metrics_of_table(wildcards) -> list[str]:
    datasets = [UPSTREAM] if wildcards.number == "3" else TRANSFER_DATASETS
    return [f"{RESULTS}/metrics/{dataset}.metrics.parquet" for dataset in datasets]


def paper_names() -> dict:
    names = {name: block.get("paper_name") for name, block in config["datasets"].items()}
    return {name: names[name] for name in sorted([UPSTREAM, OOD, *TRANSFER_DATASETS])}


localrules:
    table,


rule table:
    input:
        metrics=metrics_of_table,
        paper=str(SOURCE / "vipann/paper/tables.csv"),
    output:
        csv=f"{RESULTS}/tables/table{{number}}.csv",
        md=report(
            f"{RESULTS}/tables/table{{number}}.md",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{number}", "form": "text"},
        ),
        tex=f"{RESULTS}/tables/table{{number}}.tex",
    log:
        log_of("tables/table{number}"),
    wildcard_constraints:
        number="[345]",
    params:
        settings=settings("table.py", paper_names=paper_names()),
    message:
        "table {wildcards.number}"
    script:
        "../scripts/table.py"
