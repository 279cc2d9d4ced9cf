# Out-of-distribution scoring: the same prediction code on clips that no network has trained on.


rule ood_upstream:
    input:
        checkpoint=upstream_checkpoint_of("{strategy}"),
        features=ood_features(UPSTREAM),
    output:
        f"{RESULTS}/ood/{UPSTREAM}/{{strategy}}/pretrained.h5",
    log:
        log_of(f"ood/{UPSTREAM}/{{strategy}}/pretrained"),
    benchmark:
        f"{RESULTS}/benchmarks/ood/{UPSTREAM}/{{strategy}}.tsv"
    conda:
        "../../environment.yml"
    resources:
        gpu=1,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=lambda w: prediction_settings(
            "ood", UPSTREAM, w.strategy, dataset=UPSTREAM, scored_dataset=OOD
        ),
    message:
        f"ood {UPSTREAM} {{wildcards.strategy}} on {OOD}"
    script:
        "../scripts/predict.py"


rule ood:
    input:
        checkpoint=checkpoint_of("{strategy}", "{dataset}", "{fold}", "{phase}"),
        features=lambda w: ood_features(w.dataset),
    output:
        f"{RESULTS}/ood/{{dataset}}/{{strategy}}/fold{{fold}}/{{phase}}.h5",
    log:
        log_of("ood/{dataset}/{strategy}/fold{fold}/{phase}"),
    benchmark:
        f"{RESULTS}/benchmarks/ood/{{dataset}}/{{strategy}}/fold{{fold}}/{{phase}}.tsv"
    conda:
        "../../environment.yml"
    resources:
        gpu=1,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=lambda w: prediction_settings(
            "ood",
            w.dataset,
            w.strategy,
            w.fold,
            w.phase,
            dataset=w.dataset,
            scored_dataset=OOD,
        ),
    message:
        f"ood {{wildcards.dataset}} {{wildcards.strategy}} fold {{wildcards.fold}} {{wildcards.phase}} on {OOD}"
    script:
        "../scripts/predict.py"
