# Networks' probabilities taken at their word: recalibrated on clips that no training has seen, and
# turned into sets of classes with a guarantee.

from vipann.plan.uncertainty import conformal, recalibration


localrules:
    calibration_recordings,


use rule predict as predict_validation with:
    output:
        TRANSFERRED.validation_predictions,
    log:
        log_of(f"validation/{TRANSFERRED.path}"),
    benchmark:
        benchmark_of(f"validation/{TRANSFERRED.path}")
    params:
        settings=lambda w: network(w).validation_settings,
    message:
        "predict {wildcards.dataset} {wildcards.strategy} fold {wildcards.fold} {wildcards.phase} on its validation fold"


rule recalibration:
    input:
        unpack(lambda w: recalibration.files(RUN, w.dataset)),
    output:
        scores=recalibration.scores_of(RUN, "{dataset}"),
        reliability=recalibration.reliability_of(RUN, "{dataset}"),
    log:
        log_of("metrics/{dataset}.recalibration"),
    benchmark:
        benchmark_of("metrics/{dataset}.recalibration")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=lambda w: recalibration.settings(RUN, w.dataset),
    message:
        "recalibration {wildcards.dataset}"
    script:
        "../scripts/recalibrate.py"


# Before any training: what it finds wrong would show last.
rule calibration_recordings:
    input:
        datasets.manifest_of(RUN, "{dataset}"),
    output:
        conformal.recordings_of(RUN, "{dataset}"),
    log:
        log_of("manifests/{dataset}.calibration_recordings"),
    priority: 3
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: conformal.recordings_settings(RUN, w.dataset),
    message:
        "recordings of {wildcards.dataset} to calibrate on"
    script:
        "../scripts/calibration_recordings.py"


rule conformal:
    input:
        predictions=lambda w: [one.predictions for one in conformal.networks(RUN, w.dataset)],
        recordings=conformal.recordings_of(RUN, "{dataset}"),
    output:
        conformal.sets_of(RUN, "{dataset}"),
    log:
        log_of("metrics/{dataset}.conformal"),
    benchmark:
        benchmark_of("metrics/{dataset}.conformal")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=lambda w: conformal.settings(RUN, w.dataset),
    message:
        "conformal sets {wildcards.dataset}"
    script:
        "../scripts/conformal.py"
