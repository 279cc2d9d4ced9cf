# Transfer per fold (section 3.5): a new head on the frozen backbone, then everything finetuned.

BACKBONE_OF = {"det": "det", "drop": "drop", "det_flip": "det", "flip": "flip"}


def transfer_start(wildcards) -> str:
    if wildcards.phase == "fixed":
        return upstream_checkpoint_of(BACKBONE_OF[wildcards.strategy])
    return checkpoint_of(wildcards.strategy, wildcards.dataset, wildcards.fold, "fixed")


def validation_settings() -> dict:
    """The validation block, or no more of it than that nothing is validated."""
    block = config["validation"]
    return dict(block) if block["split"] != "none" else {"split": "none"}


def transfer_settings(phase: str) -> dict:
    """The transfer block as one phase sees it: its own keys lifted, the other phase left out."""
    block = config["transfer"]
    shared = ("batch_size", "amsgrad", "mixup_alpha", "spec_augment")
    lifted = {key: block[key] for key in shared} | {"validation": validation_settings()}
    return lifted | block[phase]


rule transfer:
    input:
        features=f"{RESULTS}/features/{{dataset}}.h5",
        start=transfer_start,
    output:
        checkpoint=checkpoint_of("{strategy}", "{dataset}", "{fold}", "{phase}"),
        sidecar=checkpoint_of("{strategy}", "{dataset}", "{fold}", "{phase}").replace(
            ".safetensors", ".json"
        ),
    log:
        log_of("transfer/{dataset}/{strategy}/fold{fold}/{phase}"),
    benchmark:
        f"{RESULTS}/benchmarks/transfer/{{dataset}}/{{strategy}}/fold{{fold}}/{{phase}}.tsv"
    wildcard_constraints:
        phase="fixed|finetuned",
    resources:
        gpu=1,
        mem_mb=12000,
        runtime=1440,
    params:
        settings=lambda w: settings(
            "transfer.py",
            "transfer",
            w.dataset,
            w.strategy,
            w.fold,
            w.phase,
            training=transfer_settings(w.phase),
            **network_settings(),
        ),
    message:
        "transfer {wildcards.dataset} {wildcards.strategy} fold {wildcards.fold} {wildcards.phase}"
    script:
        "../scripts/transfer.py"
