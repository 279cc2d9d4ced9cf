# Tables 1 to 5: ours beside the paper's.

TRANSFER_TABLES = ["2", "4", "5"] if config["scratch"]["strategies"] else ["2", "4"]
TRANSFER_TABLES = TRANSFER_TABLES if TRANSFER_DATASETS else []
TABLES = expand(
    f"{RESULTS}/tables/table{{number}}.{{kind}}",
    number=["1", "1_variants", "1_parts", *(["3"] if UPSTREAM else []), *TRANSFER_TABLES],
    kind=["csv", "md", "tex"],
)
COMPLEXITY = f"{RESULTS}/metrics/complexity.csv"


localrules:
    complexity,
    dataset_table,
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
            chosen=chosen_parts(PAPER),
            model=model_settings(PAPER["model"]),
            bayesian=PAPER["bayesian"],
            features=paper_features(),
            clip_seconds=paper_clip_seconds(),
        ),
    message:
        "size of the paper's networks"
    script:
        "../scripts/complexity.py"


rule dataset_table:
    input:
        manifests=[f"{RESULTS}/manifests/{name}.parquet" for name in TRANSFER_DATASETS],
        features=[f"{RESULTS}/features/{name}.h5" for name in TRANSFER_DATASETS],
        paper=repository_file("src/vipann/paper/tables.csv"),
    output:
        csv=f"{RESULTS}/tables/table2.csv",
        md=f"{RESULTS}/tables/table2.md",
        tex=f"{RESULTS}/tables/table2.tex",
    log:
        log_of("tables/table2"),
    conda:
        "../../environment.yml"
    params:
        settings=settings("dataset_table.py", paper_names=paper_names()),
    message:
        "table 2"
    script:
        "../scripts/dataset_table.py"


rule table:
    input:
        metrics=metrics_of_table,
        paper=repository_file("src/vipann/paper/tables.csv"),
    output:
        csv=f"{RESULTS}/tables/table{{number}}.csv",
        md=f"{RESULTS}/tables/table{{number}}.md",
        tex=f"{RESULTS}/tables/table{{number}}.tex",
    log:
        log_of("tables/table{number}"),
    wildcard_constraints:
        number="1|1_variants|1_parts|[345]",
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: settings(
            "table.py",
            paper_names=paper_names(),
            notes=config["notes"] if w.number == "4" else [],
        ),
    message:
        "table {wildcards.number}"
    script:
        "../scripts/table.py"
