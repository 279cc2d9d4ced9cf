# Monte Carlo samples kept one by one, of some clips: how good an uncertainty is by their number; and,
# with evaluation.mc_samples: auto, how many are enough, seen on the validation fold.

from vipann.plan.uncertainty import samples


localrules:
    choose_samples,
    sample_curves,


rule samples:
    input:
        checkpoint=TRANSFERRED.checkpoint,
        features=lambda w: network(w).tested_features,
    output:
        samples.samples_of(TRANSFERRED),
    log:
        log_of(f"samples/{TRANSFERRED.path}"),
    benchmark:
        benchmark_of(f"samples/{TRANSFERRED.path}")
    conda:
        "../../environment.yml"
    resources:
        gpu=1,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=lambda w: samples.sampling_settings(network(w)),
    message:
        "samples {wildcards.dataset} {wildcards.strategy} fold {wildcards.fold} {wildcards.phase}"
    script:
        "../scripts/samples.py"


use rule samples as samples_upstream with:
    input:
        checkpoint=PRETRAINED.checkpoint,
        features=datasets.features_of(RUN, RUN.upstream),
    output:
        samples.samples_of(PRETRAINED),
    log:
        log_of(f"samples/{PRETRAINED.path}"),
    benchmark:
        benchmark_of(f"samples/{RUN.upstream}/{{strategy}}")
    resources:
        gpu=1,
        mem_mb=growing(16000),
        runtime=growing(1440),
    message:
        f"samples {RUN.upstream} {{wildcards.strategy}}"


use rule samples as validation_samples with:
    output:
        samples.validation_samples_of(TRANSFERRED),
    log:
        log_of(f"samples/{TRANSFERRED.path}.validation"),
    benchmark:
        benchmark_of(f"samples/{TRANSFERRED.path}.validation")
    params:
        settings=lambda w: samples.sampling_settings(network(w), on_validation=True),
    message:
        "samples {wildcards.dataset} {wildcards.strategy} fold {wildcards.fold} {wildcards.phase} on its validation fold"


rule choose_samples:
    input:
        rules.validation_samples.output,
    output:
        TRANSFERRED.chosen_samples_file,
    log:
        log_of(f"samples/{TRANSFERRED.path}.chosen"),
    conda:
        "../../environment.yml"
    params:
        settings=RUN.settings("choose_samples.py"),
    message:
        "how many samples for {wildcards.dataset} {wildcards.strategy} fold {wildcards.fold} {wildcards.phase}"
    script:
        "../scripts/choose_samples.py"


rule sample_curves:
    input:
        lambda w: [samples.samples_of(one) for one in samples.sampled(RUN, w.dataset)],
    output:
        samples.curves_file(RUN, "{dataset}"),
    log:
        log_of("metrics/{dataset}.samples"),
    conda:
        "../../environment.yml"
    params:
        settings=RUN.settings("sample_curves.py"),
    message:
        "uncertainty by number of samples, {wildcards.dataset}"
    script:
        "../scripts/sample_curves.py"
