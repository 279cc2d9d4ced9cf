# Whether the split of uncertainty means anything: networks that learn from fewer recordings or not
# from all classes, and test clips under noise and other conditions.

from vipann.plan import selections
from vipann.plan.uncertainty import probes, robustness

SELECTIONS = {one.place: one for one in selections.selections(RUN)}
CLIP_LISTS = {f"{one.name}/{one.dataset}": one for one in SELECTIONS.values()}
CONDITIONS = robustness.conditions(RUN)
# By path, networks of the run and of its variants.
UNKNOWN = {one.path: one for one in probes.hears_unknown(RUN)}
DEGRADED = {one.path: one for name in RUN.transfer_datasets for one in robustness.tested(RUN, name)}


wildcard_constraints:
    clip_list=one_of(list(CLIP_LISTS)),
    selection=one_of(list(SELECTIONS)),
    use="learnt|tested|unknown",
    condition=one_of(list(CONDITIONS)),
    unknown=one_of(list(UNKNOWN)),
    degraded=one_of(list(DEGRADED)),


localrules:
    select_clips,


rule select_clips:
    input:
        manifest=lambda w: datasets.manifest_of(RUN, CLIP_LISTS[w.clip_list].dataset),
    output:
        f"{RESULTS}/manifests/{{clip_list}}.csv",
    log:
        log_of("manifests/{clip_list}"),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: CLIP_LISTS[w.clip_list].settings,
    message:
        "select clips: {wildcards.clip_list}"
    script:
        "../scripts/select_clips.py"


rule select_features:
    input:
        features=lambda w: SELECTIONS[w.selection].whole,
        clips=lambda w: SELECTIONS[w.selection].clips,
    output:
        f"{RESULTS}/features/{{selection}}.{{use}}.h5",
    log:
        log_of("features/{selection}.{use}"),
    benchmark:
        benchmark_of("features/{selection}.{use}")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings=lambda w: SELECTIONS[w.selection].features_settings,
    message:
        "features of clips {wildcards.use}, {wildcards.selection}"
    script:
        "../scripts/select_features.py"


use rule predict as unknown with:
    input:
        checkpoint=lambda w: UNKNOWN[w.unknown].checkpoint,
        features=lambda w: UNKNOWN[w.unknown].selection.features("unknown"),
        chosen=lambda w: UNKNOWN[w.unknown].chosen_samples,
    output:
        f"{RESULTS}/unknown/{{unknown}}.h5",
    log:
        log_of("unknown/{unknown}"),
    benchmark:
        benchmark_of("unknown/{unknown}")
    params:
        settings=lambda w: UNKNOWN[w.unknown].unknown_settings,
    message:
        "unknown classes by {wildcards.unknown}"


rule probes:
    input:
        unpack(lambda w: probes.metrics_inputs(RUN, w.dataset)),
    output:
        probes.metrics_of(RUN, "{dataset}"),
    log:
        log_of("metrics/{dataset}.probes"),
    benchmark:
        benchmark_of("metrics/{dataset}.probes")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=lambda w: probes.metrics_settings(RUN, w.dataset),
    message:
        "probes of uncertainty on {wildcards.dataset}"
    script:
        "../scripts/probes.py"


rule degrade:
    input:
        unpack(lambda w: robustness.noise_inputs(RUN, w.dataset, w.condition)),
        features=datasets.features_of(RUN, "{dataset}"),
        manifest=datasets.manifest_of(RUN, "{dataset}"),
        audio=lambda w: datasets.audio_of(RUN, w.dataset),
    output:
        robustness.degraded_features(RUN, "{dataset}", "{condition}"),
    log:
        log_of("features/degraded/{dataset}__{condition}"),
    benchmark:
        benchmark_of("features/degraded/{dataset}__{condition}")
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        settings=lambda w: robustness.degrading_settings(RUN, w.dataset, w.condition),
    message:
        "degrade {wildcards.dataset}: {wildcards.condition}"
    script:
        "../scripts/degrade.py"


rule predict_degraded:
    input:
        checkpoint=lambda w: DEGRADED[w.degraded].checkpoint,
        features=lambda w: [
            robustness.degraded_features(RUN, DEGRADED[w.degraded].dataset, name)
            for name in CONDITIONS
        ],
        chosen=lambda w: DEGRADED[w.degraded].chosen_samples,
    output:
        # One output at least, as a rule has to have: without conditions nothing matches it.
        [f"{RESULTS}/degraded/{{degraded}}__{name}.h5" for name in CONDITIONS or ["clean"]],
    log:
        log_of("degraded/{degraded}"),
    benchmark:
        benchmark_of("degraded/{degraded}")
    conda:
        "../../environment.yml"
    resources:
        gpu=1,
        mem_mb=growing(8000),
        runtime=growing(480),
    params:
        settings=lambda w: robustness.predicting_settings(DEGRADED[w.degraded]),
    message:
        "predict degraded clips: {wildcards.degraded}"
    script:
        "../scripts/predict.py"


rule robustness:
    input:
        unpack(lambda w: robustness.metrics_inputs(RUN, w.dataset)),
    output:
        robustness.metrics_of(RUN, "{dataset}"),
    log:
        log_of("metrics/{dataset}.robustness"),
    benchmark:
        benchmark_of("metrics/{dataset}.robustness")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=robustness.metrics_settings(RUN),
    message:
        "robustness on {wildcards.dataset}"
    script:
        "../scripts/robustness.py"
