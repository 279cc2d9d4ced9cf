# Pretraining on the multi-label upstream set (section 3.4): det and drop from a random start,
# flip from MOPED. Or, with `pretrain.source: checkpoint`, weights that exist already.


IMPORTED_STRATEGIES = [s for s in UPSTREAM_STRATEGIES if weights_of(s)]
TRAINED_STRATEGIES = [s for s in UPSTREAM_STRATEGIES if not weights_of(s)]


rule pretrain:
    input:
        features=f"{RESULTS}/features/{UPSTREAM}.h5",
        start=lambda w: upstream_checkpoint_of("moped") if w.strategy == "flip" else [],
    output:
        checkpoint=f"{RESULTS}/checkpoints/upstream/{{strategy}}.safetensors",
        sidecar=f"{RESULTS}/checkpoints/upstream/{{strategy}}.json",
        curves=f"{RESULTS}/curves/upstream/{{strategy}}.csv",
    log:
        log_of("pretrain/{strategy}"),
    benchmark:
        f"{RESULTS}/benchmarks/pretrain/{{strategy}}.tsv"
    wildcard_constraints:
        strategy=one_of(TRAINED_STRATEGIES),
    # Most jobs wait for these networks, the longest chain of them for Det: a free slot is theirs
    # before it is that of a baseline from scratch, which is ready at any time.
    priority: lambda w: 2 if w.strategy == "det" else 1
    conda:
        "../../environment.yml"
    resources:
        gpu=config["pretrain"]["gpus"],
        mem_mb=growing(16000 * config["pretrain"]["gpus"]),
        # A try that runs out of time is continued by the next one.
        runtime=growing(2880),
    params:
        settings=lambda w: settings(
            "pretrain.py",
            "pretrain",
            w.strategy,
            training=pretraining_settings(w.strategy),
            **network_settings(w.strategy),
        ),
    message:
        "pretrain {wildcards.strategy}"
    script:
        "../scripts/pretrain.py"


localrules:
    download_weights,


rule download_weights:
    output:
        f"{DATA}/weights/{{strategy}}/{{file}}",
    log:
        log_of("download/weights/{strategy}/{file}"),
    wildcard_constraints:
        file=".+",
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: archive_settings(weights_entry(w.strategy)),
    message:
        "download weights of {wildcards.strategy}: {wildcards.file}"
    script:
        "../scripts/download.py"


rule import_weights:
    input:
        weights=lambda w: weights_inputs(w.strategy),
    output:
        checkpoint=f"{RESULTS}/checkpoints/upstream/{{strategy}}.safetensors",
        sidecar=f"{RESULTS}/checkpoints/upstream/{{strategy}}.json",
    log:
        log_of("import_weights/{strategy}"),
    benchmark:
        f"{RESULTS}/benchmarks/import_weights/{{strategy}}.tsv"
    wildcard_constraints:
        strategy=one_of(IMPORTED_STRATEGIES),
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        settings=lambda w: settings(
            "import_weights.py",
            **archive_settings(weights_entry(w.strategy)),
            features=feature_settings(config["features"]),
            **network_settings(w.strategy),
        ),
    message:
        "import weights of {wildcards.strategy}"
    script:
        "../scripts/import_weights.py"
