# Variants that are trained on the folds of the transfer datasets, from scratch or by transfer, each
# with several seeds; ensembles of their networks, and the scores of all of them.

FOLD_VARIANT = fold_variants.FoldNetwork(
    RUN, "", "{dataset}", "{fold}", "{phase}", variant="{variant}", seed="{seed}"
)
FOLD_METRICS = [
    fold_variants.fold_metrics_of(RUN, name) for name in fold_variants.datasets_of_folds(RUN)
]
OTHER_FRONT_ENDS = fold_variants.other_front_ends(RUN)


wildcard_constraints:
    front_end=one_of(list(OTHER_FRONT_ENDS)),
    about="predictions|ood",


use rule features as features_of_variants with:
    output:
        datasets.features_of(RUN, "{front_end}/{dataset}"),
    log:
        log_of("features/{front_end}/{dataset}"),
    benchmark:
        benchmark_of("features/{front_end}/{dataset}")
    resources:
        mem_mb=growing(4000),
        runtime=growing(720),
    params:
        settings=lambda w: datasets.features_settings(OTHER_FRONT_ENDS[w.front_end], w.dataset),
    message:
        "features {wildcards.dataset} by {wildcards.front_end}"


use rule features_shard as features_shard_of_variants with:
    output:
        f"{RESULTS}/features/{{front_end}}/{{dataset}}/shard{{shard}}of{{shards}}.h5",
    log:
        log_of("features/{front_end}/{dataset}/shard{shard}of{shards}"),
    benchmark:
        benchmark_of("features/{front_end}/{dataset}/shard{shard}of{shards}")
    resources:
        mem_mb=growing(8000),
        runtime=growing(720),
    params:
        settings=lambda w: datasets.features_settings(OTHER_FRONT_ENDS[w.front_end], w.dataset),
    message:
        "features {wildcards.dataset} by {wildcards.front_end}, shard {wildcards.shard} of {wildcards.shards}"


use rule join_features as join_features_of_variants with:
    input:
        lambda w: expand(
            rules.features_shard_of_variants.output,
            front_end=w.front_end,
            dataset=w.dataset,
            shard=range(1, SHARDS[w.dataset] + 1),
            shards=SHARDS[w.dataset],
        ),
    output:
        rules.features_of_variants.output,
    log:
        log_of("features/{front_end}/{dataset}"),
    benchmark:
        benchmark_of("features/{front_end}/{dataset}")
    resources:
        mem_mb=growing(16000),
        runtime=growing(60),
    message:
        "join features {wildcards.dataset} by {wildcards.front_end}"


use rule transfer as transfer_variant with:
    input:
        features=lambda w: fold_network(w).learnt_features,
        recordings=lambda w: fold_network(w).heard_recordings,
        start=lambda w: fold_network(w).start,
    output:
        checkpoint=FOLD_VARIANT.checkpoint,
        sidecar=FOLD_VARIANT.sidecar,
        curves=FOLD_VARIANT.curves,
    log:
        log_of(FOLD_VARIANT.stem),
    benchmark:
        benchmark_of(FOLD_VARIANT.stem)
    resources:
        gpu=config["transfer"]["gpus"],
        mem_mb=growing(12000 * config["transfer"]["gpus"]),
        runtime=growing(1440),
    params:
        settings=lambda w: fold_network(w).training_settings,
    message:
        "transfer {wildcards.dataset} variant {wildcards.variant} seed {wildcards.seed} fold {wildcards.fold} {wildcards.phase}"


use rule scratch as scratch_variant with:
    input:
        features=lambda w: fold_network(w).features,
        recordings=lambda w: fold_network(w).heard_recordings,
        start=lambda w: fold_network(w).start,
    output:
        checkpoint=FOLD_VARIANT.checkpoint,
        sidecar=FOLD_VARIANT.sidecar,
        curves=FOLD_VARIANT.curves,
    log:
        log_of(FOLD_VARIANT.stem),
    benchmark:
        benchmark_of(FOLD_VARIANT.stem)
    wildcard_constraints:
        phase=networks.SCRATCH,
    resources:
        gpu=config["scratch"]["gpus"],
        mem_mb=growing(12000 * config["scratch"]["gpus"]),
        runtime=growing(1440),
    params:
        settings=lambda w: fold_network(w).training_settings,
    message:
        "scratch {wildcards.dataset} variant {wildcards.variant} seed {wildcards.seed} fold {wildcards.fold}"


use rule predict as predict_fold_variant with:
    input:
        checkpoint=FOLD_VARIANT.checkpoint,
        features=lambda w: fold_network(w).tested_features,
    output:
        FOLD_VARIANT.predictions,
    log:
        log_of(f"predictions/{FOLD_VARIANT.path}"),
    benchmark:
        benchmark_of(f"predictions/{FOLD_VARIANT.path}")
    params:
        settings=lambda w: fold_network(w).prediction_settings,
    message:
        "predict {wildcards.dataset} variant {wildcards.variant} seed {wildcards.seed} fold {wildcards.fold} {wildcards.phase}"


use rule ood as ood_fold_variant with:
    input:
        checkpoint=FOLD_VARIANT.checkpoint,
        features=lambda w: fold_network(w).ood_features,
    output:
        FOLD_VARIANT.ood_predictions,
    log:
        log_of(f"ood/{FOLD_VARIANT.path}"),
    benchmark:
        benchmark_of(f"ood/{FOLD_VARIANT.path}")
    params:
        settings=lambda w: fold_network(w).ood_settings,
    message:
        f"ood {{wildcards.dataset}} variant {{wildcards.variant}} seed {{wildcards.seed}} fold {{wildcards.fold}} {{wildcards.phase}} on {RUN.ood}"


# Of one fold; of its own clips or of the out-of-distribution ones.
use rule ensemble as ensemble_on_folds with:
    input:
        lambda w: [
            one.predictions if w.about == "predictions" else one.ood_predictions
            for one in fold_variants.FoldEnsemble(RUN, w.ensemble, w.dataset, w.fold).members
        ],
    output:
        f"{RESULTS}/{{about}}/{{dataset}}/ensembles/{{ensemble}}/fold{{fold}}.h5",
    log:
        log_of("{about}/{dataset}/ensembles/{ensemble}/fold{fold}"),
    benchmark:
        benchmark_of("{about}/{dataset}/ensembles/{ensemble}/fold{fold}")
    params:
        settings=lambda w: fold_variants.FoldEnsemble(RUN, w.ensemble, w.dataset, w.fold).settings,
    message:
        "ensemble {wildcards.ensemble} of {wildcards.dataset} fold {wildcards.fold} ({wildcards.about})"


rule fold_metrics:
    input:
        predictions=lambda w: [one.predictions for one in fold_variants.fold_scored(RUN, w.dataset)],
        ood=lambda w: [
            one.ood_predictions
            for one in fold_variants.fold_scored(RUN, w.dataset)
            if one.hears_outside
        ],
        sidecars=lambda w: [one.sidecar for one in fold_variants.fold_networks(RUN, w.dataset)],
    output:
        fold_variants.fold_metrics_of(RUN, "{dataset}"),
    log:
        log_of("metrics/{dataset}.variants_on_folds"),
    benchmark:
        benchmark_of("metrics/{dataset}.variants_on_folds")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=lambda w: fold_variants.fold_metrics_settings(RUN, w.dataset),
    message:
        "metrics of variants on the folds of {wildcards.dataset}"
    script:
        "../scripts/fold_metrics.py"
