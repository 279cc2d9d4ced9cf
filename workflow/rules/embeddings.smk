# What networks make of clips before their last layer, once for each; scores of out-of-distribution
# clips and a Laplace approximation of the last layer, which are computed from it.


rule embed:
    input:
        checkpoint=TRANSFERRED.checkpoint,
        features=datasets.features_of(RUN, "{dataset}"),
        outside=lambda w: network(w).ood_features,
    output:
        embeddings_of(TRANSFERRED),
    log:
        log_of(f"embeddings/{TRANSFERRED.path}"),
    benchmark:
        benchmark_of(f"embeddings/{TRANSFERRED.path}")
    conda:
        "../../environment.yml"
    resources:
        gpu=1,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=lambda w: embedding_settings(network(w)),
    message:
        "embed {wildcards.dataset} {wildcards.strategy} fold {wildcards.fold} {wildcards.phase}"
    script:
        "../scripts/embed.py"


use rule embed as embed_upstream with:
    input:
        checkpoint=PRETRAINED.checkpoint,
        features=datasets.features_of(RUN, RUN.upstream),
        outside=PRETRAINED.ood_features,
    output:
        embeddings_of(PRETRAINED),
    log:
        log_of(f"embeddings/{PRETRAINED.path}"),
    benchmark:
        benchmark_of(f"embeddings/{RUN.upstream}/{{strategy}}")
    resources:
        gpu=1,
        mem_mb=growing(16000),
        runtime=growing(1440),
    message:
        f"embed {RUN.upstream} {{wildcards.strategy}}"


rule ood_scores:
    input:
        embeddings=lambda w: [embeddings_of(n) for n in ood_scores.scored_networks(RUN, w.dataset)],
        predictions=lambda w: [n.predictions for n in ood_scores.scored_networks(RUN, w.dataset)],
        ood=lambda w: [n.ood_predictions for n in ood_scores.scored_networks(RUN, w.dataset)],
    output:
        ood_scores.ood_scores_of(RUN, "{dataset}"),
    log:
        log_of("metrics/{dataset}.ood_scores"),
    benchmark:
        benchmark_of("metrics/{dataset}.ood_scores")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=lambda w: ood_scores.ood_scores_settings(RUN),
    message:
        "scores of out-of-distribution clips by the networks of {wildcards.dataset}"
    script:
        "../scripts/ood_scores.py"


rule laplace:
    input:
        checkpoint=TRANSFERRED.checkpoint,
        embeddings=embeddings_of(TRANSFERRED),
    output:
        own=laplace.laplace_predictions(TRANSFERRED),
        outside=laplace.laplace_ood_predictions(TRANSFERRED),
    log:
        log_of(f"laplace/{TRANSFERRED.path}"),
    benchmark:
        benchmark_of(f"laplace/{TRANSFERRED.path}")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        settings=lambda w: laplace.laplace_settings(network(w)),
    message:
        "Laplace approximation {wildcards.dataset} {wildcards.strategy} fold {wildcards.fold} {wildcards.phase}"
    script:
        "../scripts/laplace.py"


use rule laplace as laplace_upstream with:
    input:
        checkpoint=PRETRAINED.checkpoint,
        embeddings=embeddings_of(PRETRAINED),
    output:
        own=laplace.laplace_predictions(PRETRAINED),
        outside=laplace.laplace_ood_predictions(PRETRAINED),
    log:
        log_of(f"laplace/{PRETRAINED.path}"),
    benchmark:
        benchmark_of(f"laplace/{RUN.upstream}/{{strategy}}")
    resources:
        mem_mb=growing(16000),
        runtime=growing(240),
    message:
        f"Laplace approximation {RUN.upstream} {{wildcards.strategy}}"


rule laplace_scores:
    input:
        own=lambda w: [laplace.laplace_predictions(n) for n in laplace.approximated(RUN, w.dataset)],
        outside=lambda w: [
            laplace.laplace_ood_predictions(n) for n in laplace.approximated(RUN, w.dataset)
        ],
    output:
        metrics=laplace.laplace_scores_of(RUN, "{dataset}", "laplace"),
        intervals=laplace.laplace_scores_of(RUN, "{dataset}", "laplace_intervals"),
    log:
        log_of("metrics/{dataset}.laplace"),
    benchmark:
        benchmark_of("metrics/{dataset}.laplace")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=lambda w: laplace.laplace_scores_settings(RUN),
    message:
        "scores of the Laplace approximation {wildcards.dataset}"
    script:
        "../scripts/laplace_scores.py"
