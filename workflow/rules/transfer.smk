# Transfer per fold (section 3.5): a new head on the frozen backbone, then everything finetuned.


rule transfer:
    input:
        features=f"{RESULTS}/features/{{dataset}}.h5",
        start=transfer_start,
    output:
        checkpoint=checkpoint_of("{strategy}", "{dataset}", "{fold}", "{phase}"),
        sidecar=checkpoint_of("{strategy}", "{dataset}", "{fold}", "{phase}").replace(
            ".safetensors", ".json"
        ),
        curves=f"{RESULTS}/curves/{{dataset}}/{{strategy}}/fold{{fold}}/{{phase}}.csv",
    log:
        log_of("transfer/{dataset}/{strategy}/fold{fold}/{phase}"),
    benchmark:
        f"{RESULTS}/benchmarks/transfer/{{dataset}}/{{strategy}}/fold{{fold}}/{{phase}}.tsv"
    wildcard_constraints:
        phase="fixed|finetuned",
    conda:
        "../../environment.yml"
    resources:
        gpu=config["transfer"]["gpus"],
        mem_mb=growing(12000 * config["transfer"]["gpus"]),
        # A try that runs out of time is continued by the next one.
        runtime=growing(1440),
    params:
        settings=lambda w: settings(
            "transfer.py",
            "transfer",
            w.dataset,
            w.strategy,
            w.fold,
            w.phase,
            training=transfer_settings(w.phase),
            **network_settings(w.strategy),
        ),
    message:
        "transfer {wildcards.dataset} {wildcards.strategy} fold {wildcards.fold} {wildcards.phase}"
    script:
        "../scripts/transfer.py"
