# Pretraining on the multi-label upstream set (section 3.4): det and drop from a random start,
# flip from MOPED.


rule pretrain:
    input:
        features=f"{RESULTS}/features/{UPSTREAM}.h5",
        start=lambda w: upstream_checkpoint_of("moped") if w.strategy == "flip" else [],
    output:
        checkpoint=f"{RESULTS}/checkpoints/upstream/{{strategy}}.safetensors",
        sidecar=f"{RESULTS}/checkpoints/upstream/{{strategy}}.json",
    log:
        log_of("pretrain/{strategy}"),
    benchmark:
        f"{RESULTS}/benchmarks/pretrain/{{strategy}}.tsv"
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=10080,
    params:
        settings=lambda w: settings(
            "pretrain.py",
            "pretrain",
            w.strategy,
            training=config["pretrain"] | {"steps": config["pretrain"]["steps"][w.strategy]},
            **network_settings(),
        ),
    message:
        "pretrain {wildcards.strategy}"
    script:
        "../scripts/pretrain.py"
