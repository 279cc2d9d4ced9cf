# What settings are chosen by: accuracy on validation folds, read from the checkpoints' sidecars.


localrules:
    selection,


rule selection:
    input:
        sidecars=list(validated_sidecars().values()),
    output:
        csv=f"{RESULTS}/tables/validation.csv",
        md=f"{RESULTS}/tables/validation.md",
    log:
        log_of("tables/validation"),
    conda:
        "../../environment.yml"
    params:
        settings=settings(
            "selection.py", datasets=[name.split("/")[0] for name in validated_sidecars()]
        ),
    message:
        "validation accuracies"
    script:
        "../scripts/selection.py"
