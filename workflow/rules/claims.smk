# The claims ledger: what the paper says in words, judged on this run.

CLAIMS = multiext(f"{RESULTS}/tables/claims", ".csv", ".md", ".tex")


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
    conda:
        "../../environment.yml"
    params:
        settings=claims_settings(),
    message:
        "claims of the paper"
    script:
        "../scripts/claims.py"
