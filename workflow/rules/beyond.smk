# Beyond the paper: calibration, out-of-distribution detection, classes, from the same predictions.

BEYOND_TABLES = [
    *expand(
        f"{RESULTS}/tables/{{table}}.{{kind}}",
        table=["calibration", *(["ood", "shortcuts"] if OOD else [])],
        kind=["csv", "md", "tex"],
    ),
    *([f"{RESULTS}/tables/per_class.csv"] if TRANSFER_DATASETS else []),
]
BEYOND_FIGURES = expand(
    f"{RESULTS}/figures/{{figure}}.{{kind}}",
    figure=[
        *(f"reliability_{dataset}" for dataset in TESTED),
        *(f"confusion_{dataset}" for dataset in TRANSFER_DATASETS),
    ],
    kind=["png", "pdf", "svg", "csv"],
)


localrules:
    beyond_tables,
    shortcuts,
    beyond_figure,


rule beyond_tables:
    input:
        metrics=metric_files(["metrics"], TESTED),
        intervals=metric_files(["intervals"], TESTED),
        confusion=metric_files(["confusion"], TRANSFER_DATASETS),
    output:
        calibration_csv=f"{RESULTS}/tables/calibration.csv",
        calibration_md=f"{RESULTS}/tables/calibration.md",
        calibration_tex=f"{RESULTS}/tables/calibration.tex",
        ood_csv=f"{RESULTS}/tables/ood.csv",
        ood_md=f"{RESULTS}/tables/ood.md",
        ood_tex=f"{RESULTS}/tables/ood.tex",
        per_class=f"{RESULTS}/tables/per_class.csv",
    log:
        log_of("tables/beyond"),
    conda:
        "../../environment.yml"
    params:
        settings=settings("beyond.py", paper_names=paper_names()),
    message:
        "tables beyond the paper"
    script:
        "../scripts/beyond.py"


rule shortcuts:
    input:
        metrics=metric_files(["metrics"], list(OOD_WINDOWS)),
        own=[f"{RESULTS}/features/{dataset}.h5" for dataset in OOD_WINDOWS],
        ood=[f"{RESULTS}/features/{windows}.h5" for windows in OOD_WINDOWS.values()],
    output:
        csv=f"{RESULTS}/tables/shortcuts.csv",
        md=f"{RESULTS}/tables/shortcuts.md",
        tex=f"{RESULTS}/tables/shortcuts.tex",
    log:
        log_of("tables/shortcuts"),
    conda:
        "../../environment.yml"
    params:
        settings=settings("shortcuts.py", paper_names=paper_names()),
    message:
        "what tells out-of-distribution clips apart without a network"
    script:
        "../scripts/shortcuts.py"


rule beyond_figure:
    input:
        lambda w: metric_files([w.figure], [w.dataset]),
    output:
        png=report(
            f"{RESULTS}/figures/{{figure}}_{{dataset}}.png",
            caption="../report/beyond.rst",
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
        figure="reliability|confusion",
    conda:
        "../../environment.yml"
    params:
        settings=settings(
            "beyond_figure.py",
            style=config["figures"],
            paper_names=paper_names(),
        ),
    message:
        "figure {wildcards.figure} {wildcards.dataset}"
    script:
        "../scripts/beyond_figure.py"
