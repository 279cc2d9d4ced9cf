# The claims ledger: what the paper says in words, judged on this run.

from vipann.plan.claims import claims_inputs, claims_settings


localrules:
    claims,


rule claims:
    input:
        **claims_inputs(RUN),
        counts=COMPLEXITY,
    output:
        csv=f"{RESULTS}/tables/claims.csv",
        md=f"{RESULTS}/tables/claims.md",
        tex=f"{RESULTS}/tables/claims.tex",
    log:
        log_of("tables/claims"),
    conda:
        "../../environment.yml"
    params:
        settings=claims_settings(RUN, "vi_pann", notes_of(RUN)),
    message:
        "claims of the paper"
    script:
        "../scripts/claims.py"
