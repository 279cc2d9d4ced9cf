# Log-mel features, one HDF5 file per dataset, or shards of it that are joined to one. Beside each
# lies <name>.rejected.csv, the clips that it lacks: no declared output, so that it outlives a
# failed job.

SHARDS = datasets.shards_of(RUN)
SHARDED = [name for name, shards in SHARDS.items() if shards > 1]


rule features:
    input:
        manifest=rules.manifest.output,
        audio=lambda w: datasets.audio_of(RUN, w.dataset),
        left_out=left_out,
    output:
        datasets.features_of(RUN, "{dataset}"),
    log:
        log_of("features/{dataset}"),
    benchmark:
        benchmark_of("features/{dataset}")
    wildcard_constraints:
        dataset=one_of([name for name in SHARDS if name not in SHARDED]),
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(720),
    params:
        settings=lambda w: datasets.features_settings(RUN, w.dataset),
    message:
        "features {wildcards.dataset}"
    script:
        "../scripts/features.py"


use rule features as features_shard with:
    output:
        f"{RESULTS}/features/{{dataset}}/shard{{shard}}of{{shards}}.h5",
    log:
        log_of("features/{dataset}/shard{shard}of{shards}"),
    benchmark:
        benchmark_of("features/{dataset}/shard{shard}of{shards}")
    wildcard_constraints:
        dataset=one_of(SHARDED),
        shard="[0-9]+",
        shards="[0-9]+",
    resources:
        mem_mb=growing(8000),
        runtime=growing(720),
    message:
        "features {wildcards.dataset}, shard {wildcards.shard} of {wildcards.shards}"


rule join_features:
    input:
        lambda w: expand(
            rules.features_shard.output,
            dataset=w.dataset,
            shard=range(1, SHARDS[w.dataset] + 1),
            shards=SHARDS[w.dataset],
        ),
    output:
        rules.features.output,
    log:
        log_of("features/{dataset}"),
    benchmark:
        benchmark_of("features/{dataset}")
    wildcard_constraints:
        dataset=one_of(SHARDED),
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(16000),
        runtime=growing(60),
    params:
        settings=datasets.joining_settings(RUN),
    message:
        "join features {wildcards.dataset}"
    script:
        "../scripts/join_features.py"
