# Variants of the run that are trained upstream, each with several seeds; and what is made of their
# networks: averages of weights, ensembles, and the scores of all of them.

VARIANT = VariantNetwork(RUN, "", variant="{variant}", member="seed{seed}")
# Of the checkpoint after an epoch and of an average too.
MEMBER = VariantNetwork(RUN, "", variant="{variant}", member="{member}")
AVERAGE = VariantNetwork(RUN, "", variant="{variant}", member="seed{seed}.{average}")
UPSTREAM_VARIANTS = names_of(config, UPSTREAM_STAGE)
KEEPING = variants.keeping(RUN)
VARIANT_METRICS = variants.variant_metric_files(RUN)


wildcard_constraints:
    variant=one_of(list(config["variants"])),
    seed="[0-9]+",
    member=r"seed[0-9]+(\.epochs/epoch[0-9]+|\.[a-z0-9_]+)?",
    average=one_of(list(config["averages"])),
    ensemble=one_of(list(config["ensembles"])),
    whose="variants|train",
    place="ensembles|train/ensembles",


localrules:
    moped_variant,


use rule pretrain as train_variant with:
    input:
        features=lambda w: member(w).features,
        recordings=lambda w: member(w).heard_recordings,
        start=lambda w: member(w).start,
        labels=lambda w: member(w).labels,
    output:
        checkpoint=VARIANT.checkpoint,
        sidecar=VARIANT.sidecar,
        curves=VARIANT.curves,
    log:
        log_of("variants/{variant}/seed{seed}"),
    benchmark:
        benchmark_of("variants/{variant}/seed{seed}")
    wildcard_constraints:
        variant=one_of([name for name in UPSTREAM_VARIANTS if name not in KEEPING]),
    priority: 0
    resources:
        gpu=config["pretrain"]["gpus"],
        mem_mb=growing(16000 * config["pretrain"]["gpus"]),
        runtime=growing(2880),
    params:
        settings=lambda w: member(w).training_settings,
    message:
        "train variant {wildcards.variant} seed {wildcards.seed}"


# With a checkpoint after each of its last epochs.
use rule train_variant as train_variant_by_epochs with:
    output:
        checkpoint=VARIANT.checkpoint,
        sidecar=VARIANT.sidecar,
        curves=VARIANT.curves,
        epochs=directory(VARIANT.epochs_folder),
    wildcard_constraints:
        variant=one_of(KEEPING),
    resources:
        gpu=config["pretrain"]["gpus"],
        mem_mb=growing(16000 * config["pretrain"]["gpus"]),
        runtime=growing(2880),


use rule moped as moped_variant with:
    input:
        det=lambda w: member(w).moped_of,
    output:
        checkpoint=VARIANT.moped_checkpoint,
        sidecar=VARIANT.moped_checkpoint.replace(".safetensors", ".json"),
    log:
        log_of("variants/{variant}/seed{seed}.moped"),
    params:
        settings=lambda w: member(w).moped_settings,
    message:
        "moped of variant {wildcards.variant} seed {wildcards.seed}"


rule average:
    input:
        epochs=VARIANT.epochs_folder,
        features=lambda w: (member(w).features if member(w).is_recomputed else []),
    output:
        checkpoint=AVERAGE.checkpoint,
        sidecar=AVERAGE.sidecar,
    log:
        log_of(AVERAGE.stem),
    benchmark:
        benchmark_of(AVERAGE.stem)
    conda:
        "../../environment.yml"
    resources:
        gpu=1,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=lambda w: member(w).average_settings,
    message:
        "average {wildcards.average} of variant {wildcards.variant} seed {wildcards.seed}"
    script:
        "../scripts/average.py"


# On the evaluation list or, for teachers, on the train list.
use rule predict as predict_variant with:
    input:
        checkpoint=lambda w: member(w).made_in,
        features=lambda w: member(w).features,
    output:
        f"{RESULTS}/predictions/{RUN.upstream}/{{whose}}/{{variant}}/{{member}}.h5",
    log:
        log_of(f"predictions/{RUN.upstream}/{{whose}}/{{variant}}/{{member}}"),
    benchmark:
        benchmark_of(f"predictions/{RUN.upstream}/{{whose}}/{{variant}}/{{member}}")
    resources:
        gpu=1,
        mem_mb=growing(16000),
        runtime=growing(1440),
    params:
        settings=lambda w: (
            member(w).train_prediction_settings
            if w.whose == "train"
            else member(w).prediction_settings
        ),
    message:
        f"predict {RUN.upstream} {{wildcards.whose}}/{{wildcards.variant}}/{{wildcards.member}}"


rule ensemble:
    input:
        lambda w: [
            one.train_predictions if w.place.startswith("train/") else one.predictions
            for one in variants.Ensemble(RUN, w.ensemble).members
        ],
    output:
        f"{RESULTS}/predictions/{RUN.upstream}/{{place}}/{{ensemble}}.h5",
    log:
        log_of(f"predictions/{RUN.upstream}/{{place}}/{{ensemble}}"),
    benchmark:
        benchmark_of(f"predictions/{RUN.upstream}/{{place}}/{{ensemble}}")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        settings=lambda w: variants.Ensemble(RUN, w.ensemble).settings,
    message:
        "ensemble {wildcards.ensemble}"
    script:
        "../scripts/ensemble.py"


rule variant_metrics:
    input:
        predictions=[path for _, path in variants.scored(RUN)],
        label_sets=list(variants.label_sets(RUN).values()),
        features=datasets.features_of(RUN, RUN.upstream),
    output:
        **VARIANT_METRICS,
    log:
        log_of("metrics/variants"),
    benchmark:
        benchmark_of("metrics/variants")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(16000),
        runtime=growing(240),
    params:
        settings=lambda w: variants.variant_metrics_settings(RUN),
    message:
        "metrics of variants"
    script:
        "../scripts/variant_metrics.py"


# Of networks with random weights: no score, checkpoint or feature is a reason to measure again.
rule variant_cost:
    input:
        manifest=datasets.manifest_of(RUN, "{dataset}"),
    output:
        costs=f"{RESULTS}/metrics/{{dataset}}.variant_cost.csv",
    log:
        log_of("metrics/{dataset}.variant_cost"),
    benchmark:
        benchmark_of("metrics/{dataset}.variant_cost")
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        gpu=1,
        mem_mb=growing(16000),
        runtime=growing(240),
    params:
        settings=lambda w: variants.cost_settings(RUN, w.dataset),
    message:
        "cost of variants on {wildcards.dataset}"
    script:
        "../scripts/variant_cost.py"
