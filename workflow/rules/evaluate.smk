# Monte Carlo predictions of every network on its own held-out clips and on out-of-distribution
# clips, which no network has trained on; and the metrics of a dataset.


rule predict:
    input:
        checkpoint=TRANSFERRED.checkpoint,
        features=lambda w: network(w).tested_features,
        chosen=lambda w: network(w).chosen_samples,
    output:
        TRANSFERRED.predictions,
    log:
        log_of(f"predictions/{TRANSFERRED.path}"),
    benchmark:
        benchmark_of(f"predictions/{TRANSFERRED.path}")
    conda:
        "../../environment.yml"
    resources:
        gpu=1,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=lambda w: network(w).prediction_settings,
    message:
        "predict {wildcards.dataset} {wildcards.strategy} fold {wildcards.fold} {wildcards.phase}"
    script:
        "../scripts/predict.py"


use rule predict as predict_upstream with:
    input:
        checkpoint=PRETRAINED.checkpoint,
        features=datasets.features_of(RUN, RUN.upstream),
    output:
        PRETRAINED.predictions,
    log:
        log_of(f"predictions/{PRETRAINED.path}"),
    benchmark:
        benchmark_of(f"predictions/{RUN.upstream}/{{strategy}}")
    resources:
        gpu=1,
        mem_mb=growing(16000),
        runtime=growing(1440),
    message:
        f"predict {RUN.upstream} {{wildcards.strategy}}"


use rule predict as ood with:
    input:
        checkpoint=TRANSFERRED.checkpoint,
        features=lambda w: network(w).ood_features,
        chosen=lambda w: network(w).chosen_samples,
    output:
        TRANSFERRED.ood_predictions,
    log:
        log_of(f"ood/{TRANSFERRED.path}"),
    benchmark:
        benchmark_of(f"ood/{TRANSFERRED.path}")
    params:
        settings=lambda w: network(w).ood_settings,
    message:
        f"ood {{wildcards.dataset}} {{wildcards.strategy}} fold {{wildcards.fold}} {{wildcards.phase}} on {RUN.ood}"


use rule ood as ood_upstream with:
    input:
        checkpoint=PRETRAINED.checkpoint,
        features=PRETRAINED.ood_features,
    output:
        PRETRAINED.ood_predictions,
    log:
        log_of(f"ood/{PRETRAINED.path}"),
    benchmark:
        benchmark_of(f"ood/{RUN.upstream}/{{strategy}}")
    message:
        f"ood {RUN.upstream} {{wildcards.strategy}} on {RUN.ood}"


rule metrics:
    input:
        predictions=lambda w: [n.predictions for n in members.scored(RUN, w.dataset)],
        ood=lambda w: [n.ood_predictions for n in members.scored_outside(RUN, w.dataset)],
    output:
        **{
            kind: f"{RESULTS}/metrics/{{dataset}}.{kind}.parquet"
            for kind in (
                *("metrics", "retention", "uncertainty"),
                *("confusion", "reliability", "intervals"),
            )
        },
    log:
        log_of("metrics/{dataset}"),
    benchmark:
        benchmark_of("metrics/{dataset}")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=lambda w: networks.metrics_settings(RUN, random_orders(RUN, w.dataset)),
    message:
        "metrics {wildcards.dataset}"
    script:
        "../scripts/metrics.py"
