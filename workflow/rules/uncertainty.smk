# The page on which method to use for what, from the tables of all parts of `uncertainty`.

from vipann.plan.advice import advice_files, advice_settings, advising

ADVICE = advice_files(RUN)


localrules:
    advice,


rule advice:
    input:
        [path for one in advising(RUN) for path in one.files if path.endswith(".csv")],
    output:
        md=f"{RESULTS}/uncertainty.md",
        html=report(
            f"{RESULTS}/uncertainty.html",
            caption="../report/advice.rst",
            category="Uncertainty",
            labels={"page": "Which method for what"},
        ),
    log:
        log_of("advice"),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: advice_settings(RUN),
    message:
        "which method to use for what"
    script:
        "../scripts/advice.py"
