# The claims ledger: what the paper says in words, judged on this run.

from vipann.plan.claims import claims_inputs, claims_settings

CLAIMS = multiext(f"{RESULTS}/tables/claims", ".csv", ".md", ".tex")


localrules:
    claims,


rule claims:
    input:
        **claims_inputs(RUN),
        counts=COMPLEXITY,
        paper=repository_file("src/vipann/papers/vi_pann/tables.csv"),
    output:
        csv=CLAIMS[0],
        md=CLAIMS[1],
        tex=CLAIMS[2],
    log:
        log_of("tables/claims"),
    conda:
        "../../environment.yml"
    params:
        settings=claims_settings(RUN, "vi_pann", config["notes"]),
    message:
        "claims of the paper"
    script:
        "../scripts/claims.py"
