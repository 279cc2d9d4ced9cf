# Events in time, cut from the scores of frames of upstream networks and of variants; and, where the
# upstream set has strong labels, how well they lie.

EVENTS = [events.events_of(one) for one in events.event_networks(RUN)]
LOCALISED = events.localised(RUN)
LOCALISATION = [events.localisation_of(RUN, LOCALISED)] if LOCALISED else []


localrules:
    strong_labels,


rule events:
    input:
        f"{RESULTS}/predictions/{RUN.upstream}/{{network}}.h5",
    output:
        f"{RESULTS}/events/{RUN.upstream}/{{network}}.csv",
    log:
        log_of(f"events/{RUN.upstream}/{{network}}"),
    benchmark:
        benchmark_of(f"events/{RUN.upstream}/{{network}}")
    wildcard_constraints:
        network="(det|drop|flip)/pretrained|variants/.+",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings=lambda w: events.events_settings(RUN),
    message:
        f"events of {RUN.upstream} {{wildcards.network}}"
    script:
        "../scripts/events.py"


rule strong_labels:
    input:
        audio=lambda w: datasets.audio_of(RUN, w.dataset),
        manifest=datasets.manifest_of(RUN, "{dataset}"),
    output:
        events.strong_labels_of(RUN, "{dataset}"),
    log:
        log_of("manifests/{dataset}.strong_labels"),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: datasets.strong_labels_settings(RUN, w.dataset),
    message:
        "strong labels of {wildcards.dataset}"
    script:
        "../scripts/strong_labels.py"


rule localisation:
    input:
        events=EVENTS,
        strong_labels=events.strong_labels_of(RUN, "{dataset}"),
        features=datasets.features_of(RUN, "{dataset}"),
    output:
        events.localisation_of(RUN, "{dataset}"),
    log:
        log_of("metrics/{dataset}.localisation"),
    benchmark:
        benchmark_of("metrics/{dataset}.localisation")
    wildcard_constraints:
        dataset=one_of([LOCALISED] if LOCALISED else []),
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=lambda w: events.localisation_settings(RUN),
    message:
        "localisation of {wildcards.dataset}"
    script:
        "../scripts/localisation.py"
