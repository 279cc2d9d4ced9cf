# Figures: score against retained fraction, two ways, and box plots of uncertainty.

FIGURE_DATA = {"retention": "retention", "phases": "retention", "boxplot": "uncertainty"}
FIGURE_TITLES = {
    "retention": "retention, strategies compared",
    "phases": "retention, fixed against fine-tuned",
    "boxplot": "uncertainty in and out of distribution",
}


def figures_of(dataset: str) -> list[str]:
    """Names, without suffix, of a dataset's figures; the upstream networks have one phase alone."""
    kinds = [kind for kind in FIGURE_DATA if dataset != UPSTREAM or kind != "phases"]
    return [f"{kind}_{dataset}" for kind in kinds]


FIGURES = expand(
    f"{RESULTS}/figures/{{name}}.{{kind}}",
    name=[name for dataset in [UPSTREAM, *TRANSFER_DATASETS] for name in figures_of(dataset)],
    kind=["png", "pdf", "svg", "csv"],
)


def figure_labels(wildcards) -> dict:
    paper_name = paper_names().get(wildcards.dataset)
    return {
        "figure": figure_name(wildcards.figure, paper_name, wildcards.dataset == UPSTREAM),
        "dataset": paper_name or wildcards.dataset,
        "kind": FIGURE_TITLES[wildcards.figure],
    }


def figure_settings(wildcards) -> dict:
    """What is drawn, and what the caption says of it."""
    dataset = wildcards.dataset
    return settings(
        "figure.py",
        style=dict(sorted(config["figures"].items())),
        names={name: paper_names()[name] for name in sorted([dataset, OOD])},
        caption=figure_labels(wildcards)
        | {
            "folds": 0 if dataset == UPSTREAM else len(folds_of(config, dataset)),
            "ood": paper_names()[OOD] or OOD,
        },
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
            category="Figures",
            labels=figure_labels,
        ),
        pdf=f"{RESULTS}/figures/{{figure}}_{{dataset}}.pdf",
        svg=f"{RESULTS}/figures/{{figure}}_{{dataset}}.svg",
        csv=f"{RESULTS}/figures/{{figure}}_{{dataset}}.csv",
    log:
        log_of("figures/{figure}_{dataset}"),
    wildcard_constraints:
        figure="|".join(FIGURE_DATA),
    params:
        settings=figure_settings,
    message:
        "figure {wildcards.figure} {wildcards.dataset}"
    script:
        "../scripts/figure.py"
