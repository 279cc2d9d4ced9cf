# Transfer per fold (section 3.5): a new head on the frozen backbone, then everything finetuned; and
# the baselines of Table 5, the same networks from a random start.


rule transfer:
    input:
        features=lambda w: network(w).learnt_features,
        recordings=lambda w: network(w).heard_recordings,
        start=lambda w: network(w).start,
    output:
        checkpoint=TRANSFERRED.checkpoint,
        sidecar=TRANSFERRED.sidecar,
        curves=TRANSFERRED.curves,
    log:
        log_of(f"transfer/{TRANSFERRED.path}"),
    benchmark:
        benchmark_of(f"transfer/{TRANSFERRED.path}")
    wildcard_constraints:
        phase=one_of(networks.TRANSFER_PHASES),
    conda:
        "../../environment.yml"
    resources:
        gpu=config["transfer"]["gpus"],
        mem_mb=growing(12000 * config["transfer"]["gpus"]),
        # A try that runs out of time is continued by the next one.
        runtime=growing(1440),
    params:
        settings=lambda w: network(w).training_settings,
    message:
        "transfer {wildcards.dataset} {wildcards.strategy} fold {wildcards.fold} {wildcards.phase}"
    script:
        "../scripts/transfer.py"


rule scratch:
    input:
        features=datasets.features_of(RUN, "{dataset}"),
        recordings=lambda w: network(w, phase=networks.SCRATCH).heard_recordings,
        start=lambda w: network(w, phase=networks.SCRATCH).start,
    output:
        checkpoint=FROM_SCRATCH.checkpoint,
        sidecar=FROM_SCRATCH.sidecar,
        curves=FROM_SCRATCH.curves,
    log:
        log_of("scratch/{dataset}/{strategy}/fold{fold}"),
    benchmark:
        benchmark_of("scratch/{dataset}/{strategy}/fold{fold}")
    conda:
        "../../environment.yml"
    resources:
        gpu=config["scratch"]["gpus"],
        mem_mb=growing(12000 * config["scratch"]["gpus"]),
        # A try that runs out of time is continued by the next one.
        runtime=growing(1440),
    params:
        settings=lambda w: network(w, phase=networks.SCRATCH).training_settings,
    message:
        "scratch {wildcards.dataset} {wildcards.strategy} fold {wildcards.fold}"
    script:
        "../scripts/scratch.py"
