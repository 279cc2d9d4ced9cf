# The claims ledger: what the paper says in words, judged on this run.

CLAIMS = multiext(f"{RESULTS}/tables/claims", ".csv", ".md", ".tex")


def claims_inputs() -> dict:
    return {
        f"{dataset}_{kind}": f"{RESULTS}/metrics/{dataset}.{kind}.parquet"
        for dataset in [UPSTREAM, *TRANSFER_DATASETS]
        for kind in ("metrics", "retention", "uncertainty")
    }


def claims_settings() -> dict:
    datasets = {}
    for name in [UPSTREAM, *TRANSFER_DATASETS]:
        block = config["datasets"][name]
        numbers = fold_numbers(block["folds"])
        datasets[name] = {"paper_name": block.get("paper_name"), "folds": len(numbers)}
    return settings(
        "claims.py", datasets=datasets, upstream=UPSTREAM, transfer=TRANSFER_DATASETS
    )


localrules:
    claims,


rule claims:
    input:
        **claims_inputs(),
        counts=COMPLEXITY,
        paper=str(SOURCE / "vipann/paper/tables.csv"),
    output:
        csv=CLAIMS[0],
        md=report(CLAIMS[1], caption="../report/claims.rst", category="Claims"),
        tex=CLAIMS[2],
    log:
        log_of("tables/claims"),
    params:
        settings=claims_settings(),
    message:
        "claims of the paper"
    script:
        "../scripts/claims.py"
