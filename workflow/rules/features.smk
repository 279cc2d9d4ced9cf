# Log-mel features, one HDF5 file per dataset.


def extraction_settings(dataset: str) -> dict:
    block = config["datasets"][dataset]
    return {
        "block": {key: block[key] for key in ("clip_seconds", "padding", "task")},
        "features": dict(sorted(config["features"].items())),
    }


rule features:
    input:
        manifest=rules.manifest.output,
        audio=lambda w: audio_of(w.dataset),
    output:
        f"{RESULTS}/features/{{dataset}}.h5",
    log:
        log_of("features/{dataset}"),
    benchmark:
        f"{RESULTS}/benchmarks/features/{{dataset}}.tsv"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=720,
    params:
        settings=lambda w: settings("features.py", **extraction_settings(w.dataset)),
    message:
        "features {wildcards.dataset}"
    script:
        "../scripts/features.py"
