# Tables 1 to 5: ours beside the paper's.

TRANSFER_TABLES = ["4", "5"] if config["scratch"]["strategies"] else ["4"]
TABLES = expand(
    f"{RESULTS}/tables/table{{number}}.{{kind}}",
    number=["1", "1_variants", "1_parts", "2", "3", *TRANSFER_TABLES],
    kind=["csv", "md", "tex"],
)
TABLE_TITLES = {
    "1": "size of the networks",
    "1_variants": "size at other clip lengths, and of pre-training networks",
    "1_parts": "what the operations are spent on",
    "2": "the datasets",
    "3": "pre-training",
    "4": "accuracy after transfer",
    "5": "accuracy from scratch",
}
COMPLEXITY = f"{RESULTS}/metrics/complexity.csv"


def metrics_of_table(wildcards) -> list[str]:
    if wildcards.number.startswith("1"):
        return [COMPLEXITY]
    datasets = [UPSTREAM] if wildcards.number == "3" else TRANSFER_DATASETS
    return [f"{RESULTS}/metrics/{dataset}.metrics.parquet" for dataset in datasets]


def paper_names() -> dict:
    names = {name: block.get("paper_name") for name, block in config["datasets"].items()}
    return {name: names[name] for name in sorted([UPSTREAM, OOD, *TRANSFER_DATASETS])}


def table_labels(wildcards) -> dict:
    number = wildcards.get("number", "2")
    return {"table": f"Table {number.partition('_')[0]}", "about": TABLE_TITLES[number]}


def paper_clip_seconds() -> dict:
    """Clip length of the paper's datasets, by the paper's names for them."""
    blocks = PAPER["datasets"].values()
    return {b["paper_name"]: b["clip_seconds"] for b in blocks if b.get("paper_name")}


def paper_features() -> dict:
    keys = ("sample_rate", "window_length", "hop_length", "mel_bands", "amin")
    return {key: PAPER["features"][key] for key in keys}


localrules:
    complexity,
    dataset_table,
    table,


rule complexity:
    input:
        paper=str(SOURCE / "vipann/paper/tables.csv"),
    output:
        counts=COMPLEXITY,
    log:
        log_of("metrics/complexity"),
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


rule dataset_table:
    input:
        manifests=[f"{RESULTS}/manifests/{name}.parquet" for name in TRANSFER_DATASETS],
        features=[f"{RESULTS}/features/{name}.h5" for name in TRANSFER_DATASETS],
        paper=str(SOURCE / "vipann/paper/tables.csv"),
    output:
        csv=f"{RESULTS}/tables/table2.csv",
        md=report(
            f"{RESULTS}/tables/table2.md",
            caption="../report/table.rst",
            category="Tables",
            labels=table_labels,
        ),
        tex=f"{RESULTS}/tables/table2.tex",
    log:
        log_of("tables/table2"),
    params:
        settings=settings("dataset_table.py", paper_names=paper_names()),
    message:
        "table 2"
    script:
        "../scripts/dataset_table.py"


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
            labels=table_labels,
        ),
        tex=f"{RESULTS}/tables/table{{number}}.tex",
    log:
        log_of("tables/table{number}"),
    wildcard_constraints:
        number="1|1_variants|1_parts|[345]",
    params:
        settings=settings("table.py", paper_names=paper_names()),
    message:
        "table {wildcards.number}"
    script:
        "../scripts/table.py"
