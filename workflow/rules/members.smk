# Deep ensembles: Det networks of other seeds, upstream and on the folds of the transfer datasets, and
# the mean of their predictions, which is the strategy ens.

UPSTREAM_MEMBER = Member(RUN, "det", number="{number}")
FOLD_MEMBER = Member(RUN, "det", "{dataset}", "{fold}", "{phase}", number="{number}")
UPSTREAM_ENSEMBLE = Network(RUN, ENSEMBLE)
FOLD_ENSEMBLE = Network(RUN, ENSEMBLE, "{dataset}", "{fold}", "{phase}")


wildcard_constraints:
    number="[0-9]+",
    clips="predictions|ood|validation",


use rule pretrain as pretrain_member with:
    input:
        features=datasets.features_of(RUN, RUN.upstream),
        recordings=lambda w: Member(RUN, "det", number=2).heard_recordings,
        start=Member(RUN, "det", number=2).start,
        labels=Member(RUN, "det", number=2).labels,
    output:
        checkpoint=UPSTREAM_MEMBER.checkpoint,
        sidecar=UPSTREAM_MEMBER.sidecar,
        curves=UPSTREAM_MEMBER.curves,
    log:
        log_of("pretrain/members/{number}"),
    benchmark:
        benchmark_of("pretrain/members/{number}")
    wildcard_constraints:
        number="[0-9]+",
    priority: 0
    resources:
        gpu=config["pretrain"]["gpus"],
        mem_mb=growing(16000 * config["pretrain"]["gpus"]),
        runtime=growing(2880),
    params:
        settings=lambda w: Member(RUN, "det", number=w.number).training_settings,
    message:
        "pretrain member {wildcards.number}"


use rule transfer as transfer_member with:
    input:
        features=lambda w: fold_member(w).learnt_features,
        recordings=lambda w: fold_member(w).heard_recordings,
        start=lambda w: fold_member(w).start,
    output:
        checkpoint=FOLD_MEMBER.checkpoint,
        sidecar=FOLD_MEMBER.sidecar,
        curves=FOLD_MEMBER.curves,
    log:
        log_of(f"transfer/{FOLD_MEMBER.path}"),
    benchmark:
        benchmark_of(f"transfer/{FOLD_MEMBER.path}")
    resources:
        gpu=config["transfer"]["gpus"],
        mem_mb=growing(12000 * config["transfer"]["gpus"]),
        runtime=growing(1440),
    params:
        settings=lambda w: fold_member(w).training_settings,
    message:
        "transfer {wildcards.dataset} member {wildcards.number} fold {wildcards.fold} {wildcards.phase}"


use rule predict as predict_member with:
    input:
        checkpoint=FOLD_MEMBER.checkpoint,
        features=lambda w: fold_member(w).tested_features,
    output:
        FOLD_MEMBER.predictions,
    log:
        log_of(f"predictions/{FOLD_MEMBER.path}"),
    benchmark:
        benchmark_of(f"predictions/{FOLD_MEMBER.path}")
    params:
        settings=lambda w: fold_member(w).prediction_settings,
    message:
        "predict {wildcards.dataset} member {wildcards.number} fold {wildcards.fold} {wildcards.phase}"


use rule predict_upstream as predict_upstream_member with:
    input:
        checkpoint=UPSTREAM_MEMBER.checkpoint,
        features=datasets.features_of(RUN, RUN.upstream),
    output:
        UPSTREAM_MEMBER.predictions,
    log:
        log_of(f"predictions/{UPSTREAM_MEMBER.path}"),
    benchmark:
        benchmark_of(f"predictions/{RUN.upstream}/members/{{number}}")
    params:
        settings=lambda w: Member(RUN, "det", number=w.number).prediction_settings,
    message:
        f"predict {RUN.upstream} member {{wildcards.number}}"


use rule predict as predict_validation_member with:
    input:
        checkpoint=FOLD_MEMBER.checkpoint,
        features=lambda w: fold_member(w).tested_features,
    output:
        FOLD_MEMBER.validation_predictions,
    log:
        log_of(f"validation/{FOLD_MEMBER.path}"),
    benchmark:
        benchmark_of(f"validation/{FOLD_MEMBER.path}")
    params:
        settings=lambda w: fold_member(w).validation_settings,
    message:
        "predict {wildcards.dataset} member {wildcards.number} fold {wildcards.fold} {wildcards.phase} on its validation fold"


use rule ood as ood_member with:
    input:
        checkpoint=FOLD_MEMBER.checkpoint,
        features=lambda w: fold_member(w).ood_features,
    output:
        FOLD_MEMBER.ood_predictions,
    log:
        log_of(f"ood/{FOLD_MEMBER.path}"),
    benchmark:
        benchmark_of(f"ood/{FOLD_MEMBER.path}")
    params:
        settings=lambda w: fold_member(w).ood_settings,
    message:
        f"ood {{wildcards.dataset}} member {{wildcards.number}} fold {{wildcards.fold}} {{wildcards.phase}} on {RUN.ood}"


use rule ood_upstream as ood_upstream_member with:
    input:
        checkpoint=UPSTREAM_MEMBER.checkpoint,
        features=UPSTREAM_MEMBER.ood_features,
    output:
        UPSTREAM_MEMBER.ood_predictions,
    log:
        log_of(f"ood/{UPSTREAM_MEMBER.path}"),
    benchmark:
        benchmark_of(f"ood/{RUN.upstream}/members/{{number}}")
    params:
        settings=lambda w: Member(RUN, "det", number=w.number).ood_settings,
    message:
        f"ood {RUN.upstream} member {{wildcards.number}} on {RUN.ood}"


# Of own clips, of the out-of-distribution ones, or of the validation fold.
rule seed_ensemble:
    input:
        lambda w: [
            f"{RESULTS}/{w.clips}/{one.path}.h5"
            for one in members.member_networks(RUN, w.dataset, w.fold, w.phase)
        ],
    output:
        f"{RESULTS}/{{clips}}/{FOLD_ENSEMBLE.path}.h5",
    log:
        log_of(f"{{clips}}/{FOLD_ENSEMBLE.path}"),
    benchmark:
        benchmark_of(f"{{clips}}/{FOLD_ENSEMBLE.path}")
    conda:
        "../../environment.yml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings=lambda w: members.ensemble_settings(RUN, w.dataset, w.fold, w.phase),
    message:
        "ensemble {wildcards.dataset} fold {wildcards.fold} {wildcards.phase} ({wildcards.clips})"
    script:
        "../scripts/seed_ensemble.py"


use rule seed_ensemble as seed_ensemble_upstream with:
    input:
        lambda w: [
            f"{RESULTS}/{w.clips}/{one.path}.h5"
            for one in members.member_networks(RUN, None, None, networks.PRETRAINED)
        ],
    output:
        f"{RESULTS}/{{clips}}/{UPSTREAM_ENSEMBLE.path}.h5",
    log:
        log_of(f"{{clips}}/{UPSTREAM_ENSEMBLE.path}"),
    benchmark:
        benchmark_of(f"{{clips}}/{UPSTREAM_ENSEMBLE.path}")
    params:
        settings=lambda w: members.ensemble_settings(RUN),
    message:
        f"ensemble {RUN.upstream} ({{wildcards.clips}})"
