# From the place where a dataset really lies to audio files and the list of its clips.


localrules:
    download,
    audio,
    shared_recordings,
    dataset_summary,


rule download:
    output:
        f"{DATA}/{{dataset}}/archives/{{file}}",
    log:
        log_of("download/{dataset}/{file}"),
    wildcard_constraints:
        file=".+",
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: archive_settings(archive_entry(w.dataset, w.file)),
    message:
        "download {wildcards.dataset}: {wildcards.file}"
    script:
        "../scripts/download.py"


rule fetch:
    input:
        archives=archives_of,
    output:
        f"{DATA}/{{dataset}}/fetched/{{shard}}-of-{{shards}}.csv",
    log:
        log_of("fetch/{dataset}/{shard}-of-{shards}"),
    benchmark:
        f"{RESULTS}/benchmarks/fetch/{{dataset}}/{{shard}}-of-{{shards}}.tsv"
    wildcard_constraints:
        shard="[0-9]+",
        shards="[0-9]+",
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(1440),
    params:
        settings=lambda w: fetch_settings(w.dataset),
    message:
        "fetch {wildcards.dataset}: shard {wildcards.shard} of {wildcards.shards}"
    script:
        "../scripts/fetch.py"


rule audio:
    input:
        archives=archives_of,
        fetched=lambda w: fetched_of(w.dataset),
    output:
        directory(f"{DATA}/{{dataset}}/audio"),
    log:
        log_of("audio/{dataset}"),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: settings(
            "audio.py",
            *audio_seed_words(w.dataset),
            adapter=BLOCKS[w.dataset]["adapter"],
            **clip_settings(w.dataset),
        ),
    message:
        "audio {wildcards.dataset}"
    script:
        "../scripts/audio.py"


rule manifest:
    input:
        audio=lambda w: audio_of(w.dataset),
    output:
        manifest=f"{RESULTS}/manifests/{{dataset}}.parquet",
        missing=f"{RESULTS}/manifests/{{dataset}}.missing.csv",
    log:
        log_of("manifests/{dataset}"),
    benchmark:
        f"{RESULTS}/benchmarks/manifests/{{dataset}}.tsv"
    wildcard_constraints:
        dataset="|".join(CUT_DATASETS),
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(720),
    params:
        settings=lambda w: settings(
            "manifest.py",
            "manifest",
            w.dataset,
            adapter=BLOCKS[w.dataset]["adapter"],
            **clip_settings(w.dataset),
            **own_audio_settings(w.dataset),
            **judging_settings(w.dataset),
        ),
    message:
        "manifest {wildcards.dataset}"
    script:
        "../scripts/manifest.py"


rule shared_recordings:
    input:
        lambda w: [manifest_of(name) for name in [w.dataset, *compared_with(w.dataset)]],
    output:
        # What was there stays until it is replaced: without it, features would be made anew.
        update(f"{RESULTS}/manifests/{{dataset}}.shared.csv"),
    log:
        log_of("shared_recordings/{dataset}"),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: settings(
            "shared.py",
            datasets=[w.dataset, *compared_with(w.dataset)],
            role=role_of(w.dataset),
        ),
    message:
        "audio of {wildcards.dataset} that other datasets of the run hold"
    script:
        "../scripts/shared.py"


SUMMARIES = expand(
    f"{RESULTS}/manifests/{{dataset}}.summary.{{kind}}",
    dataset=[*TESTED, *sorted(set(OOD_WINDOWS.values()))],
    kind=["csv", "md"],
)

# Those that networks of the run are trained on, or score, without what other datasets hold.
WITHOUT_SHARED = [
    name
    for name in [*([UPSTREAM] if trained_upstream(config["pretrain"]) else []), OOD]
    if name and left_out_of(name)
]


rule dataset_summary:
    input:
        manifest=rules.manifest.output.manifest,
        missing=rules.manifest.output.missing,
        features=f"{RESULTS}/features/{{dataset}}.h5",
        shared=lambda w: shared_list_of(w.dataset),
        left_out=lambda w: left_out_of(w.dataset),
    output:
        csv=f"{RESULTS}/manifests/{{dataset}}.summary.csv",
        md=f"{RESULTS}/manifests/{{dataset}}.summary.md",
    log:
        log_of("summaries/{dataset}"),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: settings(
            "summary.py",
            adapter_name=BLOCKS[w.dataset]["adapter"],
            walked=walked_folder(w.dataset),
        ),
    message:
        "summary of {wildcards.dataset}"
    script:
        "../scripts/summary.py"
