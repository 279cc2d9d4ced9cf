# What settings are chosen by: accuracy on validation folds, read from the checkpoints' sidecars.


def validated_sidecars() -> dict[str, str]:
    """`dataset/strategy/fold/phase` of every network that is validated, with its sidecar."""
    return {
        f"{dataset}/{model}": f"{RESULTS}/checkpoints/{dataset}/{model}.json"
        for dataset in TRANSFER_DATASETS
        for model in models_of(dataset)
    }


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
    params:
        settings=settings(
            "selection.py", datasets=[name.split("/")[0] for name in validated_sidecars()]
        ),
    message:
        "validation accuracies"
    script:
        "../scripts/selection.py"
