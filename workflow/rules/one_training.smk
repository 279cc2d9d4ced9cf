# Ensembles from one training: Det goes on after fine-tuning, each epoch is kept; the networks after
# them as an ensemble, and networks drawn from SWAG's Gaussian around them.

from vipann.plan.uncertainty import swag

CONTINUED = swag.continued(RUN, "{dataset}", "{fold}")
OF_ONE_TRAINING = Network(RUN, "{method}", "{dataset}", "{fold}", swag.PHASE)


rule go_on:
    input:
        features=datasets.features_of(RUN, "{dataset}"),
        start=Network(RUN, "det", "{dataset}", "{fold}", swag.PHASE).checkpoint,
    output:
        checkpoint=CONTINUED.checkpoint,
        sidecar=CONTINUED.sidecar,
        curves=CONTINUED.curves,
        epochs=directory(swag.epochs_folder(CONTINUED)),
    log:
        log_of(f"transfer/{CONTINUED.path}"),
    benchmark:
        benchmark_of(f"transfer/{CONTINUED.path}")
    conda:
        "../../environment.yml"
    resources:
        gpu=config["transfer"]["gpus"],
        mem_mb=growing(12000 * config["transfer"]["gpus"]),
        runtime=growing(1440),
    params:
        settings=lambda w: swag.training_settings(RUN, w.dataset, w.fold),
    message:
        "train det of {wildcards.dataset} on, fold {wildcards.fold}"
    script:
        "../scripts/go_on.py"


rule one_training:
    input:
        epochs=rules.go_on.output.epochs,
        features=datasets.features_of(RUN, "{dataset}"),
        outside=lambda w: Network(RUN, "det", w.dataset, w.fold, swag.PHASE).ood_features,
    output:
        OF_ONE_TRAINING.predictions,
        [OF_ONE_TRAINING.ood_predictions] * (RUN.ood is not None),
    log:
        log_of(f"predictions/{OF_ONE_TRAINING.path}"),
    benchmark:
        benchmark_of(f"predictions/{OF_ONE_TRAINING.path}")
    wildcard_constraints:
        method=one_of(list(FROM_ONE_TRAINING)),
    conda:
        "../../environment.yml"
    resources:
        gpu=1,
        mem_mb=growing(16000),
        runtime=growing(240),
    params:
        settings=lambda w: swag.prediction_settings(RUN, w.method, w.dataset, w.fold),
    message:
        "{wildcards.method} of one training on {wildcards.dataset}, fold {wildcards.fold}"
    script:
        "../scripts/one_training.py"


use rule metrics as metrics_of_one_training with:
    input:
        predictions=lambda w: [one.predictions for one in swag.methods_of(RUN, w.dataset)],
        ood=lambda w: [one.ood_predictions for one in swag.methods_of(RUN, w.dataset) if RUN.ood],
    output:
        **swag.metric_files(RUN, "{dataset}"),
    log:
        log_of("metrics/{dataset}.one_training"),
    benchmark:
        benchmark_of("metrics/{dataset}.one_training")
    message:
        "metrics of one training, {wildcards.dataset}"
