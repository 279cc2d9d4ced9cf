# Figures, as the files of the run's papers declare them: `vipann.plan.products`.

FIGURES = products(RUN, "figure")


localrules:
    figure,


rule figure:
    input:
        unpack(lambda w: FIGURES[w.figure].sources),
    output:
        png=report(
            f"{RESULTS}/figures/{{figure}}.png",
            caption="../report/caption.rst",
            category=lambda w: FIGURES[w.figure].category,
            # None, not "": the report has no place for a subcategory without a name.
            subcategory=lambda w: FIGURES[w.figure].shown_dataset or None,
            labels=lambda w: {"figure": FIGURES[w.figure].label},
        ),
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
        svg=f"{RESULTS}/figures/{{figure}}.svg",
        csv=f"{RESULTS}/figures/{{figure}}.csv",
    log:
        log_of("figures/{figure}"),
    wildcard_constraints:
        figure=one_of(list(FIGURES)),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: FIGURES[w.figure].settings,
    message:
        "figure {wildcards.figure}"
    script:
        "../scripts/figure.py"
