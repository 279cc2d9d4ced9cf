# The baselines of Table 5: the same networks from a random start.


rule scratch:
    input:
        features=f"{RESULTS}/features/{{dataset}}.h5",
    output:
        checkpoint=checkpoint_of("{strategy}", "{dataset}", "{fold}", "scratch"),
        sidecar=checkpoint_of("{strategy}", "{dataset}", "{fold}", "scratch").replace(
            ".safetensors", ".json"
        ),
        curves=f"{RESULTS}/curves/{{dataset}}/{{strategy}}/fold{{fold}}/scratch.csv",
    log:
        log_of("scratch/{dataset}/{strategy}/fold{fold}"),
    benchmark:
        f"{RESULTS}/benchmarks/scratch/{{dataset}}/{{strategy}}/fold{{fold}}.tsv"
    conda:
        "../../environment.yml"
    resources:
        gpu=config["scratch"]["gpus"],
        mem_mb=growing(12000 * config["scratch"]["gpus"]),
        # A try that runs out of time is continued by the next one.
        runtime=growing(1440),
    params:
        settings=lambda w: settings(
            "scratch.py",
            "scratch",
            w.dataset,
            w.strategy,
            w.fold,
            training=scratch_settings(),
            **network_settings(w.strategy),
        ),
    message:
        "scratch {wildcards.dataset} {wildcards.strategy} fold {wildcards.fold}"
    script:
        "../scripts/scratch.py"
