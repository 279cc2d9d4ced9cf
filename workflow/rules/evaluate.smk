# Monte Carlo predictions of every network on its own held-out clips, and the metrics of a dataset.


rule predict_upstream:
    input:
        checkpoint=upstream_checkpoint_of("{strategy}"),
        features=f"{RESULTS}/features/{UPSTREAM}.h5",
    output:
        f"{RESULTS}/predictions/{UPSTREAM}/{{strategy}}/pretrained.h5",
    log:
        log_of(f"predictions/{UPSTREAM}/{{strategy}}/pretrained"),
    benchmark:
        f"{RESULTS}/benchmarks/predictions/{UPSTREAM}/{{strategy}}.tsv"
    conda:
        "../../environment.yml"
    resources:
        gpu=1,
        mem_mb=growing(16000),
        runtime=growing(1440),
    params:
        settings=lambda w: prediction_settings(
            "predict",
            UPSTREAM,
            w.strategy,
            dataset=UPSTREAM,
            scored_dataset=UPSTREAM,
            split="eval",
        ),
    message:
        f"predict {UPSTREAM} {{wildcards.strategy}}"
    script:
        "../scripts/predict.py"


rule predict:
    input:
        checkpoint=checkpoint_of("{strategy}", "{dataset}", "{fold}", "{phase}"),
        features=f"{RESULTS}/features/{{dataset}}.h5",
    output:
        f"{RESULTS}/predictions/{{dataset}}/{{strategy}}/fold{{fold}}/{{phase}}.h5",
    log:
        log_of("predictions/{dataset}/{strategy}/fold{fold}/{phase}"),
    benchmark:
        f"{RESULTS}/benchmarks/predictions/{{dataset}}/{{strategy}}/fold{{fold}}/{{phase}}.tsv"
    conda:
        "../../environment.yml"
    resources:
        gpu=1,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=lambda w: prediction_settings(
            "predict",
            w.dataset,
            w.strategy,
            w.fold,
            w.phase,
            dataset=w.dataset,
            scored_dataset=w.dataset,
            folds=[int(w.fold)],
        ),
    message:
        "predict {wildcards.dataset} {wildcards.strategy} fold {wildcards.fold} {wildcards.phase}"
    script:
        "../scripts/predict.py"


rule metrics:
    input:
        predictions=lambda w: [
            f"{RESULTS}/predictions/{w.dataset}/{m}.h5" for m in models_of(w.dataset)
        ],
        ood=lambda w: [
            f"{RESULTS}/ood/{w.dataset}/{m}.h5" for m in scored_out_of_distribution(w.dataset)
        ],
    output:
        metrics=f"{RESULTS}/metrics/{{dataset}}.metrics.parquet",
        retention=f"{RESULTS}/metrics/{{dataset}}.retention.parquet",
        uncertainty=f"{RESULTS}/metrics/{{dataset}}.uncertainty.parquet",
        confusion=f"{RESULTS}/metrics/{{dataset}}.confusion.parquet",
        reliability=f"{RESULTS}/metrics/{{dataset}}.reliability.parquet",
        intervals=f"{RESULTS}/metrics/{{dataset}}.intervals.parquet",
    log:
        log_of("metrics/{dataset}"),
    benchmark:
        f"{RESULTS}/benchmarks/metrics/{{dataset}}.tsv"
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=lambda w: settings(
            "metrics.py",
            "metrics",
            orders=random_orders(w.dataset),
            **{
                key: config["evaluation"][key]
                for key in ("retained_fractions", "calibration_bins", "bootstrap_resamples")
            },
        ),
    message:
        "metrics {wildcards.dataset}"
    script:
        "../scripts/metrics.py"
