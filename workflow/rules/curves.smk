# Learning curves of all trainings of the run, in one figure.

LEARNING_CURVES = multiext(f"{RESULTS}/figures/learning_curves", ".png", ".pdf", ".svg", ".csv")


localrules:
    learning_curves,


rule learning_curves:
    input:
        curves=curves_of_run(),
    output:
        png=report(
            f"{RESULTS}/figures/learning_curves.png",
            caption="../report/learning_curves.rst",
            category="Training",
            labels={"figure": "learning curves"},
        ),
        pdf=f"{RESULTS}/figures/learning_curves.pdf",
        svg=f"{RESULTS}/figures/learning_curves.svg",
        csv=f"{RESULTS}/figures/learning_curves.csv",
    log:
        log_of("figures/learning_curves"),
    conda:
        "../../environment.yml"
    params:
        settings=settings(
            "learning_curves.py",
            style=config["figures"],
            names={"upstream": UPSTREAM, **paper_names()},
        ),
    message:
        "learning curves"
    script:
        "../scripts/learning_curves.py"
