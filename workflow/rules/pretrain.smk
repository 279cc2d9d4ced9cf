# Pretraining on the multi-label upstream set (section 3.4): det and drop from a random start,
# flip from MOPED. Or, with `pretrain.source: checkpoint`, weights that exist already.

IMPORTED = [s for s in networks.UPSTREAM_STRATEGIES if weights.file_of(RUN, s)]
TRAINED = [s for s in networks.UPSTREAM_STRATEGIES if s not in IMPORTED]


localrules:
    download_weights,
    download_imagenet,
    moped,


rule pretrain:
    input:
        features=datasets.features_of(RUN, RUN.upstream),
        recordings=lambda w: network(w).heard_recordings,
        start=lambda w: network(w).start,
        labels=lambda w: network(w).labels,
    output:
        checkpoint=PRETRAINED.checkpoint,
        sidecar=PRETRAINED.sidecar,
        curves=PRETRAINED.curves,
    log:
        log_of("pretrain/{strategy}"),
    benchmark:
        benchmark_of("pretrain/{strategy}")
    wildcard_constraints:
        strategy=one_of(TRAINED),
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
        settings=lambda w: network(w).training_settings,
    message:
        "pretrain {wildcards.strategy}"
    script:
        "../scripts/pretrain.py"


use rule download as download_weights with:
    output:
        f"{DATA}/weights/{{strategy}}/{{key}}/{{file}}",
    log:
        log_of("download/weights/{strategy}/{key}/{file}"),
    params:
        settings=lambda w: datasets.download_settings(weights.entry_of(RUN, w.strategy)),
    message:
        "download weights of {wildcards.strategy}: {wildcards.file}"


use rule download as download_imagenet with:
    output:
        f"{DATA}/imagenet/{{file}}",
    log:
        log_of("download/imagenet/{file}"),
    params:
        settings=lambda w: weights.imagenet_settings(RUN, w.file),
    message:
        "download ImageNet weights: {wildcards.file}"


rule import_weights:
    input:
        weights=lambda w: weights.inputs_of(RUN, w.strategy),
    output:
        checkpoint=PRETRAINED.checkpoint,
        sidecar=PRETRAINED.sidecar,
    log:
        log_of("import_weights/{strategy}"),
    benchmark:
        benchmark_of("import_weights/{strategy}")
    wildcard_constraints:
        strategy=one_of(IMPORTED),
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        settings=lambda w: weights.import_settings(RUN, w.strategy),
    message:
        "import weights of {wildcards.strategy}"
    script:
        "../scripts/import_weights.py"


# MOPED (section 3.1): the Flipout network's start from the deterministic one; nothing is trained.
rule moped:
    input:
        det=Network(RUN, "det").checkpoint,
    output:
        checkpoint=Network(RUN, "moped").checkpoint,
        sidecar=Network(RUN, "moped").sidecar,
    log:
        log_of("moped"),
    conda:
        "../../environment.yml"
    params:
        settings=networks.moped_settings(RUN),
    message:
        "moped"
    script:
        "../scripts/moped.py"
