# The claims ledgers: what the run's papers say in words, judged on this run.

from vipann.plan.claims import claims_settings

CLAIMS = {stem: one for stem, one in TABLES.items() if one.made_by == "claims"}


localrules:
    claims,


rule claims:
    input:
        unpack(lambda w: CLAIMS[w.claims].sources),
    output:
        csv=f"{RESULTS}/tables/{{claims}}.csv",
        md=f"{RESULTS}/tables/{{claims}}.md",
        tex=f"{RESULTS}/tables/{{claims}}.tex",
    log:
        log_of("tables/{claims}"),
    wildcard_constraints:
        claims=one_of(list(CLAIMS)),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: claims_settings(RUN, CLAIMS[w.claims].paper, notes_of(RUN)),
    message:
        "{wildcards.claims}: claims of the paper"
    script:
        "../scripts/claims.py"
