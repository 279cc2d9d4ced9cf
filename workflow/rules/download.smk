# From the place where a dataset really lies to audio files and the list of its clips.


localrules:
    download,
    audio,
    shared_recordings,
    dataset_summary,


rule download:
    output:
        f"{DATA}/{{dataset}}/archives/{{key}}/{{file}}",
    log:
        log_of("download/{dataset}/{key}/{file}"),
    wildcard_constraints:
        file=".+",
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: datasets.download_settings(
            datasets.archive_entry(RUN, w.dataset, w.file)
        ),
    message:
        "download {wildcards.dataset}: {wildcards.file}"
    script:
        "../scripts/download.py"


rule fetch:
    input:
        archives=lambda w: datasets.archives_of(RUN, w.dataset),
    output:
        f"{DATA}/{{dataset}}/fetched/{{shard}}-of-{{shards}}.csv",
    log:
        log_of("fetch/{dataset}/{shard}-of-{shards}"),
    benchmark:
        benchmark_of("fetch/{dataset}/{shard}-of-{shards}")
    wildcard_constraints:
        shard="[0-9]+",
        shards="[0-9]+",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(1440),
    params:
        settings=lambda w: datasets.fetch_settings(RUN, w.dataset),
    message:
        "fetch {wildcards.dataset}: shard {wildcards.shard} of {wildcards.shards}"
    script:
        "../scripts/fetch.py"


rule audio:
    input:
        archives=lambda w: datasets.archives_of(RUN, w.dataset),
        fetched=lambda w: datasets.fetched_of(RUN, w.dataset),
    output:
        directory(f"{DATA}/{{dataset}}/audio_{{key}}"),
    log:
        log_of("audio/{dataset}_{key}"),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: datasets.audio_settings(RUN, w.dataset),
    message:
        "audio {wildcards.dataset}"
    script:
        "../scripts/audio.py"


rule manifest:
    input:
        audio=lambda w: datasets.audio_of(RUN, w.dataset),
    output:
        manifest=datasets.manifest_of(RUN, "{dataset}"),
        missing=f"{RESULTS}/manifests/{{dataset}}.missing.csv",
    log:
        log_of("manifests/{dataset}"),
    benchmark:
        benchmark_of("manifests/{dataset}")
    wildcard_constraints:
        dataset=one_of(datasets.shards_of(RUN)),
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(720),
    params:
        settings=lambda w: datasets.manifest_settings(RUN, w.dataset),
    message:
        "manifest {wildcards.dataset}"
    script:
        "../scripts/manifest.py"


rule shared_recordings:
    input:
        lambda w: datasets.compared_manifests(RUN, w.dataset),
    output:
        # What was there stays until it is replaced: without it, features would be made anew.
        update(f"{RESULTS}/manifests/{{dataset}}.shared.csv"),
    log:
        log_of("shared_recordings/{dataset}"),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: datasets.shared_settings(RUN, w.dataset),
    message:
        "audio of {wildcards.dataset} that other datasets of the run hold"
    script:
        "../scripts/shared.py"


rule dataset_summary:
    input:
        manifest=rules.manifest.output.manifest,
        missing=rules.manifest.output.missing,
        features=datasets.features_of(RUN, "{dataset}"),
        shared=lambda w: datasets.shared_list_of(RUN, w.dataset),
        left_out=lambda w: datasets.left_out_of(RUN, w.dataset),
    output:
        csv=f"{RESULTS}/manifests/{{dataset}}.summary.csv",
        md=f"{RESULTS}/manifests/{{dataset}}.summary.md",
    log:
        log_of("summaries/{dataset}"),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: datasets.summary_settings(RUN, w.dataset),
    message:
        "summary of {wildcards.dataset}"
    script:
        "../scripts/summary.py"


SUMMARIES = [
    path
    for name in datasets.summarized(RUN)
    for path in expand(rules.dataset_summary.output, dataset=name)
]
