# Label sets: other labels of the upstream set's clips than its publisher's, made by a teacher of the
# run and an ontology, or imported. Training may learn them, and metrics score against them.


localrules:
    download_label_set,
    import_label_set,
    label_quality,


rule enhance:
    input:
        unpack(lambda w: label_sets.label_set_inputs(RUN, w.label_set)),
    output:
        labels=label_sets.label_set_of(RUN, "{label_set}"),
        counts=label_sets.label_set_counts(RUN, "{label_set}"),
    log:
        log_of("label_sets/{label_set}"),
    benchmark:
        benchmark_of("label_sets/{label_set}")
    wildcard_constraints:
        label_set=one_of(label_sets.enhanced(RUN)),
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(16000),
        runtime=growing(120),
    params:
        settings=lambda w: label_sets.label_set_settings(RUN, w.label_set),
    message:
        "enhance: label set {wildcards.label_set}"
    script:
        "../scripts/label_set.py"


use rule enhance as import_label_set with:
    wildcard_constraints:
        label_set=one_of(label_sets.imported(RUN)),
    message:
        "import label set {wildcards.label_set}"


use rule download as download_label_set with:
    output:
        f"{DATA}/label_sets/{{label_set}}/{{key}}/{{file}}",
    log:
        log_of("download/label_sets/{label_set}/{key}/{file}"),
    params:
        settings=lambda w: datasets.download_settings(label_sets.label_set_entry(RUN, w.label_set)),
    message:
        "download label set {wildcards.label_set}: {wildcards.file}"


rule label_quality:
    input:
        unpack(lambda w: datasets.label_quality_inputs(RUN, w.dataset)),
    output:
        quality=datasets.label_quality_of(RUN, "{dataset}"),
    log:
        log_of("label_quality/{dataset}"),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: datasets.label_quality_settings(RUN, w.dataset),
    message:
        "label quality of {wildcards.dataset}"
    script:
        "../scripts/label_quality.py"
