# From the place where a dataset really lies to audio files and the list of its clips.


def archive_entry(dataset: str, file: str) -> dict:
    entries = config["datasets"][dataset].get("archives", [])
    return next(dict(entry) for entry in entries if entry["file"] == file)


def archives_of(wildcards) -> list[str]:
    entries = config["datasets"][wildcards.dataset].get("archives", [])
    return [f"{DATA}/{wildcards.dataset}/archives/{entry['file']}" for entry in entries]


def audio_of(dataset: str) -> str:
    """The folder with a dataset's audio: the user's own, or what `audio` fills."""
    return config["datasets"][dataset]["options"].get("path") or f"{DATA}/{dataset}/audio"


def fetched_of(dataset: str) -> list[str]:
    """What the shards that fetch a dataset's clips one by one leave on record."""
    options = config["datasets"][dataset]["options"]
    shards = options.get("fetch_shards", 1) if options.get("fetch") else 0
    return [f"{DATA}/{dataset}/fetched/{i}-of-{shards}.csv" for i in range(1, shards + 1)]


def fetch_settings(dataset: str) -> dict:
    options = config["datasets"][dataset]["options"]
    clips = options.get("audio_dir") or f"{DATA}/{dataset}/clips"
    return {"arguments": options.get("yt_dlp_args", []), "clips": clips}


def clip_settings(dataset: str) -> dict:
    """The part of a dataset's block that decides on its audio and its list of clips."""
    block = config["datasets"][dataset]
    kept = ("adapter", "task", "clip_seconds", "folds", "options")
    block = {key: block[key] for key in sorted(kept)}
    how = ("fetch", "fetch_shards", "yt_dlp_args")
    block["options"] = {key: value for key, value in block["options"].items() if key not in how}
    return {"block": block}


localrules:
    download,
    audio,
    dataset_summary,


rule download:
    output:
        f"{DATA}/{{dataset}}/archives/{{file}}",
    log:
        log_of("download/{dataset}/{file}"),
    wildcard_constraints:
        file=".+",
    params:
        settings=lambda w: {"entry": archive_entry(w.dataset, w.file)},
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
    wildcard_constraints:
        shard="[0-9]+",
        shards="[0-9]+",
    resources:
        mem_mb=4000,
        runtime=1440,
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
    params:
        settings=lambda w: settings(
            "audio.py",
            "audio",
            w.dataset,
            adapter=config["datasets"][w.dataset]["adapter"],
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
    resources:
        mem_mb=8000,
        runtime=720,
    params:
        settings=lambda w: settings(
            "manifest.py",
            "manifest",
            w.dataset,
            adapter=config["datasets"][w.dataset]["adapter"],
            **clip_settings(w.dataset),
        ),
    message:
        "manifest {wildcards.dataset}"
    script:
        "../scripts/manifest.py"


SUMMARIES = expand(
    f"{RESULTS}/manifests/{{dataset}}.summary.{{kind}}",
    dataset=[*TESTED, *([OOD] if OOD else [])],
    kind=["csv", "md"],
)


rule dataset_summary:
    input:
        manifest=rules.manifest.output.manifest,
        missing=rules.manifest.output.missing,
        features=f"{RESULTS}/features/{{dataset}}.h5",
    output:
        csv=f"{RESULTS}/manifests/{{dataset}}.summary.csv",
        md=report(
            f"{RESULTS}/manifests/{{dataset}}.summary.md",
            caption="../report/dataset.rst",
            category="Datasets",
            labels={"dataset": "{dataset}"},
        ),
    log:
        log_of("summaries/{dataset}"),
    params:
        settings=settings("summary.py"),
    message:
        "summary of {wildcards.dataset}"
    script:
        "../scripts/summary.py"
