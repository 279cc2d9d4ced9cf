# MOPED (section 3.1): the Flipout network's start from the deterministic one; nothing is trained.


localrules:
    moped,


rule moped:
    input:
        det=upstream_checkpoint_of("det"),
    output:
        checkpoint=f"{RESULTS}/checkpoints/upstream/moped.safetensors",
        sidecar=f"{RESULTS}/checkpoints/upstream/moped.json",
    log:
        log_of("moped"),
    conda:
        "../../environment.yml"
    params:
        settings=settings("moped.py", **network_settings()),
    message:
        "moped"
    script:
        "../scripts/moped.py"
