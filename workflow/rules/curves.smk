# What the trainings of a run leave behind: learning curves and validation accuracies.


localrules:
    learning_curves,
    selection,


# Learning curves of all trainings of the run, in one figure.
rule learning_curves:
    input:
        curves=[n.curves for n in networks.trained_networks(RUN)],
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
            names={"upstream": RUN.upstream, **paper_names()},
        ),
    message:
        "learning curves"
    script:
        "../scripts/learning_curves.py"


LEARNING_CURVES = list(rules.learning_curves.output)


# What settings are chosen by: accuracy on validation folds, read from the checkpoints' sidecars.
rule selection:
    input:
        sidecars=[n.sidecar for n in networks.transferred_networks(RUN)],
    output:
        csv=f"{RESULTS}/tables/validation.csv",
        md=f"{RESULTS}/tables/validation.md",
    log:
        log_of("tables/validation"),
    conda:
        "../../environment.yml"
    params:
        settings=networks.selection_settings(RUN),
    message:
        "validation accuracies"
    script:
        "../scripts/selection.py"
