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


def clip_settings(dataset: str) -> dict:
    """The part of a dataset's block that decides on its audio and its list of clips."""
    block = config["datasets"][dataset]
    kept = ("adapter", "task", "clip_seconds", "folds", "options")
    return {"block": {key: block[key] for key in sorted(kept)}}


localrules:
    download,
    audio,
    manifest,


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


rule audio:
    input:
        archives=archives_of,
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
        f"{RESULTS}/manifests/{{dataset}}.parquet",
    log:
        log_of("manifests/{dataset}"),
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
