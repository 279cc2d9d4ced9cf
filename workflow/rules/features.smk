# Log-mel features, one HDF5 file per dataset, or shards of it that are joined to one. Beside each
# lies <name>.rejected.csv, the clips that it lacks: no declared output, so that it outlives a
# failed job.

SHARDS = {name: BLOCKS[name].get("shards", 1) for name in CUT_DATASETS}
SHARDED = [name for name, shards in SHARDS.items() if shards > 1]
ONE_OF_SHARDED = "|".join(SHARDED) or "(?!)"


rule features:
    input:
        manifest=rules.manifest.output,
        audio=lambda w: audio_of(w.dataset),
        left_out=lambda w: left_out_as_it_is(w.dataset),
    output:
        f"{RESULTS}/features/{{dataset}}.h5",
    log:
        log_of("features/{dataset}"),
    benchmark:
        f"{RESULTS}/benchmarks/features/{{dataset}}.tsv"
    wildcard_constraints:
        dataset="|".join(name for name in SHARDS if name not in SHARDED) or "(?!)",
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(720),
    params:
        settings=lambda w: settings(
            "features.py", **extraction_settings(w.dataset), **left_out_settings(w.dataset)
        ),
    message:
        "features {wildcards.dataset}"
    script:
        "../scripts/features.py"


rule features_shard:
    input:
        manifest=rules.manifest.output,
        audio=lambda w: audio_of(w.dataset),
        left_out=lambda w: left_out_as_it_is(w.dataset),
    output:
        f"{RESULTS}/features/{{dataset}}/shard{{shard}}of{{shards}}.h5",
    log:
        log_of("features/{dataset}/shard{shard}of{shards}"),
    benchmark:
        f"{RESULTS}/benchmarks/features/{{dataset}}/shard{{shard}}of{{shards}}.tsv"
    wildcard_constraints:
        dataset=ONE_OF_SHARDED,
        shard="[0-9]+",
        shards="[0-9]+",
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=growing(8000),
        runtime=growing(720),
    params:
        settings=lambda w: settings(
            "features.py", **extraction_settings(w.dataset), **left_out_settings(w.dataset)
        ),
    message:
        "features {wildcards.dataset}, shard {wildcards.shard} of {wildcards.shards}"
    script:
        "../scripts/features.py"


rule join_features:
    input:
        lambda w: [
            f"{RESULTS}/features/{w.dataset}/shard{shard}of{SHARDS[w.dataset]}.h5"
            for shard in range(1, SHARDS[w.dataset] + 1)
        ],
    output:
        f"{RESULTS}/features/{{dataset}}.h5",
    log:
        log_of("features/{dataset}"),
    benchmark:
        f"{RESULTS}/benchmarks/features/{{dataset}}.tsv"
    wildcard_constraints:
        dataset=ONE_OF_SHARDED,
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(16000),
        runtime=growing(60),
    params:
        settings=settings("join_features.py"),
    message:
        "join features {wildcards.dataset}"
    script:
        "../scripts/join_features.py"
