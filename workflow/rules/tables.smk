# Tables 1, 3, 4 and 5: ours beside the paper's.

TRANSFER_TABLES = ["4", "5"] if config["scratch"]["strategies"] else ["4"]
TRANSFER_TABLES = TRANSFER_TABLES if TRANSFER_DATASETS else []
TABLES = expand(
    f"{RESULTS}/tables/table{{number}}.{{kind}}",
    number=["1", "1_variants", "1_parts", *(["3"] if UPSTREAM else []), *TRANSFER_TABLES],
    kind=["csv", "md", "tex"],
)
COMPLEXITY = f"{RESULTS}/metrics/complexity.csv"


localrules:
    complexity,
    table,


rule complexity:
    input:
        paper=repository_file("src/vipann/paper/tables.csv"),
    output:
        counts=COMPLEXITY,
    log:
        log_of("metrics/complexity"),
    conda:
        "../../environment.yml"
    params:
        # The paper's networks, whatever this run trains.
        settings=settings(
            "complexity.py",
            model=PAPER["model"],
            bayesian=PAPER["bayesian"],
            features=paper_features(),
            clip_seconds=paper_clip_seconds(),
        ),
    message:
        "size of the paper's networks"
    script:
        "../scripts/complexity.py"


rule table:
    input:
        metrics=metrics_of_table,
        paper=repository_file("src/vipann/paper/tables.csv"),
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
        number="1|1_variants|1_parts|[345]",
    conda:
        "../../environment.yml"
    params:
        settings=settings("table.py", paper_names=paper_names()),
    message:
        "table {wildcards.number}"
    script:
        "../scripts/table.py"
