# Figures: score against retained fraction, two ways, and box plots of uncertainty.

FIGURES = expand(
    f"{RESULTS}/figures/{{name}}.{{kind}}",
    name=[name for dataset in TESTED for name in figures_of(dataset)],
    kind=["png", "pdf", "svg", "csv"],
)


localrules:
    figure,


rule figure:
    input:
        lambda w: f"{RESULTS}/metrics/{w.dataset}.{FIGURE_DATA[w.figure]}.parquet",
    output:
        png=report(
            f"{RESULTS}/figures/{{figure}}_{{dataset}}.png",
            caption="../report/figure.rst",
            category=lambda w: figure_category(w.figure),
            subcategory=lambda w: dataset_label(w.dataset, paper_names()),
            labels=lambda w: {
                "figure": figure_label(
                    w.figure, paper_names().get(w.dataset), w.dataset == UPSTREAM
                )
            },
        ),
        pdf=f"{RESULTS}/figures/{{figure}}_{{dataset}}.pdf",
        svg=f"{RESULTS}/figures/{{figure}}_{{dataset}}.svg",
        csv=f"{RESULTS}/figures/{{figure}}_{{dataset}}.csv",
    log:
        log_of("figures/{figure}_{dataset}"),
    wildcard_constraints:
        figure="|".join(FIGURE_DATA),
    conda:
        "../../environment.yml"
    params:
        settings=figure_settings,
    message:
        "figure {wildcards.figure} {wildcards.dataset}"
    script:
        "../scripts/figure.py"
