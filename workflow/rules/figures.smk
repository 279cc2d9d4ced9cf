# Figures: accuracy (upstream: mAP) against retained fraction, and box plots of uncertainty.

FIGURES = expand(
    f"{RESULTS}/figures/{{figure}}_{{dataset}}.{{kind}}",
    figure=["retention", "boxplot"],
    dataset=TESTED,
    kind=["png", "pdf", "svg", "csv"],
)
FIGURE_DATA = {"retention": "retention", "boxplot": "uncertainty"}


localrules:
    figure,


rule figure:
    input:
        lambda w: f"{RESULTS}/metrics/{w.dataset}.{FIGURE_DATA[w.figure]}.parquet",
    output:
        png=report(
            f"{RESULTS}/figures/{{figure}}_{{dataset}}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"dataset": "{dataset}", "figure": "{figure}"},
        ),
        pdf=f"{RESULTS}/figures/{{figure}}_{{dataset}}.pdf",
        svg=f"{RESULTS}/figures/{{figure}}_{{dataset}}.svg",
        csv=f"{RESULTS}/figures/{{figure}}_{{dataset}}.csv",
    log:
        log_of("figures/{figure}_{dataset}"),
    wildcard_constraints:
        figure="retention|boxplot",
    conda:
        "../../environment.yml"
    params:
        settings=settings("figure.py", style=config["figures"], paper_names=paper_names()),
    message:
        "figure {wildcards.figure} {wildcards.dataset}"
    script:
        "../scripts/figure.py"
